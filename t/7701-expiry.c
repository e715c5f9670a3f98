/* When people are told that a certificate comes near its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/notify/expiry.h"

#define DAY 86400
#define HOUR 3600
#define END ((int64_t)1800000000)

static struct days usual = { { 30, 14, 7, 3, 1 }, 5 };

static struct rec_cert cert_of(int64_t life)
{
	return (struct rec_cert){ .current = 1, .newest = 1, .not_before = END - life, .not_after = END, .failures = 1 };
}

static void the_days_of_long_lives(void **state)
{
	for (int i = 0; i < usual.count; i++) {
		assert_int_equal(expiry_before(usual.day[i], 90 * DAY), usual.day[i] * DAY);
		assert_int_equal(expiry_before(usual.day[i], 365 * DAY), usual.day[i] * DAY);
	}
}

static void shorter_lives_have_shorter_days(void **state)
{
	assert_int_equal(expiry_before(30, 45 * DAY), 15 * DAY);
	assert_int_equal(expiry_before(30, 6 * DAY), 2 * DAY);
	assert_int_equal(expiry_before(1, 6 * DAY), 96 * 60);
	assert_int_equal(expiry_before(0, 6 * DAY), 0);
}

static void steps_follow_time(void **state)
{
	struct rec_cert c = cert_of(90 * DAY);
	struct days none = { { 0 }, 0 };

	assert_true(expiry_passed(&usual, &c, END - 31 * DAY) == EXPIRY_NONE);
	assert_int_equal(expiry_passed(&usual, &c, END - 30 * DAY), 30);
	assert_int_equal(expiry_passed(&usual, &c, END - 8 * DAY), 14);
	assert_int_equal(expiry_passed(&usual, &c, END - 2 * DAY), 3);
	assert_int_equal(expiry_passed(&usual, &c, END - 1), 1);
	assert_int_equal(expiry_passed(&usual, &c, END), 0);
	assert_int_equal(expiry_passed(&usual, &c, END + 100 * DAY), 0);
	assert_true(expiry_passed(&none, &c, END - 1) == EXPIRY_NONE);	/* without thresholds there is the end */
	assert_int_equal(expiry_passed(&none, &c, END), 0);
	assert_int_equal(expiry_next(&none, &c, END - 90 * DAY), END);
}

/* As it is stored, also by a program that knew a number of it only. */
static void what_was_said(void **state)
{
	struct rec_cert c = cert_of(90 * DAY);

	assert_true(expiry_told(&c) == EXPIRY_NONE);
	c.alerted_version = 1;
	c.alerted_step = 1;
	assert_int_equal(expiry_told(&c), 14);
	c.alerted_days = 22;
	assert_int_equal(expiry_told(&c), 21);
	c.current = 2;
	assert_true(expiry_told(&c) == EXPIRY_NONE);
}

static void numbers_of_days(void **state)
{
	static const char *const wrong[] = { "0", "x", "7d", "-3", "366", "1.5" };
	struct days d;
	struct err e = { 0 };

	assert_int_equal(days_read(&d, "1, 14 7,7", &e), 0);
	assert_int_equal(d.count, 3);
	assert_int_equal(d.day[0], 14);
	assert_int_equal(d.day[2], 1);
	assert_true(days_has_between(&d, 7, 8) && !days_has_between(&d, 8, 14));
	assert_int_equal(days_read(&d, "", &e), 0);
	assert_int_equal(d.count, 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(days_read(&d, wrong[i], &e), -1);
}

static void the_next_look(void **state)
{
	struct rec_cert c = cert_of(90 * DAY);

	assert_int_equal(expiry_next(&usual, &c, END - 90 * DAY), END - 30 * DAY);
	assert_int_equal(expiry_next(&usual, &c, END - 30 * DAY), END - 14 * DAY);
	assert_int_equal(expiry_next(&usual, &c, END - 1), END);
	c.alerted_version = 1;
	c.alerted_days = 1;
	assert_int_equal(expiry_next(&usual, &c, END + 1), 0);	/* all is said */
	c.current = 0;
	assert_int_equal(expiry_next(&usual, &c, END - 90 * DAY), 0);
}

static void a_planned_renewal_is_quiet(void **state)
{
	struct rec_cert c = cert_of(90 * DAY);
	int64_t now = END - 30 * DAY;

	c.failures = 0;
	c.renew_at = now + HOUR;
	assert_true(expiry_is_cared_for(&c, now));
	/* looked at again when it should have happened, not only at the next step */
	assert_int_equal(expiry_next(&usual, &c, now), c.renew_at + DAY + 1);
	assert_false(expiry_is_cared_for(&c, c.renew_at + DAY + 1));
	assert_int_equal(expiry_next(&usual, &c, c.renew_at + DAY + 1), END - 14 * DAY);
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
		cmocka_unit_test(what_was_said),
		cmocka_unit_test(numbers_of_days),
		cmocka_unit_test(the_next_look),
		cmocka_unit_test(a_planned_renewal_is_quiet),
		cmocka_unit_test(what_needs_a_person_is_not),
		cmocka_unit_test(renewals_of_short_lives_are_quiet_too),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
