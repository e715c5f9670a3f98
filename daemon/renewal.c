#include "daemon/renewal.h"

#include "acme/acme.h"

#define DAY 86400

int64_t renewal_time(int64_t not_before, int64_t not_after, int64_t before, uint64_t dice)
{
	int64_t life = MAX(not_after - not_before, 1);
	int64_t left = life < 10 * DAY ? life / 2 : life / 3;

	if (before > 0)
		left = MIN(before, life / 3 * 2);
	return not_after - left + (int64_t)(dice % (uint64_t)(left / 10 + 1));
}

/* Let's Encrypt's guide for large hosts: 1, 10, 100 minutes, then once a day. */
static const int64_t backoff[] = { 60, 600, 6000, DAY };

int64_t renewal_retry(int64_t failures, const struct err *e, int64_t now)
{
	size_t n = MIN((size_t)MAX(failures, 1), ARRAY_SIZE(backoff)) - 1;
	int64_t wait = backoff[n];

	if (e->kind == ERR_CA && e->code[0] && problem_policy(e->code) == PROBLEM_PERSON)
		wait = DAY;
	return MAX(now + wait, e->retry_at);
}
