/* Answers to http-01 challenges (RFC 8555 section 8.3), for everybody. */
#include "base/encode.h"
#include "base/metric.h"
#include "webui/request.h"

#define TOKEN_MOST 256

int page_challenge(struct request *r, struct err *e)
{
	_cleanup_(rec_challenge_release) struct rec_challenge challenge = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	const char *token = params_get(&r->path, "token");

	if (!base64url_is(token) || strlen(token) > TOKEN_MOST)
		return reply_text(r, 404, "There is no such challenge.\n");
	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_challenge_get(t, &challenge, token, e) < 0)
		return e->kind == ERR_MISSING ? reply_text(r, 404, "There is no such challenge.\n") : -1;
	metric_add(METRIC_challenges, 1);
	return reply(r, 200, "text/plain", slice_str(challenge.key_auth));
}
