/* Channels and the outbox on the screen. */
#include "ctl/ctl.h"

#include <time.h>


int show_channel(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" },
		{ "kind", "kind" },
		{ "user", "owner" },
		{ "to", "recipients" },
		{ "host", "host" },
		{ "signed", "signed" },
		{ "alerts", "wanted" },
		{ "lowest level", "level" },
		{ "days before", "expiring" },
		{ "disabled", "disabled" },
		{ "created", "created" },
		{ "created by", "created_by" },
		{ "changed", "updated" },
		{ "changed by", "updated_by" },
		{ "messages", "newest" },
		{ "last delivery", "sent" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(answer, lines, ARRAY_SIZE(lines));
	print_error(answer);
	return 0;
}

int show_channels(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "NAME", "name" }, { "KIND", "kind" }, { "TO", "recipients" }, { "HOST", "host" },
		{ "LEVEL", "level" }, { "DISABLED", "disabled" }, { "LAST DELIVERY", "sent" },
		{ "LAST ERROR", "error" },
	};

	if (!ctl_as_json(ctl, answer))
		print_table(json_object_get(answer, "channels"), columns, ARRAY_SIZE(columns),
			    "No channels yet; see certeractl channel add --help.");
	return 0;
}

int show_outbox(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "CHANNEL", "channel" }, { "NUMBER", "number" }, { "WHEN", "created" }, { "STATE", "state" },
		{ "TO", "recipient" }, { "ALERT", "alert" }, { "SUBJECT", "subject" }, { "ERROR", "error" },
	};

	if (!ctl_as_json(ctl, answer))
		print_found(ctl, json_object_get(answer, "messages"), columns, ARRAY_SIZE(columns), "No messages.");
	return 0;
}

static void print_items(const json_t *items)
{
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
		printf("%-14s %s: %s\n", i ? "" : "in it", json_str(item, "subject"), json_str(item, "text"));
}

int show_message(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "channel", "channel" }, { "number", "number" }, { "to", "recipient" }, { "alert", "alert" },
		{ "level", "level" }, { "subject", "subject" }, { "text", "text" }, { "happened", "created" },
		{ "state", "state" }, { "failed tries", "tries" }, { "next try", "next_at" }, { "delivered", "sent" },
		{ "key", "key" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(answer, lines, ARRAY_SIZE(lines));
	print_items(json_object_get(answer, "items"));
	print_error(answer);
	print_list("dialogue", json_object_get(answer, "dialogue"));
	return 0;
}

int show_message_removed(struct ctl *ctl, json_t *answer)
{
	if (!ctl_as_json(ctl, answer))
		printf("Message %s of %s deleted.\n", ctl->args[1], ctl->args[0]);
	return 0;
}

/* Reads a message until it is delivered or given up; NULL: e says why that cannot be. */
static json_t *follow(struct ctl *ctl, const char *channel, int64_t number, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/outbox/%s/%lld", channel, (long long)number);
	json_t *message = NULL;

	for (;;) {
		message = ctl_request(ctl, "GET", path, NULL, e);
		if (!message || !str_eq(json_str(message, "state"), "queued"))
			return message;
		json_decref(message);
		ctl_pause();
	}
}

/* How one message fared, with all that was said if it was not delivered. */
static int show_fate(const struct ctl *ctl, const json_t *message)
{
	const char *to = json_str(message, "recipient") ? json_str(message, "recipient") : json_str(message, "channel");
	bool sent = str_eq(json_str(message, "state"), "sent");
	struct err e = { 0 };

	if (sent && !ctl->as_json)
		printf("Delivered to %s.\n", to);
	if (sent)
		return 0;
	json_problem_read(json_object_get(message, "error"), &e);
	if (!ctl->as_json)
		print_list("dialogue", json_object_get(message, "dialogue"));
	return ctl_fail(ctl, &e);
}

int wait_tested(struct ctl *ctl, json_t *answer)
{
	_cleanup_json_ json_t *fates = json_array();
	json_t *number, *message;
	struct err e = { 0 };
	int code = 0;
	size_t i;

	json_array_foreach(json_object_get(answer, "messages"), i, number) {
		message = follow(ctl, ctl->args[0], json_integer_value(number), &e);
		if (!message)
			return ctl_fail(ctl, &e);
		json_array_append_new(fates, message);
	}
	json_object_set(answer, "messages", fates);
	ctl_as_json(ctl, answer);
	json_array_foreach(fates, i, message) {
		int fate = show_fate(ctl, message);

		code = MAX(code, fate);
	}
	return code;
}

int wait_resent(struct ctl *ctl, json_t *answer)
{
	struct err e = { 0 };
	_cleanup_json_ json_t *message = follow(ctl, json_str(answer, "channel"), json_int(answer, "number", 0), &e);

	if (!message)
		return ctl_fail(ctl, &e);
	ctl_as_json(ctl, message);
	return show_fate(ctl, message);
}
