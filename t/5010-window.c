/* Maintenance windows and times of the day, in a zone with summer time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "daemon/config/window.h"
#include "daemon/order/renewal.h"

static int64_t at(const char *text)
{
	int64_t t;

	assert_int_equal(clock_parse_rfc3339(text, &t), 0);
	return t;
}

static void test_next(void **state)
{
	static const struct {
		const char *window, *from, *opens;
	} cases[] = {	/* 2026-11-21 is a Saturday; Berlin is an hour ahead in winter */
		{ "", "2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z" },
		{ "02:00-05:00", "2026-11-21T10:00:00Z", "2026-11-22T01:00:00Z" },
		{ "02:00-05:00", "2026-11-21T01:00:00Z", "2026-11-21T01:00:00Z" },
		{ "02:00-05:00", "2026-11-21T03:59:59Z", "2026-11-21T03:59:59Z" },
		{ "02:00-05:00", "2026-11-21T04:00:00Z", "2026-11-22T01:00:00Z" },
		{ "Mon-Fri 02:00-05:00", "2026-11-21T10:00:00Z", "2026-11-23T01:00:00Z" },
		{ "Fri-Mon 02:00-05:00", "2026-11-21T10:00:00Z", "2026-11-22T01:00:00Z" },
		{ "Sat 00:00-24:00", "2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z" },
		{ "Sat 00:00-24:00", "2026-11-21T23:00:00Z", "2026-11-27T23:00:00Z" },
		{ "Fri 22:00-04:00", "2026-11-21T02:30:00Z", "2026-11-21T02:30:00Z" },
		{ "Sat 22:00-04:00", "2026-11-21T02:30:00Z", "2026-11-21T21:00:00Z" },
		{ "Mon 01:00-02:00, Sat,Sun 12:00-13:00", "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z" },
		{ "05:00-06:00", "2026-03-28T23:30:00Z", "2026-03-29T03:00:00Z" },	/* the night of summer time */
		{ "Wed 10:00-11:00", "2026-11-25T10:00:00Z", "2026-12-02T09:00:00Z" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char got[CLOCK_RFC3339_SIZE];

		clock_rfc3339(got, window_next(cases[i].window, at(cases[i].from)));
		if (!str_eq(got, cases[i].opens))
			fail_msg("%s from %s: %s instead of %s", cases[i].window, cases[i].from, got, cases[i].opens);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "x", "25:00-26:00", "02:00", "02:00-", "02:00-05:60", "Mon", "Mun 01:00-02:00",
					   "01:00-02:00 03:00-04:00", "24:01-01:00", "-", "Mon- 01:00-02:00" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (window_check(bad[i], NULL) == 0)
			fail_msg("\"%s\" is taken", bad[i]);
	assert_int_equal(daytime_check("04:00", NULL), 0);
	assert_int_equal(daytime_check("", NULL), 0);
	assert_int_equal(daytime_check("24:00", NULL), -1);
	assert_int_equal(daytime_check("4", NULL), -1);
	assert_int_equal(daytime_check("04:00x", NULL), -1);
}

static void test_daytime(void **state)
{
	assert_int_equal(daytime_next("04:30", at("2026-11-21T03:29:59Z")), at("2026-11-21T03:30:00Z"));
	assert_int_equal(daytime_next("04:30", at("2026-11-21T03:30:00Z")), at("2026-11-22T03:30:00Z"));
	assert_int_equal(daytime_next("04:30", at("2026-03-28T04:00:00Z")), at("2026-03-29T02:30:00Z"));
}

static void test_renewals_wait(void **state)
{
	const int64_t now = at("2026-11-21T10:00:00Z"), day = 86400;
	struct rec_cert cert = { .current = 1, .not_before = now - 60 * day, .not_after = now + 30 * day };
	const char *sunday = "Sun 10:00-11:00";

	assert_int_equal(renewal_opens(&cert, sunday, now), at("2026-11-22T09:00:00Z"));
	assert_int_equal(renewal_opens(&cert, "", now), now);
	cert.wanted = true;
	assert_int_equal(renewal_opens(&cert, sunday, now), now);
	cert.wanted = false;
	cert.not_after = now + day / 2;	/* would have ended before */
	assert_int_equal(renewal_opens(&cert, sunday, now), now);
	cert.not_after = now - 1;
	assert_int_equal(renewal_opens(&cert, sunday, now), now);
	cert = (struct rec_cert){ 0 };	/* never issued: people wait for it */
	assert_int_equal(renewal_opens(&cert, sunday, now), now);
}

static void test_span(void **state)
{
	static const struct {
		const char *window, *from, *opens, *closes;
	} cases[] = {
		{ "02:00-05:00", "2026-11-21T10:00:00Z", "2026-11-22T01:00:00Z", "2026-11-22T04:00:00Z" },
		{ "02:00-05:00", "2026-11-21T02:00:00Z", "2026-11-21T02:00:00Z", "2026-11-21T04:00:00Z" },
		{ "Sat 22:00-04:00", "2026-11-21T22:30:00Z", "2026-11-21T22:30:00Z", "2026-11-22T03:00:00Z" },
		{ "Mon 01:00-02:00, Sat,Sun 12:00-13:00", "2026-11-22T12:00:00Z", "2026-11-23T00:00:00Z", "2026-11-23T01:00:00Z" },
		{ "01:00-04:00", "2026-03-28T12:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z" },	/* an hour less */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char got[CLOCK_RFC3339_SIZE];
		int64_t until;

		clock_rfc3339(got, window_span(cases[i].window, at(cases[i].from), &until));
		assert_string_equal(got, cases[i].opens);
		assert_string_equal(clock_rfc3339(got, until), cases[i].closes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_daytime),
		cmocka_unit_test(test_renewals_wait),
	};

	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
