/* Sites that are tracked, and where a certificate is live: the answers on the screen, and waiting for them. */
#include "ctl/ctl.h"

#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define FINGERPRINT_SHOWN 16

static void pause_between(void)
{
	ctl_pause();
}

/* "yes", "no", "?" */
static void put_word(json_t *site)
{
	const json_t *valid = json_object_get(site, "valid");

	json_put_str(site, "valid_word", json_is_boolean(valid) ? json_is_true(valid) ? "yes" : "no" : "?");
}

/* "2026-12-24, 30 days" */
static void put_end(json_t *site)
{
	const char *end = json_str(site, "not_after");
	int64_t days = json_int(site, "days", 0);
	_cleanup_free_ char *text = NULL;

	if (!end)
		return;
	text = xasprintf("%.10s, %lld day%s%s", end, (long long)(days < 0 ? -days : days),
			 days == 1 || days == -1 ? "" : "s", days < 0 ? " ago" : "");
	json_put_str(site, "expires", text);
}

int show_sites(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "SITE", "name" }, { "SUBJECT", "subject" }, { "ISSUER", "issuer" }, { "SCANNED", "scanned" },
		{ "VALID", "valid_word" }, { "EXPIRES", "expires" }, { "REASON", "reason" },
	};
	json_t *list = json_object_get(answer, "sites"), *site;
	size_t i;

	if (ctl_as_json(ctl, answer))
		return 0;
	json_array_foreach(list, i, site) {
		put_word(site);
		put_end(site);
	}
	print_found(ctl, list, columns, ARRAY_SIZE(columns), "No sites yet; see certeractl site add --help.");
	return 0;
}

static void shorten(json_t *row, const char *member)
{
	const char *text = json_str(row, member);
	_cleanup_free_ char *shown = text ? xstrndup(text, FINGERPRINT_SHOWN) : NULL;

	json_put_str(row, member, shown);
}

int show_site(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "site", "name" }, { "valid", "valid_word" }, { "reason", "reason" }, { "since", "since" },
		{ "subject", "subject" }, { "issuer", "issuer" }, { "valid from", "not_before" },
		{ "valid until", "not_after" }, { "fingerprint", "fingerprint" }, { "scanned", "scanned" },
		{ "seen", "seen" }, { "added", "created" }, { "added by", "created_by" },
	};
	static const struct column addresses[] = {
		{ "ADDRESS", "address" }, { "STATE", "state" }, { "TLS", "tls" }, { "KEY", "key" },
		{ "FINGERPRINT", "fingerprint" }, { "DETAIL", "says" }, { "ADVICE", "hint" },
	};
	static const struct column history[] = {
		{ "FIRST", "first" }, { "LAST", "last" }, { "TIMES", "times" }, { "STATE", "state" },
		{ "FINGERPRINT", "fingerprint" }, { "BEFORE", "before" }, { "REASON", "reason" },
	};
	json_t *seen = json_object_get(answer, "addresses"), *past = json_object_get(answer, "history"), *row;
	size_t i;

	if (ctl_as_json(ctl, answer))
		return 0;
	put_word(answer);
	print_fields(answer, lines, ARRAY_SIZE(lines));
	json_array_foreach(seen, i, row)
		shorten(row, "fingerprint");
	json_array_foreach(past, i, row) {
		shorten(row, "fingerprint");
		shorten(row, "before");
	}
	putchar('\n');
	print_table(seen, addresses, ARRAY_SIZE(addresses), "No addresses found.");
	putchar('\n');
	print_table(past, history, ARRAY_SIZE(history), "Not scanned yet.");
	return 0;
}

int show_added_sites(struct ctl *ctl, json_t *answer)
{
	const json_t *name;
	size_t i;

	if (ctl_as_json(ctl, answer))
		return 0;
	json_array_foreach(json_object_get(answer, "added"), i, name)
		printf("%s added.\n", json_string_value(name));
	json_array_foreach(json_object_get(answer, "already"), i, name)
		printf("%s was already tracked.\n", json_string_value(name));
	return 0;
}

/* The site as soon as it was scanned once more. */
int wait_site(struct ctl *ctl, json_t *answer)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/sites/%s", json_str(answer, "id") ? json_str(answer, "id") : "");
	int64_t before = json_int(answer, "scans", 0);
	_cleanup_json_ json_t *now = NULL;
	struct err e = { 0 };

	if (!json_str(answer, "id")) {	/* all of them */
		if (!ctl_as_json(ctl, answer))
			printf("%lld sites are being scanned; see certeractl site list.\n",
			       (long long)json_int(answer, "sites", 0));
		return 0;
	}
	do {
		pause_between();
		json_decref(now);
		now = ctl_request(ctl, "GET", path, NULL, &e);
	} while (now && json_int(now, "scans", 0) == before);
	return now ? show_site(ctl, now) : ctl_fail(ctl, &e);
}

static int show_live(struct ctl *ctl, json_t *live)
{
	static const struct column lines[] = {
		{ "version", "version" }, { "state", "state" }, { "detail", "says" }, { "since", "since" },
		{ "checked", "time" },
	};
	static const struct column addresses[] = {
		{ "NAME", "name" }, { "ADDRESS", "address" }, { "SHOWS", "shows" }, { "VERSION", "version" },
		{ "VALID UNTIL", "not_after" }, { "ISSUER", "issuer" }, { "DETAIL", "says" },
	};

	if (ctl_as_json(ctl, live))
		return 0;
	print_fields(live, lines, ARRAY_SIZE(lines));
	putchar('\n');
	print_table(json_object_get(live, "addresses"), addresses, ARRAY_SIZE(addresses), "No addresses checked.");
	return 0;
}

/* Is its row due, or under way? */
static bool is_under_way(const json_t *live)
{
	const char *planned = json_str(live, "planned");
	int64_t due;

	return planned && clock_parse_rfc3339(planned, &due) == 0 && due <= clock_now();
}

/* Looked for once more; or not, because that is not configured. */
int wait_live(struct ctl *ctl, json_t *answer)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/certificates/%s/live?staging=false", json_str(answer, "name"));
	int64_t before = json_int(answer, "looks", 0);
	_cleanup_json_ json_t *now = NULL;
	struct err e = { 0 };

	do {
		pause_between();
		json_decref(now);
		now = ctl_request(ctl, "GET", path, NULL, &e);
	} while (now && is_under_way(now) && json_int(now, "looks", 0) == before);
	if (now && json_int(now, "looks", 0) > before)
		return show_live(ctl, now);
	if (now) {
		err_set(&e, ERR_CONFLICT, "%s has no live check", ctl->args[0]);
		err_hint(&e, "tracking.live is false in the configuration.");
	}
	return ctl_fail(ctl, &e);
}
