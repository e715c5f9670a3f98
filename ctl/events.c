/* What happened, on the screen: a list, or line by line as it happens. */
#include "ctl/ctl.h"

#include <time.h>

#define WAIT "30"	/* seconds for the next event, in one request */

int show_events(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "EVENT", "number" }, { "WHEN", "time" }, { "WHO", "actor" }, { "FROM", "address" },
		{ "WHAT", "action" }, { "OF", "name" }, { "MESSAGE", "message" },
	};

	if (json_bool(ctl->local, "follow", false))
		return follow_events(ctl, answer);
	if (ctl_as_json(ctl, answer))
		return 0;
	print_found(ctl, json_object_get(answer, "events"), columns, ARRAY_SIZE(columns), "No events yet.");
	return 0;
}

static void print_event(const struct ctl *ctl, const json_t *event)
{
	_cleanup_free_ char *text = ctl->as_json ? json_write(event) : NULL;
	const char *name = json_str(event, "name"), *message = json_str(event, "message");

	if (text)
		puts(text);
	else
		printf("%s %s %s%s%s: %s\n", json_str(event, "time"), json_str(event, "actor"),
		       json_str(event, "action"), name ? " " : "", name ? name : "", message ? message : "");
}

/* The newest comes first in a list, and last when it is followed.  The number to go on from. */
static int64_t print_begin(const struct ctl *ctl, const json_t *answer)
{
	const json_t *events = json_object_get(answer, "events");
	bool forward = json_object_get(answer, "after");

	for (size_t i = 0, count = json_array_size(events); i < count; i++)
		print_event(ctl, json_array_get(events, forward ? i : count - 1 - i));
	return forward ? json_int(answer, "after", 0) : json_int(json_array_get(events, 0), "number", 0);
}

/* The reader is done with them: they were printed. */
static int acknowledge(struct ctl *ctl, int64_t number, struct err *e)
{
	const char *reader = json_str(ctl->query, "reader");
	_cleanup_free_ char *path = reader ? xasprintf("/api/v1/readers/%s", reader) : NULL;
	_cleanup_free_ char *text = xasprintf("%lld", (long long)number);
	_cleanup_json_ json_t *body = json_object(), *answer = NULL;

	if (fflush(stdout) == EOF)
		return err_errno(e, ERR_USAGE, "writing the events");
	if (!reader)
		return 0;
	json_put_str(body, "acknowledge", text);
	answer = ctl_request(ctl, "POST", path, body, e);
	return answer ? 0 : -1;
}

/* A daemon that is started anew is waited for; that is said once.  False: something else is wrong. */
static bool is_away(bool *said, const struct err *e)
{
	if (e->kind != ERR_NETWORK)
		return false;
	if (!*said)
		fprintf(stderr, "certeractl: %s; trying again\n", e->message);
	*said = true;
	nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
	return true;
}

int follow_events(struct ctl *ctl, json_t *answer)
{
	int64_t after = print_begin(ctl, answer);
	struct err e = { 0 };
	bool said = false;

	json_object_del(ctl->query, "limit");
	json_object_del(ctl->query, "before");
	json_put_str(ctl->query, "wait", WAIT);
	while (acknowledge(ctl, after, &e) == 0 || is_away(&said, &e)) {
		_cleanup_free_ char *number = xasprintf("%lld", (long long)after), *path = NULL;
		_cleanup_json_ json_t *next = NULL;

		json_put_str(ctl->query, "after", number);
		path = ctl_path(ctl);
		err_clear(&e);
		next = ctl_request(ctl, "GET", path, NULL, &e);
		if (next)
			after = print_begin(ctl, next);
		else if (!is_away(&said, &e))
			break;
		said &= !next;
	}
	return ctl_fail(ctl, &e);
}

int show_reader(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" },       { "acknowledged", "acknowledged" }, { "behind", "behind" },
		{ "created", "created" }, { "last used", "updated" },
	};

	if (!ctl_as_json(ctl, answer))
		print_fields(answer, lines, ARRAY_SIZE(lines));
	return 0;
}

int show_readers(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "NAME", "name" },
		{ "ACKNOWLEDGED", "acknowledged" },
		{ "BEHIND", "behind" },
		{ "LAST USED", "updated" },
	};

	if (!ctl_as_json(ctl, answer))
		print_table(json_object_get(answer, "readers"), columns, ARRAY_SIZE(columns), "No readers yet.");
	return 0;
}
