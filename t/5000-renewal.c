/* When certificates are renewed, and when failures are tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/engine/retry.h"
#include "daemon/order/renewal.h"

#define DAY 86400

static void when(int64_t life, int64_t before, int64_t *first, int64_t *last)
{
	int64_t end = 1800000000;

	*first = end - renewal_time(end - life, end, before, 0);
	*last = *first;
	for (uint64_t dice = 0; dice < 100000; dice += 7) {
		int64_t left = end - renewal_time(end - life, end, before, dice);

		*first = MAX(*first, left);
		*last = MIN(*last, left);
	}
}

static void a_third_is_left(void **state)
{
	int64_t first, last;

	when(90 * DAY, 0, &first, &last);
	assert_int_equal(first, 30 * DAY);
	assert_true(last >= 27 * DAY && last < 30 * DAY);	/* spread over a window */
}

static void half_is_left_of_short_lives(void **state)
{
	int64_t first, last;

	when(6 * DAY, 0, &first, &last);
	assert_int_equal(first, 3 * DAY);
	when(50, 0, &first, &last);
	assert_int_equal(first, 25);
	assert_true(last >= 22);
}

static void days_before_are_bounded_by_the_life(void **state)
{
	int64_t first, last;

	when(90 * DAY, 20 * DAY, &first, &last);
	assert_int_equal(first, 20 * DAY);
	when(90 * DAY, 365 * DAY, &first, &last);
	assert_int_equal(first, 60 * DAY);
}

static void retries_back_off(void **state)
{
	const int64_t now = 1800000000;
	struct err e = { .kind = ERR_NETWORK };

	assert_int_equal(retry_at(1, &e, now), now + 60);
	assert_int_equal(retry_at(2, &e, now), now + 600);
	assert_int_equal(retry_at(3, &e, now), now + 6000);
	assert_int_equal(retry_at(4, &e, now), now + DAY);
	assert_int_equal(retry_at(4000, &e, now), now + DAY);
}

static void the_ca_may_ask_for_more(void **state)
{
	const int64_t now = 1800000000;
	struct err limited = { .kind = ERR_CA, .code = "rateLimited", .retry_at = now + 3600 };
	struct err person = { .kind = ERR_CA, .code = "caa" };

	assert_int_equal(retry_at(1, &limited, now), now + 3600);
	limited.retry_at = now + 5;	/* never sooner than our own pace */
	assert_int_equal(retry_at(1, &limited, now), now + 60);
	assert_int_equal(retry_at(1, &person, now), now + DAY);
}

static void limits_without_a_time_wait_an_hour(void **state)
{
	const int64_t now = 1800000000;
	struct err limited = { .kind = ERR_CA, .code = "rateLimited" };

	assert_int_equal(retry_at(1, &limited, now), now + 3600);
	assert_int_equal(retry_at(4, &limited, now), now + DAY);
}

