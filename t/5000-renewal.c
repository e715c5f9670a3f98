/* When certificates are renewed, and when failures are tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/renewal.h"

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

	assert_int_equal(renewal_retry(1, &e, now), now + 60);
	assert_int_equal(renewal_retry(2, &e, now), now + 600);
	assert_int_equal(renewal_retry(3, &e, now), now + 6000);
	assert_int_equal(renewal_retry(4, &e, now), now + DAY);
	assert_int_equal(renewal_retry(4000, &e, now), now + DAY);
}

static void the_ca_may_ask_for_more(void **state)
{
	const int64_t now = 1800000000;
	struct err limited = { .kind = ERR_CA, .code = "rateLimited", .retry_at = now + 3600 };
	struct err person = { .kind = ERR_CA, .code = "caa" };

	assert_int_equal(renewal_retry(1, &limited, now), now + 3600);
	limited.retry_at = now + 5;	/* never sooner than our own pace */
	assert_int_equal(renewal_retry(1, &limited, now), now + 60);
	assert_int_equal(renewal_retry(1, &person, now), now + DAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_third_is_left),
		cmocka_unit_test(half_is_left_of_short_lives),
		cmocka_unit_test(days_before_are_bounded_by_the_life),
		cmocka_unit_test(retries_back_off),
		cmocka_unit_test(the_ca_may_ask_for_more),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
