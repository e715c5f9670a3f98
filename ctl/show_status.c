/* How the server is: its status, its health, what it does next. */
#include "ctl/ctl.h"

static void print_waiting_messages(const json_t *counts)
{
	int64_t queued = json_int(counts, "queued", 0), dead = json_int(counts, "dead", 0);

	if (queued)
		printf("%-14s %lld wait for delivery\n", "messages", (long long)queued);
	if (dead)
		printf("%-14s %lld given up: certeractl outbox list --state dead\n", "messages", (long long)dead);
}

/* Those without which nothing is ordered. */
static void print_failed_accounts(const json_t *accounts)
{
	const json_t *one;
	size_t i;

	json_array_foreach ((json_t *)accounts, i, one) {
		const char *state = json_str(one, "state"), *name = json_str(one, "name");

		if (str_eq(state, "failed"))
			printf("%-14s ! %s cannot be registered: %s (certeractl account set %s)\n", "account", name,
			       json_str(json_object_get(one, "error"), "detail"), name);
		else if (str_eq(state, "terms"))
			printf("%-14s ! %s must agree to new terms (certeractl account agree %s)\n", "account", name,
			       name);
	}
}

/* "core certera-core, keeper certera-keeper, ..."; and a line for what is missing. */
static void print_protection(const json_t *protection)
{
	const json_t *one;
	size_t i;

	if (!protection)
		return;
	printf("%-14s", "processes");
	json_array_foreach (json_object_get(protection, "processes"), i, one)
		printf("%s %s (%s)", i ? "," : "", json_str(one, "name"), json_str(one, "user"));
	putchar('\n');
	json_array_foreach (json_object_get(protection, "missing"), i, one)
		printf("%-14s ! %s\n", "protection", json_string_value(one));
}

int show_status(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = { { "version", "version" }, { "started", "started" } };
	static const struct column next[] = { { "WHEN", "due" }, { "WHAT", "kind" }, { "OF", "name" } };
	json_t *counts = json_object_get(answer, "certificates");
	const char *word;
	json_t *count;
	int64_t all = 0;

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(answer, lines, ARRAY_SIZE(lines));
	printf("%-14s", "certificates");
	json_object_foreach(counts, word, count) {
		all += json_integer_value(count);
		if (json_integer_value(count))
			printf(" %lld %s", (long long)json_integer_value(count), word);
	}
	puts(all ? "" : " none");
	print_protection(json_object_get(answer, "protection"));
	print_failed_accounts(json_object_get(answer, "accounts"));
	print_waiting_messages(json_object_get(answer, "outbox"));
	putchar('\n');
	print_table(json_object_get(answer, "agenda"), next, ARRAY_SIZE(next), "Nothing is scheduled.");
	return 0;
}

int show_health(struct ctl *ctl, json_t *answer)
{
	const json_t *check;
	size_t i;

	if (!ctl_as_json(ctl, answer)) {
		printf("The server is %s.\n", json_str(answer, "status"));
		json_array_foreach (json_object_get(answer, "checks"), i, check)
			printf("%s %-14s %s\n", json_bool(check, "well", false) ? " " : "!", json_str(check, "name"),
			       json_str(check, "text"));
	}
	return str_eq(json_str(answer, "status"), "well") ? 0 : 1;
}

int show_agenda(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = { { "WHEN", "due" }, { "OF", "name" }, { "WHAT", "what" } };

	if (ctl_as_json(ctl, answer))
		return 0;
	print_table(json_object_get(answer, "agenda"), columns, ARRAY_SIZE(columns), "Nothing is scheduled.");
	return 0;
}

/* "08:00-12:00 22:00-24:00" of a day; owned. */
static char *windows_of(const json_t *day)
{
	const char *end = json_str(day, "until");
	struct buf text = BUF_INIT;
	const json_t *one;
	size_t i;

	json_array_foreach (json_object_get(day, "open"), i, one) {
		const char *from = json_str(one, "from"), *until = json_str(one, "until");
		size_t clock = strcspn(from, "T") + 1;	/* of a time as RFC 3339 has it */

		buf_addf(&text, "%s%.5s-%.5s", i ? " " : "", from + clock,
			 str_eq(until, end) ? "24:00" : until + clock);
	}
	return buf_detach(&text);
}

/* Days with something to see, or all. */
static json_t *days_of(const json_t *weeks, bool all)
{
	json_t *list = json_array(), *week, *day;
	size_t i, k;

	json_array_foreach ((json_t *)weeks, i, week) {
		json_array_foreach (json_object_get(week, "days"), k, day) {
			_cleanup_free_ char *windows = windows_of(day), *when = NULL;

			if (!all && !json_int(day, "renewals", 0) && !json_int(day, "ending", 0))
				continue;
			when = xasprintf("%s %s%s", json_str(day, "weekday"), json_str(day, "date"),
					 json_bool(day, "today", false) ? " (today)" : "");
			json_put_str(day, "when", when);
			json_put_str(day, "windows", windows);
			json_array_append(list, day);
		}
	}
	return list;
}

int show_renewals(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "DAY", "when" }, { "RENEWALS", "renewals" }, { "END", "ending" }, { "WINDOWS", "windows" },
	};
	const char *windows = json_str(answer, "windows");
	_cleanup_json_ json_t *days = NULL;
	int64_t overdue = json_int(answer, "overdue", 0);

	if (ctl_as_json(ctl, answer))
		return 0;
	days = days_of(json_object_get(answer, "weeks"), json_bool(ctl->local, "all", false));
	if (windows && *windows)
		printf("Certera renews in the maintenance windows: %s.\n\n", windows);
	if (overdue)
		printf("%lld due now.\n\n", (long long)overdue);
	print_table(days, columns, ARRAY_SIZE(columns), "Nothing is planned, and nothing ends in these weeks.");
	return 0;
}
