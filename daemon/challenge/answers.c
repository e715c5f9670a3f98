#include "daemon/challenge/answers.h"

#include "base/clock.h"

struct owned {
	const char *owner;
	size_t len;
	char **tokens;
};

int answers_put(struct txn *t, const char *owner, const char *token, const char *answer, struct err *e)
{
	struct rec_challenge challenge = {
		.id = (char *)token, .key_auth = (char *)answer, .order_id = (char *)owner, .created = clock_now(),
	};

	return rec_challenge_put(t, &challenge, e);
}

static int answers_collect(void *arg, void *rec, struct err *e)
{
	const struct rec_challenge *challenge = rec;
	struct owned *o = arg;
	const char *of = challenge->order_id;

	if (of && !strncmp(of, o->owner, o->len) && (!of[o->len] || of[o->len] == '/'))
		strv_add(&o->tokens, challenge->id);
	return 0;
}

int answers_delete(struct txn *t, const char *owner, struct err *e)
{
	struct owned o = { .owner = owner, .len = strlen(owner) };
	int result = record_each(t, &rec_challenge_type, "", false, answers_collect, &o, e);

	for (size_t i = 0; result >= 0 && i < strv_len(o.tokens); i++)
		result = rec_challenge_delete(t, o.tokens[i], e);
	strv_free(o.tokens);
	return result;
}
