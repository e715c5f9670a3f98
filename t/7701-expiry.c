/* When people are told that a certificate comes near its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/expiry.h"

#define DAY 86400
#define HOUR 3600
#define END ((int64_t)1800000000)

static struct rec_cert cert_of(int64_t life)
{
	return (struct rec_cert){ .current = 1, .newest = 1, .not_before = END - life, .not_after = END, .failures = 1 };
}

static void the_days_of_long_lives(void **state)
{
	static const int64_t days[EXPIRY_STEPS] = { 30, 14, 7, 3, 1, 0 };

	for (int i = 0; i < EXPIRY_STEPS; i++) {
		assert_int_equal(expiry_before(i, 90 * DAY), days[i] * DAY);
		assert_int_equal(expiry_before(i, 365 * DAY), days[i] * DAY);
	}
}

static void shorter_lives_have_shorter_days(void **state)
{
	assert_int_equal(expiry_before(0, 45 * DAY), 15 * DAY);
	assert_int_equal(expiry_before(0, 6 * DAY), 2 * DAY);
	assert_int_equal(expiry_before(4, 6 * DAY), 96 * 60);
	assert_int_equal(expiry_before(5, 6 * DAY), 0);
}

static void steps_follow_time(void **state)
{
	struct rec_cert c = cert_of(90 * DAY);

	assert_int_equal(expiry_step(&c, END - 31 * DAY), -1);
	assert_int_equal(expiry_step(&c, END - 30 * DAY), 0);
	assert_int_equal(expiry_step(&c, END - 8 * DAY), 1);
	assert_int_equal(expiry_step(&c, END - 2 * DAY), 3);
	assert_int_equal(expiry_step(&c, END - 1), 4);
	assert_int_equal(expiry_step(&c, END), 5);
	assert_int_equal(expiry_step(&c, END + 100 * DAY), 5);
}

static void the_next_look(void **state)
{
	struct rec_cert c = cert_of(90 * DAY);

	assert_int_equal(expiry_next(&c, END - 90 * DAY), END - 30 * DAY);
	assert_int_equal(expiry_next(&c, END - 30 * DAY), END - 14 * DAY);
	assert_int_equal(expiry_next(&c, END - 1), END);
	c.alerted_version = 1;
	c.alerted_step = 5;
	assert_int_equal(expiry_next(&c, END + 1), 0);	/* all is said */
	c.current = 0;
	assert_int_equal(expiry_next(&c, END - 90 * DAY), 0);
}

static void a_planned_renewal_is_quiet(void **state)
{
	struct rec_cert c = cert_of(90 * DAY);
	int64_t now = END - 30 * DAY;

	c.failures = 0;
	c.renew_at = now + HOUR;
	assert_true(expiry_is_cared_for(&c, now));
	/* looked at again when it should have happened, not only at the next step */
	assert_int_equal(expiry_next(&c, now), c.renew_at + DAY + 1);
	assert_false(expiry_is_cared_for(&c, c.renew_at + DAY + 1));
	assert_int_equal(expiry_next(&c, c.renew_at + DAY + 1), END - 14 * DAY);
}

static void what_needs_a_person_is_not(void **state)
{
	struct rec_cert good = cert_of(90 * DAY), c;
	int64_t now = END - 30 * DAY;

	good.failures = 0;
	good.renew_at = now + HOUR;
	c = good, c.imported = true;
	assert_false(expiry_is_cared_for(&c, now));
	c = good, c.by_hand = true;
	assert_false(expiry_is_cared_for(&c, now));
	c = good, c.waiting = true;
	assert_false(expiry_is_cared_for(&c, now));
	c = good, c.failures = 1;
	assert_false(expiry_is_cared_for(&c, now));
	c = good, c.renew_at = END + DAY;
	assert_false(expiry_is_cared_for(&c, END));
}

static void renewals_of_short_lives_are_quiet_too(void **state)
{
	struct rec_cert c = cert_of(6 * DAY);

	c.failures = 0;
	c.renew_at = END - 3 * DAY;
	assert_true(expiry_is_cared_for(&c, END - 3 * DAY));
	assert_false(expiry_is_cared_for(&c, END - 2 * DAY));	/* a tenth of its life later */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_days_of_long_lives),
		cmocka_unit_test(shorter_lives_have_shorter_days),
		cmocka_unit_test(steps_follow_time),
		cmocka_unit_test(the_next_look),
		cmocka_unit_test(a_planned_renewal_is_quiet),
		cmocka_unit_test(what_needs_a_person_is_not),
		cmocka_unit_test(renewals_of_short_lives_are_quiet_too),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
