#include "daemon/config/window.h"

#include <ctype.h>
#include <time.h>

#define WINDOWS_MAX 32
#define MINUTES_A_DAY (24 * 60)

static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };	/* as tm_wday */

struct window {
	unsigned days;		/* bit tm_wday: it opens on that day */
	int from, to;		/* minutes of the day; to <= from: into the next day */
};

struct windows {
	struct window item[WINDOWS_MAX];
	size_t count;
};

static const char *skip(const char *p)
{
	return p + strspn(p, " \t");
}

/* The number behind *p; -1: there is none, or it is more than most. */
static int take_number(const char **p, int most)
{
	int n = 0, digits = 0;

	for (; isdigit((unsigned char)**p) && digits < 3; digits++, ++*p)
		n = n * 10 + (**p - '0');
	return digits && n <= most ? n : -1;
}

/* Minutes of the day of "hh:mm", 24:00 included; -1: it is none. */
static int take_time(const char **p)
{
	int hour = take_number(p, 24), minute;

	if (hour < 0 || **p != ':')
		return -1;
	++*p;
	minute = take_number(p, 59);
	return minute < 0 || hour * 60 + minute > MINUTES_A_DAY ? -1 : hour * 60 + minute;
}

static int take_day(const char **p)
{
	for (int i = 0; i < 7; i++) {
		if (strncasecmp(*p, days[i], 3) || isalpha((unsigned char)(*p)[3]))
			continue;
		*p += 3;
		return i;
	}
	return -1;
}

/* "Mon" or "Mon-Fri", several joined by commas without hours between; none: all days. */
static int take_days(const char **p, unsigned *mask)
{
	*mask = 0;
	while (isalpha((unsigned char)**p)) {
		int first = take_day(p), last = first;

		if (**p == '-') {
			++*p;
			last = take_day(p);
		}
		if (first < 0 || last < 0)
			return -1;
		for (int day = first;; day = (day + 1) % 7) {
			*mask |= 1u << day;
			if (day == last)
				break;
		}
		*p = skip(*p);
		if (**p == ',')
			*p = skip(*p + 1);
	}
	if (!*mask)
		*mask = 0x7f;
	return 0;
}

static int parse(struct windows *w, const char *text, struct err *e)
{
	w->count = 0;
	for (const char *p = skip(text); *p; p = skip(p)) {
		struct window *one = &w->item[w->count];

		if (w->count == WINDOWS_MAX)
			return err_set(e, ERR_CONFIG, "more than %d windows", WINDOWS_MAX);
		if (take_days(&p, &one->days) < 0 || (one->from = take_time(&p)) < 0 || *p++ != '-' ||
		    (one->to = take_time(&p)) < 0 || (*(p = skip(p)) && *p != ','))
			return err_set(e, ERR_CONFIG, "\"%.100s\" is not understood; "
				       "windows like Mon-Fri 01:00-05:00, Sat 00:00-24:00 are expected", text);
		w->count++;
		if (*p == ',')
			p++;
	}
	return 0;
}

int window_check(const char *text, struct err *e)
{
	struct windows w;

	return parse(&w, text, e);
}

/* A time of the day `offset` days from that of t. */
static int64_t local(int64_t t, int offset, int minute)
{
	time_t unix_time = (time_t)t;
	struct tm tm;

	localtime_r(&unix_time, &tm);
	tm.tm_mday += offset;
	tm.tm_hour = 0;
	tm.tm_min = minute;
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return mktime(&tm);
}

static int weekday(int64_t t)
{
	time_t unix_time = (time_t)t;
	struct tm tm;

	localtime_r(&unix_time, &tm);
	return tm.tm_wday;
}

int64_t window_span(const char *text, int64_t t, int64_t *until)
{
	struct windows w;
	int64_t next = INT64_MAX;

	*until = INT64_MAX;
	if (parse(&w, text, NULL) < 0 || !w.count)
		return t;
	for (int day = -1; day <= 7; day++) {
		for (const struct window *one = w.item; one < w.item + w.count; one++) {
			int64_t from = local(t, day, one->from);
			int64_t to = local(t, one->to <= one->from ? day + 1 : day, one->to);

			if (!(one->days & 1u << weekday(from)))
				continue;
			if (from <= t && t < to) {
				*until = to;
				return t;
			}
			if (from > t && from < next) {
				next = from;
				*until = to;
			}
		}
	}
	return next;
}

int64_t window_next(const char *text, int64_t t)
{
	int64_t until;

	return window_span(text, t, &until);
}

int daytime_check(const char *text, struct err *e)
{
	const char *p = text;
	int minute = *text ? take_time(&p) : 0;

	if (minute < 0 || minute == MINUTES_A_DAY || *p)
		return err_set(e, ERR_CONFIG, "\"%.40s\" is no time of the day; one like 04:00 is expected", text);
	return 0;
}

int64_t daytime_next(const char *text, int64_t t)
{
	const char *p = text;
	int minute = take_time(&p);
	int64_t today = local(t, 0, minute);

	return today > t ? today : local(t, 1, minute);
}
