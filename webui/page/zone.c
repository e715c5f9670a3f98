#include "webui/page/zone.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define FILE_MOST ((size_t)64 * 1024)
#define HEADER 44
#define DAY ((int64_t)24 * 60 * 60)

/* When clocks change each year (POSIX TZ): on a day (Mm.w.d, Jn or n), seconds after midnight. */
struct rule {
	char form;		/* M, J, or 0 */
	int month, week, day;
	int64_t time;
};

struct zone_kind {
	int64_t offset;
	char abbreviation[ZONE_ABBREVIATION_SIZE];
};

struct zone {
	int64_t *at;		/* transitions */
	unsigned char *to;	/* and to which kind */
	size_t count;
	struct zone_kind kind[256];
	size_t kinds;
	bool ruled, daylight;	/* behind the last transition: kind standard, in summer kind summer */
	struct zone_kind standard, summer;
	struct rule begins, ends;
};

void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->at);
	free(z->to);
	free(z);
}

/*
 * The rule behind the last transition: "CET-1CEST,M3.5.0,M10.5.0/3".
 */

static bool take_number(const char **p, int64_t most, int64_t *n)
{
	*n = 0;
	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p) && *n <= most; ++*p)
		*n = *n * 10 + (**p - '0');
	return *n <= most;
}

/* [+-]hh[:mm[:ss]] */
static bool take_seconds(const char **p, int64_t *seconds)
{
	int64_t sign = **p == '-' ? -1 : 1, n, unit = 3600;

	*p += **p == '-' || **p == '+';
	for (*seconds = 0; unit; unit /= 60) {
		if (!take_number(p, 167, &n))
			return false;
		*seconds += sign * n * unit;
		if (**p != ':' || unit == 1)
			break;
		++*p;
	}
	return true;
}

static bool take_abbreviation(const char **p, char out[ZONE_ABBREVIATION_SIZE])
{
	bool quoted = **p == '<';
	size_t len;

	*p += quoted;
	for (len = 0; quoted ? (*p)[len] && (*p)[len] != '>' : isalpha((unsigned char)(*p)[len]); len++)
		;
	if (len < 3 || len >= ZONE_ABBREVIATION_SIZE)
		return false;
	snprintf(out, ZONE_ABBREVIATION_SIZE, "%.*s", (int)len, *p);
	*p += len + quoted;
	return true;
}

static bool take_rule(const char **p, struct rule *rule)
{
	int64_t month = 0, week = 0, day;

	rule->form = **p == 'M' || **p == 'J' ? **p : 0;
	*p += rule->form != 0;
	if (rule->form == 'M' && (!take_number(p, 12, &month) || month < 1 || *(*p)++ != '.' ||
				  !take_number(p, 5, &week) || week < 1 || *(*p)++ != '.'))
		return false;
	if (!take_number(p, rule->form == 'M' ? 6 : 365, &day))
		return false;
	rule->month = (int)month;
	rule->week = (int)week;
	rule->day = (int)day;
	rule->time = 2 * 3600;
	if (**p != '/')
		return true;
	++*p;
	return take_seconds(p, &rule->time);
}

static bool read_footer(struct zone *z, const char *p)
{
	int64_t seconds;

	if (!take_abbreviation(&p, z->standard.abbreviation) || !take_seconds(&p, &seconds))
		return false;
	z->standard.offset = -seconds;
	z->ruled = true;
	if (!*p)
		return true;
	if (!take_abbreviation(&p, z->summer.abbreviation))
		return false;
	z->summer.offset = z->standard.offset + 3600;
	if (*p != ',') {
		if (!take_seconds(&p, &seconds))
			return false;
		z->summer.offset = -seconds;
	}
	z->daylight = *p++ == ',' && take_rule(&p, &z->begins) && *p++ == ',' && take_rule(&p, &z->ends) && !*p;
	return z->daylight;
}

/* Days since 1970; a month of 13 is one of the next year. */
static int64_t day_number(int64_t year, int month, int day)
{
	struct tm tm = { .tm_year = (int)(year - 1900), .tm_mon = month - 1, .tm_mday = day };

	return timegm(&tm) / DAY;
}

/* The day of that year. */
static int64_t rule_day(const struct rule *rule, int64_t year)
{
	int64_t first, day;

	if (rule->form != 'M') {
		bool leap = day_number(year, 3, 1) - day_number(year, 2, 1) == 29;

		return day_number(year, 1, 1) + rule->day - (rule->form == 'J' && (!leap || rule->day < 60));
	}
	first = day_number(year, rule->month, 1);
	/* 1970 began on a Thursday */
	day = first + (rule->day - (first + 4) % 7 + 7) % 7 + (int64_t)(rule->week - 1) * 7;
	while (day >= day_number(year, rule->month + 1, 1))
		day -= 7;
	return day;
}

static int64_t year_at(int64_t t)
{
	time_t seconds = t;
	struct tm tm;

	return gmtime_r(&seconds, &tm) ? tm.tm_year + 1900 : 1970;
}

static const struct zone_kind *by_rule(const struct zone *z, int64_t t)
{
	int64_t year, begin, end;

	if (!z->daylight)
		return &z->standard;
	year = year_at(t + z->standard.offset);
	begin = rule_day(&z->begins, year) * DAY + z->begins.time - z->standard.offset;
	end = rule_day(&z->ends, year) * DAY + z->ends.time - z->summer.offset;
	if (begin < end)
		return t >= begin && t < end ? &z->summer : &z->standard;
	return t >= end && t < begin ? &z->standard : &z->summer;
}

/*
 * Files.
 */

