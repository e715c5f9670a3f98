/* Time zones of visitors: the same as the C library says of each zone there is, and nothing else from a name that anybody may send. */
#include "webui/page/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define YEAR ((int64_t)365 * 86400)

static void same_as_libc(const char *name)
{
	_cleanup_zone_ struct zone *z = zone_open(name, NULL);
	char abbreviation[ZONE_ABBREVIATION_SIZE];

	assert_non_null(z);
	setenv("TZ", name, 1);
	tzset();
	for (int64_t t = -20 * YEAR; t < 130 * YEAR; t += 86400 * 5 + 3723) {
		time_t seconds = t;
		struct tm tm;
		int64_t offset = zone_offset(z, t, abbreviation);

		localtime_r(&seconds, &tm);
		if (offset != tm.tm_gmtoff || strcmp(abbreviation, tm.tm_zone) != 0)
			fail_msg("%s at %lld: %lld %s, libc says %ld %s", name, (long long)t, (long long)offset, abbreviation,
				 tm.tm_gmtoff, tm.tm_zone);
	}
}

/* Each way of changing clocks: north, south, none, negative summer (Dublin), half hours, Ramadan, footer <+03>. */
static void of_the_machine(void **state)
{
	static const char *const names[] = {
		"UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/St_Johns", "America/Sao_Paulo",
		"Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "Asia/Kolkata", "Asia/Calcutta", "Asia/Tehran",
		"Africa/Casablanca", "Asia/Gaza", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "Pacific/Apia", "Asia/Jerusalem",
		"America/Godthab", "Antarctica/Troll", "Europe/Istanbul", "EST5EDT",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		same_as_libc(names[i]);
}

/* A file with one transition in 1970 and a rule behind it, as slim ones are. */
static struct zone *with_footer(const char *footer)
{
	static const char head[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\1" "\0\0\0\4"
				   "\0\0\0\0\0\0" "LMT\0"
				   "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\1" "\0\0\0\1" "\0\0\0\4"
				   "\0\0\0\0\0\0\0\0" "\0" "\0\0\0\0\0\0" "LMT\0";
	unsigned char bytes[512];
	size_t len = sizeof(head) - 1;

	memcpy(bytes, head, len);
	len += (size_t)snprintf((char *)bytes + len, sizeof(bytes) - len, "\n%s\n", footer);
	return zone_read(bytes, len, NULL);
}

/* The library reads such rules, too. */
static void by_rules(void **state)
{
	static const char *const rules[] = {
		"CET-1CEST,M3.5.0,M10.5.0/3", "NZST-12NZDT,M9.5.0,M4.1.0/3", "<+0330>-3:30<+0430>,J79/24,J263/24",
		"IST-1GMT0,M10.5.0,M3.5.0/1", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "AAA3BBB,58/1,300/2", "EET-2EEST,J60,J305", "HST10",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		_cleanup_zone_ struct zone *z = with_footer(rules[i]);
		char abbreviation[ZONE_ABBREVIATION_SIZE];

		assert_non_null(z);
		setenv("TZ", rules[i], 1);
		tzset();
		for (int64_t t = 0; t < 90 * YEAR; t += 3600 * 7 + 11) {
			time_t seconds = t;
			struct tm tm;

			localtime_r(&seconds, &tm);
			if (zone_offset(z, t, abbreviation) != tm.tm_gmtoff)
				fail_msg("%s at %lld: %lld, libc says %ld", rules[i], (long long)t,
					 (long long)zone_offset(z, t, abbreviation), tm.tm_gmtoff);
		}
	}
}

static void names_of_nobody(void **state)
{
	static const char *const bad[] = {
		"", "/etc/passwd", "../../../etc/passwd", "Europe/../Europe/Berlin", "Europe", "Europe/", "Europe//Berlin", ".", "zone1970.tab",
		"tzdata.zi", "Europe/Atlantis", "Europe/Berlin\n", "Europe/Ber lin", "leapseconds",
		"Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };

		if (zone_open(bad[i], &e))
			fail_msg("\"%s\" is a zone", bad[i]);
		assert_int_equal(e.kind, ERR_INVALID);
	}
}

/* Whatever is cut or changed in a file: it is refused, or read without a step beside it (the sanitizers see that). */
static void nonsense(void **state)
{
	static unsigned char bytes[65536];
	FILE *f = fopen(ZONE_DIRECTORY "/Europe/Berlin", "r");
	size_t len = fread(bytes, 1, sizeof(bytes), f), seed = 7;

	fclose(f);
	for (size_t cut = 0; cut < len; cut += 3)
		zone_free(zone_read(bytes, cut, NULL));
	for (int i = 0; i < 20000; i++) {
		size_t at = (seed = seed * 1103515245 + 12345) / 65536 % len;
		unsigned char before = bytes[at];
		char abbreviation[ZONE_ABBREVIATION_SIZE];
		_cleanup_zone_ struct zone *z = NULL;

		bytes[at] = (unsigned char)(seed / 7);
		z = zone_read(bytes, len, NULL);
		if (z)
			zone_offset(z, INT64_C(1800000000) + i, abbreviation);
		bytes[at] = before;
	}
}

static void days(void **state)
{
	_cleanup_zone_ struct zone *z = zone_open("Europe/Berlin", NULL);
	int64_t noon = 1806310800;	/* Mon 29 Mar 2027, 09:00 UTC; the clocks changed the day before */

	assert_int_equal(zone_midnight(NULL, noon, 0) % 86400, 0);
	assert_int_equal(zone_midnight(z, noon, 1) - zone_midnight(z, noon, 0), 24 * 3600);
	assert_int_equal(zone_midnight(z, noon, 0) - zone_midnight(z, noon, -1), 23 * 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_machine),
		cmocka_unit_test(by_rules),
		cmocka_unit_test(names_of_nobody),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(days),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
