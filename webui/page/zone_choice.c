/*
 * The time zone of a visitor's pages: a cookie, so that it is the browser's, and no page has to look into the store for
 * it.
 */
#include "webui/page/zone_choice.h"

#include <stdio.h>

#include "webui/http/handler.h"
#include "webui/page/time.h"

#define TABLE ZONE_DIRECTORY "/zone1970.tab"
#define LASTS "31536000"	/* seconds: a year */

static void add(json_t *list, const char *value, const char *text)
{
	json_t *o = json_object();

	json_put_str(o, "value", value);
	json_put_str(o, "text", text);
	json_array_append_new(list, o);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The third column of the table, in order.  Owned; NULL: the machine has none. */
static char **zone_names(void)
{
	FILE *f = fopen(TABLE, "re");
	char **names = NULL, *line = NULL;
	size_t room = 0;

	while (f && getline(&line, &room, f) > 0) {
		_cleanup_strv_ char **column = *line == '#' ? NULL : strv_split(line, "\t\n");

		if (strv_len(column) >= 3)
			strv_add(&names, column[2]);
	}
	free(line);
	if (f)
		fclose(f);
	if (names)
		qsort(names, strv_len(names), sizeof(*names), by_name);
	return names;
}

void zone_put_choices(const struct request *r, json_t *o)
{
	_cleanup_free_ char *chosen = time_zone_name(r);
	_cleanup_strv_ char **names = r->html ? zone_names() : NULL;
	json_t *choices = json_object_get(o, "choices"), *list;

	json_put_str(o, "zone", chosen);
	if (!r->html)
		return;
	if (!choices)
		json_object_set_new(o, "choices", choices = json_object());
	json_object_set_new(choices, "zone", list = json_array());
	add(list, "", "That of the browser");
	add(list, "UTC", "UTC");
	for (char **name = names; name && *name; name++)
		add(list, *name, *name);
	if (chosen && !str_eq(chosen, "UTC") && !strv_has(names, chosen))	/* an older name of one */
		add(list, chosen, chosen);
}

int page_me_zone(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	const char *name = body ? json_str(body, "zone") : NULL;
	_cleanup_zone_ struct zone *zone = name && *name ? zone_open(name, e) : NULL;
	_cleanup_free_ char *cookie = NULL;
	json_t *answer;

	if (!body)
		return -1;
	if (name && *name && !zone)
		return err_field(e, "zone");
	/* Not HttpOnly: the script sets the browser's own zone only where there is none. */
	cookie = xasprintf(TIME_COOKIE "=%s; Path=/; Secure; SameSite=Strict; Max-Age=%s", zone ? name : "",
			   zone ? LASTS : "0");
	reply_header(r, "Set-Cookie", cookie);
	answer = json_object();
	json_put_str(answer, "zone", zone ? name : NULL);
	return reply_json(r, 200, answer);
}