static int64_t number(const unsigned char *p, size_t size)
{
	uint64_t n = *p & 0x80 ? UINT64_MAX : 0;

	for (size_t i = 0; i < size; i++)
		n = n << 8 | p[i];
	return (int64_t)n;
}

struct block {
	size_t utc, std, leaps, times, kinds, chars;	/* in the order of the header */
};

/* The length of what follows the header, with times of so many bytes.  0: it is none. */
static size_t read_header(const unsigned char *p, size_t len, size_t width, struct block *b)
{
	size_t *const count[] = { &b->utc, &b->std, &b->leaps, &b->times, &b->kinds, &b->chars };

	if (len < HEADER || memcmp(p, "TZif", 4) != 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(count); i++) {
		*count[i] = (size_t)number(p + 20 + 4 * i, 4);
		if (*count[i] > FILE_MOST)
			return 0;
	}
	len = b->times * (width + 1) + b->kinds * 6 + b->chars + b->leaps * (width + 4) + b->std + b->utc;
	return b->kinds && b->kinds <= 256 && b->chars ? len : 0;
}

static bool read_kinds(struct zone *z, const unsigned char *p, const struct block *b)
{
	const unsigned char *names = p + b->kinds * 6;

	z->kinds = b->kinds;
	for (size_t i = 0; i < b->kinds; i++, p += 6) {
		size_t at = p[5], len;

		if (at >= b->chars || (len = strnlen((const char *)names + at, b->chars - at)) == b->chars - at)
			return false;
		z->kind[i].offset = number(p, 4);
		snprintf(z->kind[i].abbreviation, ZONE_ABBREVIATION_SIZE, "%.*s", (int)len, (const char *)names + at);
	}
	return true;
}

static bool read_block(struct zone *z, const unsigned char *p, const struct block *b)
{
	const unsigned char *kinds = p + b->times * 8;

	z->at = xcalloc(b->times + 1, sizeof(*z->at));
	z->to = xcalloc(b->times + 1, 1);
	z->count = b->times;
	for (size_t i = 0; i < b->times; i++) {
		z->at[i] = number(p + i * 8, 8);
		z->to[i] = kinds[i];
		if (kinds[i] >= b->kinds || (i && z->at[i] <= z->at[i - 1]))
			return false;
	}
	return read_kinds(z, kinds + b->times, b);
}

struct zone *zone_read(const unsigned char *p, size_t len, struct err *e)
{
	struct block block = { 0 };
	size_t old = read_header(p, len, 4, &block), body;
	struct zone *z = xcalloc(1, sizeof(*z));
	_cleanup_free_ char *footer = NULL;
	const unsigned char *rest;

	if (!old || p[4] < '2' || len < HEADER + old)
		goto bad;
	rest = p + HEADER + old;
	len -= HEADER + old;
	body = read_header(rest, len, 8, &block);
	if (!body || len < HEADER + body + 2 || !read_block(z, rest + HEADER, &block))
		goto bad;
	footer = xstrndup((const char *)rest + HEADER + body + 1, len - HEADER - body - 1);
	footer[strcspn(footer, "\n")] = '\0';
	if (*footer && !read_footer(z, footer))
		goto bad;
	return z;
bad:
	zone_free(z);
	err_set(e, ERR_INVALID, "this is no time zone that is understood");
	return NULL;
}

/* Letters, digits and - + _ in parts that begin with a letter: so it leads nowhere else. */
static bool is_name(const char *name)
{
	bool begins = true;

	if (strlen(name) >= ZONE_NAME_SIZE)
		return false;
	for (const char *p = name; *p; p++) {
		if (begins ? !isalpha((unsigned char)*p) : !isalnum((unsigned char)*p) && !strchr("-+_/", *p))
			return false;
		begins = *p == '/';
	}
	return !begins;
}

struct zone *zone_open(const char *name, struct err *e)
{
	_cleanup_free_ char *path = xasprintf(ZONE_DIRECTORY "/%s", name);
	_cleanup_free_ unsigned char *bytes = xmalloc(FILE_MOST);
	struct zone *z = NULL;
	ssize_t len;
	int fd;

	if (is_name(name) && (fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) >= 0) {
		len = read(fd, bytes, FILE_MOST);
		close(fd);
		z = len > 0 ? zone_read(bytes, (size_t)len, NULL) : NULL;
	}
	if (!z)
		err_set(e, ERR_INVALID, "there is no time zone \"%.60s\" on this server", name);
	return z;
}

/*
 * Times.
 */

static const struct zone_kind *kind_at(const struct zone *z, int64_t t)
{
	size_t low = 0, high = z->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (z->at[middle] <= t)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == z->count && z->ruled)
		return by_rule(z, t);
	return &z->kind[low ? z->to[low - 1] : 0];
}

int64_t zone_offset(const struct zone *z, int64_t t, char abbreviation[ZONE_ABBREVIATION_SIZE])
{
	const struct zone_kind *kind = z ? kind_at(z, t) : NULL;

	snprintf(abbreviation, ZONE_ABBREVIATION_SIZE, "%s", kind ? kind->abbreviation : "UTC");
	return kind ? kind->offset : 0;
}

int64_t zone_midnight(const struct zone *z, int64_t t, int days)
{
	char ignored[ZONE_ABBREVIATION_SIZE];
	int64_t local = t + zone_offset(z, t, ignored), day = local / DAY - (local % DAY < 0), midnight;

	midnight = (day + days) * DAY;
	/* The offset of that time, not of this one; where that hour does not exist, the first one that does. */
	midnight -= zone_offset(z, midnight - zone_offset(z, midnight, ignored), ignored);
	return midnight;
}
