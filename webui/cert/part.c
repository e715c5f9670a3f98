#include "webui/cert/part.h"

#include "base/clock.h"
#include "store/status.h"
#include "webui/page/watch.h"

#define DAY 86400

static const struct cert_part {
	const char *word, *label, *path;
	enum role role;
} parts[] = {
#define PART(word, label, path, role) { #word, label, path, ROLE_##role },
#include "webui/cert/part.def"
#undef PART
};

static json_t *list_parts(const struct request *r, const struct rec_cert *cert, const char *here)
{
	json_t *list = json_array();

	for (const struct cert_part *p = parts; p < parts + ARRAY_SIZE(parts); p++) {
		_cleanup_free_ char *path = xasprintf("/certificates/%s%s?staging=%s", cert->name, p->path,
						      cert->staging ? "true" : "false");
		json_t *o;

		if (!gate_lets_in(&r->visitor, p->role, r->webui->settings))
			continue;
		o = json_object();
		json_put_str(o, "label", p->label);
		json_put_str(o, "path", path);
		json_put_bool(o, "here", str_eq(p->word, here));
		json_array_append_new(list, o);
	}
	return list;
}

/* null: there is no such time. */
static void put_place(json_t *o, const char *member, const struct rec_cert *cert, int64_t time)
{
	int64_t life = MAX(cert->not_after - cert->not_before, 1);

	if (time)
		json_put_int(o, member, MIN(MAX((time - cert->not_before) * 1000 / life, 0), 1000));
	else
		json_object_set_new(o, member, json_null());
}

json_t *part_lifetime(const struct rec_cert *cert, int64_t now)
{
	bool renewed = !cert->revoked && !cert->imported && !cert->disabled;
	json_t *o;

	if (!cert->current)
		return json_null();
	o = json_object();
	put_place(o, "now", cert, now);
	put_place(o, "renewal", cert, renewed ? cert->renew_at : 0);
	put_place(o, "ari_start", cert, renewed ? cert->ari_start : 0);
	put_place(o, "ari_end", cert, renewed ? cert->ari_end : 0);
	json_put_int(o, "days_left", (cert->not_after - now) / DAY);
	return o;
}

/* What a person most probably came for. */
static const char *main_action(const struct rec_cert *cert, enum cert_status status)
{
	bool ordered = cert->account_id && *cert->account_id && !cert->imported;

	if (cert->disabled)
		return "enable";
	if (cert->open_order)
		return "";
	if (status == STATUS_undelivered)
		return "install";
	if (cert->imported)
		return "import";
	if (!ordered)
		return "";
	if (status == STATUS_revoked || status == STATUS_compromised)
		return "replace";
	return cert->current ? "renew" : "issue";
}

void part_put(json_t *page, const struct request *r, struct txn *t, const struct rec_cert *cert, const char *here)
{
	int64_t now = clock_now();

	watch_put_url(page, t, cert);
	json_object_set_new(page, "parts", list_parts(r, cert, here));
	json_object_set_new(page, "lifetime", part_lifetime(cert, now));
	json_put_str(page, "action", main_action(cert, cert_status(cert, now)));
}
