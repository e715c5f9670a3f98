#include "webui/page/time.h"

#include <time.h>

#include "base/clock.h"

#define TIME_LEN (CLOCK_RFC3339_SIZE - 1)
#define DAY ((int64_t)24 * 60 * 60)
#define NEAR (6 * DAY)		/* a day of the week says which one */

struct people {
	int64_t now;
	const struct zone *zone;
};

char *time_zone_name(const struct request *r)
{
	_cleanup_free_ char *name = request_cookie(r, TIME_COOKIE);
	_cleanup_zone_ struct zone *z = name ? zone_open(name, NULL) : NULL;

	return z ? TAKE(name) : NULL;
}

struct zone *time_zone(const struct request *r)
{
	_cleanup_free_ char *name = request_cookie(r, TIME_COOKIE);

	return name ? zone_open(name, NULL) : NULL;
}

/*
 * One time.
 */

static const char *local_time(const struct people *p, int64_t t, struct tm *tm, char zone[ZONE_ABBREVIATION_SIZE])
{
	time_t local = t + zone_offset(p->zone, t, zone);

	gmtime_r(&local, tm);
	return zone;
}

static void say_short(const struct people *p, int64_t t, const struct tm *tm, char *out, size_t size)
{
	char zone[ZONE_ABBREVIATION_SIZE];
	struct tm now;

	local_time(p, p->now, &now, zone);
	if (tm->tm_year == now.tm_year && tm->tm_yday == now.tm_yday)
		strftime(out, size, "%H:%M", tm);
	else if (t > p->now - NEAR && t < p->now + NEAR)
		strftime(out, size, "%a %H:%M", tm);
	else if (tm->tm_year == now.tm_year)
		strftime(out, size, "%-d %b %H:%M", tm);
	else
		strftime(out, size, "%-d %b %Y", tm);
}

static json_t *time_object(const struct people *p, const char *text, int64_t t)
{
	json_t *o = json_object();
	char shown[64], zone[ZONE_ABBREVIATION_SIZE];
	struct tm tm;

	json_put_str(o, "text", text);
	json_put_str(o, "relative", clock_relative(shown, sizeof(shown), t, p->now));
	local_time(p, t, &tm, zone);
	strftime(shown, sizeof(shown), "%a %-d %b %Y, %H:%M:%S", &tm);
	json_object_set_new(o, "exact", json_sprintf("%s %s", shown, zone));
	strftime(shown, sizeof(shown), "%-d %b %Y", &tm);
	json_put_str(o, "day", shown);
	strftime(shown, sizeof(shown), "%H:%M", &tm);
	json_put_str(o, "clock", shown);
	say_short(p, t, &tm, shown, sizeof(shown));
	json_put_str(o, "short", shown);
	return o;
}

/* Does the text begin with a time?  *t is that. */
static bool begins_with_time(const char *text, int64_t *t, char head[CLOCK_RFC3339_SIZE])
{
	if (strnlen(text, TIME_LEN) < TIME_LEN || text[4] != '-' || text[TIME_LEN - 1] != 'Z')
		return false;
	snprintf(head, CLOCK_RFC3339_SIZE, "%s", text);
	return clock_parse_rfc3339(head, t) == 0;
}

/*
 * Sentences.
 */

/* "no order before 2026-12-01T13:00:00Z" -> "no order before 1 Dec 2026, 14:00 CET" */
static json_t *in_words(const struct people *p, const char *sentence)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	char head[CLOCK_RFC3339_SIZE], shown[64], zone[ZONE_ABBREVIATION_SIZE];
	struct tm tm;
	int64_t t;

	for (bool word = true; *sentence;) {
		if (!word || !begins_with_time(sentence, &t, head)) {	/* not in a path or a URL */
			word = *sentence == ' ' || *sentence == '(';
			buf_add(&out, sentence++, 1);
			continue;
		}
		local_time(p, t, &tm, zone);
		strftime(shown, sizeof(shown), "%-d %b %Y, %H:%M", &tm);
		buf_addf(&out, "%s %s", shown, zone);
		sentence += TIME_LEN;
	}
	return json_string(buf_str(&out));
}

static bool is_sentence(const char *member)
{
	static const char *const sentences[] = {
		"detail",      "findings", "hint", "message",   "reason", "says",
		"status_text", "subject",  "text", "waits_for", "why",
	};

	for (size_t i = 0; i < ARRAY_SIZE(sentences); i++)
		if (str_eq(sentences[i], member))
			return true;
	return false;
}

/*
 * All of a value.
 */

static json_t *show(const struct people *, const char *member, const json_t *value);

static json_t *show_text(const struct people *p, const char *member, const char *text)
{
	char head[CLOCK_RFC3339_SIZE];
	int64_t t;
	json_t *line;

	if (begins_with_time(text, &t, head) && !text[TIME_LEN])
		return time_object(p, head, t);
	if (str_eq(member, "detail")) {
		_cleanup_free_ char *sentence = err_sentence(text);

		return in_words(p, sentence);
	}
	if (is_sentence(member))
		return in_words(p, text);
	if (member || !begins_with_time(text, &t, head) || text[TIME_LEN] != ' ')
		return json_string(text);
	line = json_object();
	json_object_set_new(line, "time", time_object(p, head, t));
	json_object_set_new(line, "text", in_words(p, text + TIME_LEN + 1));
	return line;
}

/* member: what the value is called; NULL: it is in a list, which is not one of sentences. */
static json_t *show(const struct people *p, const char *member, const json_t *value)
{
	json_t *copy, *item;
	const char *name;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_STRING:
		return show_text(p, member, json_string_value(value));
	case JSON_ARRAY:
		copy = json_array();
		json_array_foreach (value, i, item)
			json_array_append_new(copy, show(p, member && is_sentence(member) ? member : NULL, item));
		return copy;
	case JSON_OBJECT:
		copy = json_object();
		json_object_foreach ((json_t *)value, name, item)
			json_object_set_new(copy, name, show(p, name, item));
		return copy;
	default:
		return json_incref((json_t *)value);
	}
}

json_t *time_for_people(const json_t *value, int64_t now, const struct zone *zone)
{
	return show(&(struct people){ now, zone }, "", value);
}
