/*
 * GET /api/v1/renewals: a calendar of what is planned to be renewed and what ends on each day, with the maintenance
 * windows.  Days are those of the visitor's zone.
 */
#include <time.h>

#include "base/clock.h"
#include "webui/http/scope.h"
#include "webui/list/list.h"
#include "webui/page/number.h"
#include "webui/page/time.h"

#define WEEK 7
#define WEEKS 5
#define DAYS (WEEK * WEEKS)
#define DAY ((int64_t)24 * 60 * 60)

struct calendar {
	const struct scope *scope;
	const struct zone *zone;
	int64_t now;
	int64_t from[DAYS + 1];		/* when each day begins, and the last one ends */
	int64_t renewals[DAYS], ending[DAYS], overdue;
};

/* -1: on none of the days. */
static int day_of(const struct calendar *c, int64_t t)
{
	int day = (int)((t - c->from[0]) / DAY);

	if (t < c->from[0] || t >= c->from[DAYS])
		return -1;
	day = MIN(day, DAYS - 1);
	while (day > 0 && t < c->from[day])	/* where the clocks change, days are longer or shorter */
		day--;
	while (t >= c->from[day + 1])
		day++;
	return day;
}

static int count(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct calendar *c = arg;
	int renewal = cert->renew_at ? day_of(c, cert->renew_at) : -1,
	    end = cert->current ? day_of(c, cert->not_after) : -1;
	bool late = cert->renew_at && cert->renew_at < c->now;

	if (cert->disabled || (renewal < 0 && end < 0 && !late) || !scope_has_row(c->scope, &rec_cert_type, value))
		return 0;
	if (renewal >= 0)
		c->renewals[renewal]++;
	if (end >= 0)
		c->ending[end]++;
	c->overdue += late;
	return 0;
}

static struct tm local(const struct calendar *c, int64_t t)
{
	char ignored[ZONE_ABBREVIATION_SIZE];
	time_t seconds = t + zone_offset(c->zone, t, ignored);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	return tm;
}

/* The Monday before it, or it. */
static void set_days(struct calendar *c, int64_t t)
{
	struct tm tm = local(c, t);
	int before = (tm.tm_wday + WEEK - 1) % WEEK;

	for (int day = 0; day <= DAYS; day++)
		c->from[day] = zone_midnight(c->zone, t, day - before);
}

/*
 * What is shown.
 */

/* The day that begins then, as the parameter takes it. */
static void put_date(json_t *o, const char *member, const struct calendar *c, int64_t t)
{
	struct tm tm = local(c, t + DAY / 2);
	char text[32];

	strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	json_put_str(o, member, text);
}

/* The parts of a day in which a window is open. */
static json_t *show_open(const struct request *r, int64_t from, int64_t until)
{
	const char *windows = r->webui->settings->windows;
	json_t *list = json_array();
	int64_t end;

	for (int64_t t = from; *windows && t < until; t = end) {
		int64_t begin = r->webui->env->window_span(windows, t, &end);
		json_t *one;

		if (begin >= until || end <= t)
			break;
		one = json_object();
		json_put_time(one, "from", begin);
		json_put_time(one, "until", MIN(end, until));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *show_day(const struct request *r, const struct calendar *c, int day)
{
	struct tm tm = local(c, c->from[day] + DAY / 2);
	json_t *o = json_object();
	char text[32];

	put_date(o, "date", c, c->from[day]);
	if (!day || tm.tm_mday == 1)
		strftime(text, sizeof(text), "%-d %b", &tm);
	else
		strftime(text, sizeof(text), "%-d", &tm);
	json_put_str(o, "label", text);
	strftime(text, sizeof(text), "%a", &tm);
	json_put_str(o, "weekday", text);
	strftime(text, sizeof(text), "%A, %-d %B", &tm);
	json_put_str(o, "title", text);
	json_put_time(o, "from", c->from[day]);
	json_put_time(o, "until", c->from[day + 1]);
	json_put_bool(o, "today", c->now >= c->from[day] && c->now < c->from[day + 1]);
	json_put_bool(o, "past", c->now >= c->from[day + 1]);
	number_put(o, "renewals", c->renewals[day]);
	number_put(o, "ending", c->ending[day]);
	json_object_set_new(o, "open", show_open(r, c->from[day], c->from[day + 1]));
	return o;
}

static void show_weeks(const struct request *r, json_t *o, const struct calendar *c)
{
	json_t *weeks = json_array();

	for (int week = 0; week < WEEKS; week++) {
		json_t *days = json_array();

		for (int day = 0; day < WEEK; day++)
			json_array_append_new(days, show_day(r, c, week * WEEK + day));
		json_array_append_new(weeks, json_pack("{s:o}", "days", days));
	}
	json_object_set_new(o, "weeks", weeks);
	put_date(o, "before", c, zone_midnight(c->zone, c->from[0], -DAYS));
	put_date(o, "after", c, c->from[DAYS]);
}

/* A day is one of the visitor's zone, not of UTC. */
static int read_since(const struct params *query, const struct zone *zone, int64_t now, int64_t *since, struct err *e)
{
	const char *text = params_get(query, "since");
	char ignored[ZONE_ABBREVIATION_SIZE];

	if (list_read_time(query, "since", now, since, e) < 0)
		return -1;
	if (text && *text && !strchr(text, ':'))
		*since += DAY / 2 - zone_offset(zone, *since, ignored);
	return 0;
}

int page_renewals(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_free_ char *name = time_zone_name(r);
	_cleanup_zone_ struct zone *zone = time_zone(r);
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	struct calendar c = { .scope = &r->visitor.scope, .zone = zone, .now = clock_now() };
	int64_t since;

	if (admin_query(r, &query, e) < 0 || read_since(&query, zone, c.now, &since, e) < 0)
		return -1;
	set_days(&c, since);
	if (store_read(r->webui->env->store, &t, e) < 0 || record_skim(t, &rec_cert_type, count, &c, e) < 0)
		return -1;
	json_put_str(answer, "zone", name ? name : "UTC");
	json_put_str(answer, "windows", r->webui->settings->windows);
	json_put_time(answer, "since", c.from[0]);
	json_put_time(answer, "until", c.from[DAYS]);
	number_put(answer, "overdue", c.overdue);
	json_put_bool(answer, "overdue_one", c.overdue == 1);
	show_weeks(r, answer, &c);
	return reply_json(r, 200, TAKE(answer));
}
