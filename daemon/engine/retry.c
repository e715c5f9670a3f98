#include "daemon/engine/retry.h"

#include "acme/acme.h"

#define HOUR 3600
#define DAY 86400

/* Let's Encrypt's guide for large hosts: 1, 10, 100 minutes, then once a day. */
static const int64_t backoff[] = { 60, 600, 6000, DAY };

int64_t retry_backoff(int64_t failures)
{
	return backoff[MIN((size_t)MAX(failures, 1), ARRAY_SIZE(backoff)) - 1];
}

int64_t retry_at(int64_t failures, const struct err *e, int64_t now)
{
	int64_t wait = retry_backoff(failures);

	if (e->kind == ERR_CA && e->code[0] && problem_policy(e->code) == PROBLEM_PERSON)
		wait = DAY;
	if (str_eq(e->code, "rateLimited") && !e->retry_at)
		wait = MAX(wait, HOUR);
	return MAX(now + wait, e->retry_at);
}

bool retry_is_shared(const struct err *e)
{
	enum problem_about about = problem_about(e->code);

	if (e->kind == ERR_NETWORK || e->kind == ERR_TIMEOUT || e->kind == ERR_PROTOCOL)
		return true;
	return e->kind == ERR_CA && (about == ABOUT_ACCOUNT || about == ABOUT_RIGHTS || about == ABOUT_CA);
}

bool retry_may_help(const struct err *e)
{
	enum problem_policy policy = problem_policy(e->code);

	if (e->kind == ERR_CA)
		return policy == PROBLEM_RETRY || policy == PROBLEM_WAIT;
	return e->kind == ERR_NETWORK || e->kind == ERR_TIMEOUT || e->kind == ERR_PROTOCOL || e->kind == ERR_INTERNAL;
}
