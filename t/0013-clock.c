/* Times: RFC 3339, Retry-After, and for people. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void now(void **state)
{
	int64_t before = clock_mono_ms();

	assert_true(llabs(clock_now() - (int64_t)time(NULL)) <= 1);
	usleep(20000);
	assert_in_range(clock_mono_ms() - before, 19, 5000);
}

static void written(void **state)
{
	char out[CLOCK_RFC3339_SIZE];

	assert_string_equal(clock_rfc3339(out, 0), "1970-01-01T00:00:00Z");
	assert_string_equal(clock_rfc3339(out, 951827696), "2000-02-29T12:34:56Z");
	assert_string_equal(clock_rfc3339(out, -1), "1969-12-31T23:59:59Z");
	assert_string_equal(clock_rfc3339(out, INT64_C(253402300799)), "9999-12-31T23:59:59Z");
	assert_string_equal(clock_rfc3339(out, INT64_MAX), "9999-12-31T23:59:59Z");
	assert_string_equal(clock_rfc3339(out, INT64_MIN), "0000-01-01T00:00:00Z");
}

static void parsed(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2000-02-29T12:34:56Z", 951827696 },
		{ "2000-02-29t12:34:56.789z", 951827696 },
		{ "2000-02-29T14:04:56+01:30", 951827696 },
		{ "2000-02-28 23:34:56-13:00", 951827696 },
		{ "9999-12-31T23:59:59Z", INT64_C(253402300799) },
		{ "0000-01-01T00:00:00Z", INT64_C(-62167219200) },
		{ "1990-12-31T23:59:60Z", 662688000 },
	};
	static const char *const bad[] = {
		"",
		"now",
		"2000-02-29",
		"2000-02-30T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2000-13-01T00:00:00Z",
		"2000-00-01T00:00:00Z",
		"2000-01-00T00:00:00Z",
		"2000-01-01T24:00:00Z",
		"2000-01-01T00:60:00Z",
		"2000-01-01T00:00:61Z",
		"2000-01-01T00:00:00",
		"2000-01-01T00:00:00.Z",
		"2000-01-01T00:00:00+1:00",
		"2000-01-01T00:00:00+0100",
		"2000-01-01T00:00:00+24:00",
		"2000-01-01T00:00:00Zx",
		" 2000-01-01T00:00:00Z",
		"2000-1-01T00:00:00Z",
		"-200-01-01T00:00:00Z",
		"2000-01-01T00:00:00+01:00x",
	};
	int64_t t = 1;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(clock_parse_rfc3339(good[i].text, &t), 0);
		assert_int_equal(t, good[i].t);
	}
	t = 42;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(clock_parse_rfc3339(bad[i], &t), -1);
	assert_int_equal(clock_parse_rfc3339(NULL, &t), -1);
	assert_int_equal(t, 42);
}

static void retry_after(void **state)
{
	const int64_t at = 784111777 - 100; /* 100 s before the example of RFC 9110 section 5.6.7 */
	static const struct {
		const char *text;
		int64_t after; /* -1: makes no sense */
	} cases[] = {
		{ "0", 0 },
		{ "120", 120 },
		{ " 120\t", 120 },
		{ "3601", 3600 },
		{ "99999999999999999999999999", 3600 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 100 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", 100 },
		{ "Sun Nov  6 08:49:37 1994", 100 },
		{ "Sun, 06 Nov 1994 08:00:00 GMT", 0 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 3600 },
		{ "-1", -1 },
		{ "+1", -1 },
		{ "1.5", -1 },
		{ "12 s", -1 },
		{ "", -1 },
		{ " ", -1 },
		{ "soon", -1 },
		{ "0x10", -1 },
		{ "Sun, 06 Nov 1994", -1 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT or so", -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t wanted = cases[i].after < 0 ? 0 : at + cases[i].after;

		assert_int_equal(clock_retry_after(cases[i].text, at, 3600), wanted);
	}
	assert_int_equal(clock_retry_after(NULL, at, 3600), 0);
}

static void relative(void **state)
{
	static const struct {
		int64_t delta;
		const char *text;
	} cases[] = {
		{ 0, "now" },
		{ 1, "in 1 second" },
		{ -1, "1 second ago" },
		{ 89, "in 89 seconds" },
		{ 90, "in 2 minutes" },
		{ -118, "2 minutes ago" },
		{ 90 * 60, "in 90 minutes" },
		{ -7200, "2 hours ago" },
		{ -86399, "23 hours ago" },
		{ 86400, "tomorrow" },
		{ -86400, "yesterday" },
		{ -2 * 86400, "2 days ago" },
		{ 3 * 86400 + 5, "in 3 days" },
		{ -90 * 86400, "90 days ago" },
		{ 3 * 365 * 86400, "in 3 years" },
	};
	char out[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(clock_relative(out, sizeof(out), 1000000000 + cases[i].delta, 1000000000),
				    cases[i].text);
	clock_relative(out, sizeof(out), INT64_MAX, INT64_MIN); /* no overflow */
	assert_true(str_ends(out, "years"));
	assert_string_equal(clock_relative(out, 5, 0, 10), "10 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(now),         cmocka_unit_test(written),  cmocka_unit_test(parsed),
		cmocka_unit_test(retry_after), cmocka_unit_test(relative),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
