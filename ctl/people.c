/* Users, plans, tokens and API keys on the screen. */
#include "ctl/ctl.h"

int show_user(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" }, { "role", "role" }, { "disabled", "disabled" }, { "mail", "mail" },
		{ "plan", "plan" }, { "authenticator", "totp" }, { "created", "created" },
		{ "created by", "created_by" }, { "changed", "updated" }, { "changed by", "updated_by" },
		{ "signed in", "signed_in" },
		{ "from", "signed_in_from" }, { "failures", "failures" }, { "locked until", "locked_until" },
	};
	static const struct column sessions[] = {
		{ "SINCE", "created" }, { "LAST SEEN", "seen" }, { "FROM", "address" }, { "BROWSER", "agent" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(answer, lines, ARRAY_SIZE(lines));
	if (json_str(answer, "password"))
		printf("\nThe password, shown only this once:\n  %s\n", json_str(answer, "password"));
	if (json_object_get(answer, "sessions"))
		putchar('\n'),
		print_table(json_object_get(answer, "sessions"), sessions, ARRAY_SIZE(sessions), "Not signed in.");
	return 0;
}

int show_users(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "NAME", "name" }, { "ROLE", "role" }, { "PLAN", "plan" }, { "APP", "totp" },
		{ "DISABLED", "disabled" }, { "SIGNED IN", "signed_in" }, { "LOCKED UNTIL", "locked_until" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_found(ctl, json_object_get(answer, "users"), columns, ARRAY_SIZE(columns),
		    "No users yet; see certeractl setup --help.");
	return 0;
}

int show_apikey(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "FROM", "address" },
		{ "VERSION", "version" },
		{ "LAST", "time" },
		{ "WITH THE PRIVATE KEY", "with_key" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	printf("API key %lld (%s) of %s:\n", (long long)json_int(answer, "slot", 0), json_str(answer, "purpose"),
	       ctl->args[1]);
	print_table(json_object_get(answer, "used"), columns, ARRAY_SIZE(columns), "Nobody has used this key.");
	if (json_array_size(json_object_get(answer, "other_used")))
		printf("The other key (%s) is in use, too.\n", json_str(answer, "other_purpose"));
	else
		printf("Nobody has used the other key (%s).\n", json_str(answer, "other_purpose"));
	return 0;
}

int show_plan(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" },       { "certificates", "certificates" }, { "domains", "domains" },
		{ "users", "users" },     { "created", "created" },           { "created by", "created_by" },
		{ "changed", "updated" }, { "changed by", "updated_by" },
	};

	if (!ctl_as_json(ctl, answer))
		print_fields(answer, lines, ARRAY_SIZE(lines));
	return 0;
}

int show_plans(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "NAME", "name" }, { "CERTIFICATES", "certificates" }, { "DOMAINS", "domains" }, { "USERS", "users" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_table(json_object_get(answer, "plans"), columns, ARRAY_SIZE(columns),
		    "No plans: no user is limited.");
	return 0;
}

int show_token(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" }, { "role", "role" }, { "domains", "domains" }, { "actions", "actions" },
		{ "from", "addresses" }, { "expires", "expires" }, { "of user", "user" }, { "created", "created" },
		{ "made by", "created_by" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(answer, lines, ARRAY_SIZE(lines));
	printf("\nThe token, shown only this once:\n  %s\n", json_str(answer, "token"));
	return 0;
}

int show_secret(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" }, { "is", "what" }, { "sealed", "set" }, { "since", "changed" },
	};

	if (!ctl_as_json(ctl, answer))
		print_fields(answer, lines, ARRAY_SIZE(lines));
	return 0;
}

int show_secrets(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "NAME", "name" }, { "IS", "what" }, { "SEALED", "set" }, { "SINCE", "changed" },
	};

	if (!ctl_as_json(ctl, answer))
		print_table(json_object_get(answer, "secrets"), columns, ARRAY_SIZE(columns),
			    "The configuration needs no secrets.");
	return 0;
}

int show_tokens(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "NAME", "name" }, { "ROLE", "role" }, { "USER", "user" }, { "DOMAINS", "domains" },
		{ "ACTIONS", "actions" }, { "FROM", "addresses" }, { "EXPIRES", "expires" }, { "LAST USED", "used" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_table(json_object_get(answer, "tokens"), columns, ARRAY_SIZE(columns), "No tokens.");
	return 0;
}

static void print_changes(const char *what, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		printf("%-14s %s %s\n", i ? "" : what, json_str(one, "name"), json_str(one, "then"));
}

int show_owner(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "from", "from" },
		{ "to", "to" },
		{ "certificate", "certificate" },
		{ "versions", "versions" },
		{ "orders", "orders" },
		{ "its key", "key" },
		{ "key stays", "key_stays" },
		{ "shared with", "key_shared_with" },
		{ "contacts", "contacts" },
	};
	const json_t *moves = json_object_get(answer, "moves");
	const char *owner = json_str(moves, "to");

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(moves, lines, ARRAY_SIZE(lines));
	print_changes("users", json_object_get(moves, "users"));
	print_changes("tokens", json_object_get(moves, "tokens"));
	if (json_bool(answer, "dry_run", false))
		puts("Nothing was changed.");
	else
		printf("%s now belongs to %s.\n", json_str(answer, "name"), owner ? owner : "no user");
	return 0;
}
