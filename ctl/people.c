/* Users, plans and tokens on the screen. */
#include "ctl/ctl.h"

int show_user(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" }, { "role", "role" }, { "disabled", "disabled" }, { "mail", "mail" },
		{ "plan", "plan" }, { "app for codes", "totp" }, { "created", "created" }, { "signed in", "signed_in" },
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
		print_table(json_object_get(answer, "sessions"), sessions, ARRAY_SIZE(sessions), "Signed in nowhere.");
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
	print_table(json_object_get(answer, "users"), columns, ARRAY_SIZE(columns),
		    "Nobody can sign in yet; see certeractl setup --help.");
	return 0;
}

int show_plan(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" }, { "certificates", "certificates" }, { "domains", "domains" }, { "users", "users" },
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
		    "There are no plans: nobody is limited.");
	return 0;
}

int show_token(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" }, { "role", "role" }, { "domains", "domains" }, { "actions", "actions" },
		{ "from", "addresses" }, { "expires", "expires" }, { "of user", "user" }, { "made by", "created_by" },
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
			    "The configuration needs none.");
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
	print_table(json_object_get(answer, "tokens"), columns, ARRAY_SIZE(columns), "There are no tokens.");
	return 0;
}

int show_owner(struct ctl *ctl, json_t *answer)
{
	const char *owner = json_str(answer, "owner");

	if (!ctl_as_json(ctl, answer))
		printf("%s belongs to %s now.\n", json_str(answer, "name"), owner ? owner : "nobody in particular");
	return 0;
}
