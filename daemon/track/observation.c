#include "daemon/track/observation.h"

#include <stdarg.h>

#include "pki/key.h"

const char *observed_word(enum observed state)
{
	static const char *const words[] = {
		[OBSERVED_UNCHECKED] = "unchecked",
		[OBSERVED_VALID] = "valid",
		[OBSERVED_UNREACHABLE] = "unreachable",
		[OBSERVED_INVALID] = "invalid",
	};

	return words[state];
}

void observation_release(struct observation *v)
{
	free(v->says);
	free(v->version);
	free(v->cipher);
	chain_release(&v->chain);
	judgement_release(&v->judgement);
}

void observation_say(struct observation *v, enum observed state, const char *hint, const char *fmt, ...)
{
	va_list args;

	v->state = state;
	v->hint = hint;
	va_start(args, fmt);
	v->says = xvasprintf(fmt, args);
	va_end(args);
}

static json_t *faults_json(const struct judgement *j)
{
	json_t *list = json_array();

	for (size_t i = 0; i < FAULTS; i++) {
		json_t *one;

		if (!j->says[i])
			continue;
		one = json_object();
		json_put_str(one, "fault", fault_word((enum fault)i));
		json_put_str(one, "says", j->says[i]);
		json_put_str(one, "hint", fault_hint((enum fault)i));
		json_array_append_new(list, one);
	}
	return list;
}

static void put_leaf(json_t *o, const struct cert *leaf)
{
	_cleanup_free_ char *key = spki_text(slice_buf(&leaf->spki));

	json_put_str(o, "subject", leaf->subject);
	json_put_str(o, "issuer", cert_issuer(leaf));
	json_put_strv(o, "names", leaf->names);
	json_put_time(o, "not_before", leaf->not_before);
	json_put_time(o, "not_after", leaf->not_after);
	json_put_str(o, "serial", leaf->serial);
	json_put_str(o, "fingerprint", leaf->fingerprint);
	json_put_str(o, "key", key);
}

json_t *observation_json(const struct observation *v)
{
	json_t *o = json_object();

	json_put_str(o, "address", v->address);
	json_put_str(o, "state", observed_word(v->state));
	json_put_str(o, "says", v->says);
	json_put_str(o, "hint", v->hint);
	json_put_str(o, "tls", v->version);
	json_put_str(o, "cipher", v->cipher);
	json_put_int(o, "ms", v->ms);
	json_put_int(o, "certificates", (json_int_t)v->chain.count);
	if (!v->chain.count)
		return o;
	put_leaf(o, &v->chain.cert[0]);
	json_object_set_new(o, "faults", faults_json(&v->judgement));
	return o;
}