static void shared_trouble_is_told_from_own(void **state)
{
	static const struct {
		struct err e;
		bool shared;
	} cases[] = {
		{ { .kind = ERR_NETWORK }, true },
		{ { .kind = ERR_TIMEOUT }, true },
		{ { .kind = ERR_PROTOCOL }, true },
		{ { .kind = ERR_CA, .code = "accountDoesNotExist" }, true },
		{ { .kind = ERR_CA, .code = "userActionRequired" }, true },
		{ { .kind = ERR_CA, .code = "serverInternal" }, true },
		{ { .kind = ERR_CA, .code = "rejectedIdentifier" }, false },
		{ { .kind = ERR_CA, .code = "malformed" }, false },
		{ { .kind = ERR_CA, .code = "caa" }, false },
		{ { .kind = ERR_INTERNAL }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(retry_is_shared(&cases[i].e), cases[i].shared);
}

static void the_fallback_has_its_turn(void **state)
{
	const int64_t now = 1800000000;
	struct rec_cert cert = { .current = 1, .not_before = now - 60 * DAY, .not_after = now + 30 * DAY };

	assert_false(renewal_falls_back(&cert, 9, 3, now));	/* it has none */
	cert.fallback_id = (char *)"other";
	assert_false(renewal_falls_back(&cert, 0, 3, now));
	assert_true(renewal_falls_back(&cert, 3, 3, now));
	cert.failures = 2;
	assert_false(renewal_falls_back(&cert, 2, 3, now));
	cert.failures = 3;
	assert_true(renewal_falls_back(&cert, 0, 3, now));
	cert.failures = 4;	/* the first again, it may be well by now */
	assert_false(renewal_falls_back(&cert, 0, 3, now));
	cert.failures = 1;
	cert.not_after = now + 2 * DAY;	/* no time to be patient */
	assert_true(renewal_falls_back(&cert, 0, 3, now));
}

static void patience_has_an_end(void **state)
{
	const int64_t now = 1800000000;

	assert_int_equal(renewal_patience(now - 1, now), now + 60);
	assert_int_equal(renewal_patience(now - 4000, now), now + 1000);
	assert_int_equal(renewal_patience(now - 3 * DAY, now), now + 3600);
	assert_int_equal(renewal_patience(now - 8 * DAY, now), 0);
}

static void the_window_is_the_cas_within_reason(void **state)
{
	const int64_t now = 1800000000;
	struct rec_cert cert = { .current = 1, .not_before = now, .not_after = now + 100 * DAY, .renew_at = now + 66 * DAY };

	assert_true(renewal_choose(&cert, now + 50 * DAY, now + 51 * DAY, 7));
	assert_int_equal(cert.renew_at, now + 50 * DAY + 7);
	assert_false(renewal_choose(&cert, now + 50 * DAY, now + 51 * DAY, 8));	/* it stays, and so does the choice */
	assert_true(renewal_choose(&cert, now + 1000 * DAY, now + 1001 * DAY, 0));
	assert_true(cert.renew_at > now + 83 * DAY && cert.renew_at < now + 84 * DAY);	/* a sixth is left */
	for (uint64_t dice = 0; dice < 1000; dice++) {	/* a window of all its life */
		assert_true(renewal_choose(&cert, now - 1, now + 100 * DAY, dice * 7919 * 7919));
		assert_true(cert.renew_at <= now + 84 * DAY);
		cert.renew_at = 0;
	}
}

/* Renewed as the CA wants, again and again. */
static int64_t renew(struct rec_cert *cert, int64_t now)
{
	renewal_succeeded(cert, now);
	cert->not_before = now;
	cert->not_after = now + 90 * DAY;
	cert->ari_start = cert->ari_end = 0;
	assert_true(renewal_choose(cert, 1, 2, 0));
	return MAX(cert->renew_at - now, 0);
}

static void who_is_in_a_hurry_is_obeyed_ever_more_slowly(void **state)
{
	static const int64_t waits[] = { 0, 0, 600, 6000, DAY, DAY };
	struct rec_cert cert = { .current = 1 };
	int64_t now = 1800000000;

	for (size_t i = 0; i < ARRAY_SIZE(waits) - 1; i++) {
		int64_t wait = renew(&cert, now);

		assert_int_equal(wait, waits[i]);
		now += wait + 5;
	}
	now += 30 * DAY;	/* this one lasted */
	assert_int_equal(renew(&cert, now), 0);

	/* Our clock is ahead: what comes is nearly over, and so is what follows; but of a long life all is left. */
	cert = (struct rec_cert){ .not_before = now - 5 * DAY, .not_after = now + DAY, .issued = now - 1, .hurried = 1 };
	renewal_succeeded(&cert, now);
	assert_true(renewal_choose(&cert, 1, 2, 0));
	assert_int_equal(cert.renew_at, now + 600);
	cert.not_before = now - 60;
	cert.not_after = now + 60;	/* there is no time for patience */
	assert_true(renewal_choose(&cert, 1, 3, 0));
	assert_int_equal(cert.renew_at, now + 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_third_is_left),
		cmocka_unit_test(half_is_left_of_short_lives),
		cmocka_unit_test(days_before_are_bounded_by_the_life),
		cmocka_unit_test(retries_back_off),
		cmocka_unit_test(the_ca_may_ask_for_more),
		cmocka_unit_test(limits_without_a_time_wait_an_hour),
		cmocka_unit_test(shared_trouble_is_told_from_own),
		cmocka_unit_test(the_fallback_has_its_turn),
		cmocka_unit_test(patience_has_an_end),
		cmocka_unit_test(the_window_is_the_cas_within_reason),
		cmocka_unit_test(who_is_in_a_hurry_is_obeyed_ever_more_slowly),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
