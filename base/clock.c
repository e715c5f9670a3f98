#include "base/clock.h"

#include <ctype.h>
#include <time.h>

int64_t clock_now(void)
{
	return time(NULL);
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) < 0)
		die("the kernel has no monotonic clock");
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

/* The years 0000 and 9999 are as far as RFC 3339 can write. */
#define FIRST_SECOND INT64_C(-62167219200)
#define LAST_SECOND INT64_C(253402300799)

char *clock_rfc3339(char out[CLOCK_RFC3339_SIZE], int64_t t)
{
	time_t clamped = MAX(FIRST_SECOND, MIN(t, LAST_SECOND));
	struct tm tm;

	gmtime_r(&clamped, &tm);
	/* The remainders change nothing; they tell the compiler that it fits. */
	snprintf(out, CLOCK_RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)(tm.tm_year + 1900) % 10000,
		 (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
		 (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
	return out;
}

/* Exactly `digits` digits in [least, most], then any of the characters in `then` ("": nothing is taken). */
static int number(const char **s, int digits, int least, int most, const char *then)
{
	int n = 0;

	for (; digits; digits--, (*s)++) {
		if (!isdigit((unsigned char)**s))
			return -1;
		n = n * 10 + (**s - '0');
	}
	if (n < least || n > most)
		return -1;
	if (!*then)
		return n;
	if (!**s || !strchr(then, **s))
		return -1;
	(*s)++;
	return n;
}

static int days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* "Z", "+01:30", "-08:00" in seconds east. */
static int parse_offset(const char *s, int *offset)
{
	int sign, hours, minutes;

	if ((*s == 'Z' || *s == 'z') && !s[1]) {
		*offset = 0;
		return 0;
	}
	if (*s != '+' && *s != '-')
		return -1;
	sign = *s++ == '-' ? -1 : 1;
	hours = number(&s, 2, 0, 23, ":");
	if (hours < 0)
		return -1;
	minutes = number(&s, 2, 0, 59, "");
	if (minutes < 0 || *s)
		return -1;
	*offset = sign * (hours * 3600 + minutes * 60);
	return 0;
}

int clock_parse_rfc3339(const char *s, int64_t *t)
{
	struct tm tm = { 0 };
	int year, month, offset;

	if (!s || (year = number(&s, 4, 0, 9999, "-")) < 0 || (month = number(&s, 2, 1, 12, "-")) < 0 ||
	    (tm.tm_mday = number(&s, 2, 1, days_in(year, month), "Tt ")) < 0 ||
	    (tm.tm_hour = number(&s, 2, 0, 23, ":")) < 0 || (tm.tm_min = number(&s, 2, 0, 59, ":")) < 0 ||
	    (tm.tm_sec = number(&s, 2, 0, 60, "")) < 0)
		return -1;
	if (*s == '.') {
		if (!isdigit((unsigned char)*++s))
			return -1;
		while (isdigit((unsigned char)*s))
			s++;
	}
	if (parse_offset(s, &offset) < 0)
		return -1;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*t = (int64_t)timegm(&tm) - offset;
	return 0;
}

/* The three forms of RFC 9110 section 5.6.7, the two obsolete ones included. */
static int parse_http_date(const char *s, int64_t *t)
{
	static const char *const forms[] = {
		"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT",
		"%a %b %e %H:%M:%S %Y",
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(s, forms[i], &tm);

		if (end && !end[strspn(end, " \t")]) {
			*t = timegm(&tm);
			return 0;
		}
	}
	return -1;
}

int64_t clock_retry_after(const char *s, int64_t now, int64_t max)
{
	size_t digits;
	int64_t t;

	if (!s)
		return 0;
	s += strspn(s, " \t");
	digits = strspn(s, "0123456789");
	if (digits && !s[digits + strspn(s + digits, " \t")]) {
		t = strtoll(s, NULL, 10); /* LLONG_MAX if it is more, which the clamp handles */
		return now + MIN(t, max);
	}
	if (parse_http_date(s, &t) < 0)
		return 0;
	return MAX(now, MIN(t, now + max));
}

char *clock_relative(char *out, size_t size, int64_t t, int64_t now)
{
	/*
	 * A unit is used from two of it on, so "90 minutes" is not rounded to "1 hour"; but nobody counts 118 seconds.
	 */
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {
		{ "years", 365 * 86400 },
		{ "days", 86400 },
		{ "hours", 3600 },
		{ "minutes", 60 },
	};
	uint64_t span = t > now ? (uint64_t)t - (uint64_t)now : (uint64_t)now - (uint64_t)t;
	const char *name = span == 1 ? "second" : "seconds";

	if (span >= 90 && span < 120)
		span = 120;
	if (!span || (span >= 86400 && span < 2 * 86400)) {
		snprintf(out, size, "%s", !span ? "now" : t > now ? "tomorrow" : "yesterday");
		return out;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (span >= 2 * units[i].seconds) {
			span /= units[i].seconds;
			name = units[i].name;
			break;
		}
	}
	snprintf(out, size, t > now ? "in %ju %s" : "%ju %s ago", (uintmax_t)span, name);
	return out;
}
