/* What each command shows of its answer. */
#include "ctl/ctl.h"

#include "base/buf.h"
#include "base/encode.h"

static void print_api_keys(const json_t *answer, const char *member, const char *of)
{
	const json_t *keys = json_object_get(answer, member);
	json_t *key;
	size_t i;

	if (!json_array_size(keys))
		return;
	printf("\nAPI keys of the %s, shown only this once:\n", of);
	json_array_foreach(keys, i, key)
		printf("  %zu  %s\n", i + 1, json_string_value(key));
}

void print_added(const json_t *answer)
{
	const char *name = json_str(json_object_get(answer, "certificate"), "name");

	if (json_bool(answer, "existing", false))
		printf("Certificate %s already exists with these settings; "
		       "its API keys were shown when you added it.\n", name);
	else
		printf("Certificate %s added.\n", name);
	print_api_keys(answer, "api_keys", "certificate");
	print_api_keys(answer, "key_api_keys", "key");
}

void print_key_changed(const json_t *answer)
{
	const char *key = json_str(answer, "key");

	if (!json_bool(answer, "key_changed", false))
		return;
	printf("Until the new version is in force, deploy scripts get the former key.\n"
	       "After that, they download /api/key/%s with an API key of this key.\n", key);
	print_api_keys(answer, "key_api_keys", "key");
	putchar('\n');
}

static const struct column limit_columns[] = {
	{ "LIMIT", "limit" }, { "OF", "of" }, { "USED", "used" }, { "MOST", "most" }, { "LEFT", "left" },
	{ "SECONDS", "window" }, { "LEARNED", "learned" }, { "NEXT FREE", "free_at" },
};

/* What its CA offers, as far as that is known. */
static void print_offers(const json_t *offers)
{
	static const struct column lines[] = {
		{ "challenges", "challenges" },    { "wildcards", "wildcard" },
		{ "IP addresses", "ip" },          { "needs EAB", "eab" },
		{ "suggests renewal", "ari" },     { "from % of life", "window_from" },
		{ "to % of life", "window_to" },   { "days valid", "validity_days" },
		{ "revocation by", "revocation" }, { "keys issued for", "key_types" },
		{ "in CAA records", "caa" },       { "website", "website" },
		{ "directory read", "read" },
	};

	if (!json_is_object(offers))
		return;
	puts("\nWhat the CA offers, as far as it is known:");
	print_fields(offers, lines, ARRAY_SIZE(lines));
}

int show_account(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" }, { "state", "state" }, { "CA", "ca" }, { "directory", "directory" },
		{ "staging", "staging" }, { "contact", "contact" }, { "terms", "terms" }, { "account URL", "kid" },
		{ "key", "key" }, { "EAB", "eab_kid" }, { "CA file", "ca_file" }, { "created", "created" },
		{ "created by", "created_by" }, { "changed", "updated" }, { "changed by", "updated_by" },
		{ "trouble", "trouble" }, { "no order before", "held_until" },
		{ "being asked", "wish" }, { "checked", "checked" },
	};
	const json_t *used = json_object_get(answer, "limits");

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(answer, lines, ARRAY_SIZE(lines));
	print_list("profiles", json_object_get(answer, "profiles"));
	print_offers(json_object_get(answer, "offers"));
	print_list("orders", json_object_get(answer, "orders"));
	print_error(answer);
	if (json_array_size(used)) {
		putchar('\n');
		print_table(used, limit_columns, ARRAY_SIZE(limit_columns), "");
	}
	return 0;
}

int show_accounts(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "NAME", "name" }, { "STATE", "state" }, { "STAGING", "staging" }, { "DIRECTORY", "directory" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_found(ctl, json_object_get(answer, "accounts"), columns, ARRAY_SIZE(columns),
		    "No accounts yet; see certeractl account add --help.");
	return 0;
}

int show_key(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" },
		{ "type", "type" },
		{ "use", "use" },
		{ "versions", "newest" },
		{ "description", "description" },
		{ "created", "created" },
		{ "created by", "created_by" },
		{ "changed", "updated" },
		{ "changed by", "updated_by" },
		{ "days old", "age_days" },
		{ "reminder", "note" },
		{ "used by", "used_by" },
	};
	const json_t *key = json_object_get(answer, "key") ? json_object_get(answer, "key") : answer;

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(key, lines, ARRAY_SIZE(lines));
	print_api_keys(answer, "api_keys", "key");
	return 0;
}

int show_keys(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "NAME", "name" }, { "TYPE", "type" }, { "USE", "use" }, { "VERSIONS", "newest" },
		{ "DESCRIPTION", "description" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_found(ctl, json_object_get(answer, "keys"), columns, ARRAY_SIZE(columns),
		    "No keys yet; certificates create them, or see certeractl key add --help.");
	return 0;
}

/* What a person is to publish for it. */
static void print_todo(const json_t *order)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(order, "todo"), i, one) {
		bool dns = json_str(one, "record");

		printf("\nto publish for %s (%s):\n  %-8s %s\n  %-8s %s\n", json_str(one, "name"),
		       json_str(one, "type"), dns ? "TXT at" : "URL", json_str(one, dns ? "record" : "url"),
		       dns ? "value" : "content", json_str(one, dns ? "value" : "content"));
		if (json_str(one, "state"))
			printf("  %-8s %s\n", json_str(one, "state"), json_str(one, "says"));
	}
}

/* What became of the deploy hook, with what it said if it failed. */
static void print_deploy(const json_t *deploy)
{
	static const struct column lines[] = {
		{ "deploy hook", "script" }, { "its state", "state" }, { "deployed", "deployed" },
		{ "next attempt", "retry_at" },
	};
	const json_t *line;
	size_t i;

	if (!json_is_object(deploy))
		return;
	putchar('\n');
	print_fields(deploy, lines, ARRAY_SIZE(lines));
	print_error(deploy);
	json_array_foreach(json_object_get(deploy, "log"), i, line)
		printf("  %s\n", json_string_value(line));
}

void print_revocation(const json_t *answer)
{
	static const struct column lines[] = {
		{ "revocation", "state" }, { "revocation", "text" }, { "revoked", "revoked" }, { "reason", "reason" },
		{ "source", "from" }, { "checked", "asked" }, { "valid until", "until" }, { "next check", "next" },
		{ "no answer", "error" },
	};

	print_fields(json_object_get(answer, "revocation"), lines, ARRAY_SIZE(lines));
}

static void print_order(const json_t *order)
{
	json_t *line;
	size_t i;

	if (!json_is_object(order))
		return;
	printf("\nlast order     %s\n", json_str(order, "result"));
	json_array_foreach(json_object_get(order, "log"), i, line)
		printf("  %s\n", json_string_value(line));
	if (json_array_size(json_object_get(order, "todo")))
		print_error(order);
	print_todo(order);
}

int show_orders(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "CERTIFICATE", "certificate" }, { "ORDER", "number" },      { "RESULT", "result" },
		{ "STARTED", "created" },         { "FINISHED", "finished" }, { "ACCOUNT", "account" },
		{ "STAGING", "staging" },         { "ERROR", "error" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_found(ctl, json_object_get(answer, "orders"), columns, ARRAY_SIZE(columns), "No orders yet.");
	return 0;
}

int show_one_order(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "order", "number" }, { "result", "result" }, { "step", "activity" }, { "begun", "created" },
		{ "ended", "finished" }, { "at the CA", "url" },
	};
	const json_t *line;
	size_t i;

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(answer, lines, ARRAY_SIZE(lines));
	print_error(answer);
	json_array_foreach (json_object_get(answer, "log"), i, line)
		printf("  %s\n", json_string_value(line));
	print_todo(answer);
	return 0;
}

static const struct column cert_lines[] = {
	{ "name", "name" },
	{ "status", "status" },
	{ "meaning", "status_text" },
	{ "next step", "next_step" },
	{ "must act", "must_act" },
	{ "names", "names_shown" },
	{ "staging", "staging" },
	{ "account", "account" },
	{ "key", "key" },
	{ "key type", "key_type" },
	{ "key note", "key_note" },
	{ "own request", "own_csr" },
	{ "without key", "no_key" },
	{ "profile", "profile" },
	{ "request", "request_shown" },
	{ "CA left out", "dropped_shown" },
	{ "preferred chain", "preferred_chain" },
	{ "key kept", "key_kept" },
	{ "key shared", "key_shared_with" },
	{ "valid from", "not_before" },
	{ "valid until", "not_after" },
	{ "renewal", "renew_at" },
	{ "failures", "failures" },
	{ "next attempt", "retry_at" },
	{ "waits for", "waits_for" },
	{ "CA suggests", "ari_start" },
	{ "until", "ari_end" },
	{ "because", "ari_explanation" },
	{ "issuer", "issuer" },
	{ "owner", "owner" },
	{ "its plan", "owner_plan" },
	{ "fallback", "fallback" },
	{ "challenge", "challenge" },
	{ "by hand", "by_hand" },
	{ "DNS script", "hook_set" },
	{ "tags", "tags" },
	{ "contacts", "contacts" },
	{ "note", "note" },
	{ "created", "created" },
	{ "created by", "created_by" },
	{ "changed", "updated" },
	{ "changed by", "updated_by" },
};

int show_cert(struct ctl *ctl, json_t *answer)
{
	static const struct column versions[] = {
		{ "VERSION", "number" }, { "ISSUED", "issued" }, { "VALID UNTIL", "not_after" }, { "ISSUER", "issuer" },
		{ "SERIAL", "serial" }, { "IN FORCE", "in_force" }, { "REVOKED", "revoked" }, { "REASON", "reason" },
	};
	static const struct column consumers[] = {
		{ "API KEY", "slot" }, { "FOR", "purpose" }, { "LAST USED", "time" }, { "FROM", "address" },
		{ "VERSION", "version" }, { "OUTDATED", "behind" }, { "TIMES", "count" },
	};
	static const struct column live[] = { { "live check", "state" }, { "detail", "says" }, { "since", "since" } };

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(answer, cert_lines, ARRAY_SIZE(cert_lines));
	if (json_bool(answer, "chain_missed", false))
		printf("%-14s the CA does not offer the preferred chain; the CA's default chain is used\n", "chain");
	if (json_bool(answer, "hooks_unconfirmed", false))
		printf("%-14s certeractl cert scripts %s\n", "review scripts", json_str(answer, "name"));
	print_revocation(answer);
	print_error(answer);
	print_recipe(answer);
	if (json_str(json_object_get(answer, "live"), "state"))
		print_fields(json_object_get(answer, "live"), live, ARRAY_SIZE(live));
	putchar('\n');
	print_table(json_object_get(answer, "versions"), versions, ARRAY_SIZE(versions), "No versions yet.");
	print_order(json_object_get(answer, "order"));
	print_deploy(json_object_get(answer, "deploy"));
	putchar('\n');
	print_table(json_object_get(answer, "consumers"), consumers, ARRAY_SIZE(consumers),
		    "Not downloaded yet.");
	return 0;
}

int show_hooks(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "sets records", "hook_set" }, { "removes them", "hook_cleanup" }, { "arguments", "hook_arguments" },
		{ "do not wait", "no_propagation" }, { "deploy hook", "deploy_hook" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	printf("The scripts of %s are changed. Scripts not listed here are as configured.\n", json_str(answer, "name"));
	print_fields(answer, lines, ARRAY_SIZE(lines));
	if (json_bool(answer, "hooks_unconfirmed", false))
		printf("No script runs until you confirm all of them: see certeractl cert scripts %s.\n",
		       json_str(answer, "name"));
	return 0;
}

int show_scripts(struct ctl *ctl, json_t *answer)
{
	static const struct column dns[] = {
		{ "sets records", "hook_set" }, { "removes them", "hook_cleanup" }, { "arguments", "hook_arguments" },
	};
	static const struct column deploys[] = { { "deploy hook", "deploy_hook" } }, by[] = { { "chosen by", "by" } };

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(answer, dns, ARRAY_SIZE(dns));
	print_list("environment", json_object_get(answer, "hook_variables"));
	print_fields(answer, deploys, ARRAY_SIZE(deploys));
	print_list("environment", json_object_get(answer, "deploy_variables"));
	print_fields(answer, by, ARRAY_SIZE(by));
	if (json_bool(answer, "unconfirmed", false))
		printf("No administrator confirmed these scripts, so they do not run. Check every line, then confirm "
		       "them:\n  certeractl cert hooks %s --confirm\n", json_str(answer, "name"));
	else
		puts("Settings not listed here are as configured.");
	return 0;
}

/* What "cert add --dry-run" would do. */
/* How the names are proved, and what the order uses of the CA's limits. */
void show_order_plan(const json_t *answer)
{
	static const struct column proofs[] = {
		{ "NAME", "name_shown" }, { "PROVED BY", "challenge" }, { "ASKED FOR AT", "url" },
		{ "TXT RECORD", "record" },
	};
	const json_t *used = json_object_get(answer, "limits");

	putchar('\n');
	print_table(json_object_get(answer, "proofs"), proofs, ARRAY_SIZE(proofs), "");
	if (!json_array_size(used))
		return;
	putchar('\n');
	print_table(used, limit_columns, ARRAY_SIZE(limit_columns), "");
}

int show_dry_run(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" }, { "account", "account" }, { "key", "key" }, { "key type", "key_type" },
	};
	const json_t *finding;
	size_t i;

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(json_object_get(answer, "certificate"), lines, ARRAY_SIZE(lines));
	if (json_str(answer, "changes"))
		printf("Changes: %s.\n", json_str(answer, "changes"));
	if (json_array_size(json_object_get(answer, "proofs")))
		show_order_plan(answer);
	print_list("Added", json_object_get(answer, "added"));
	if (json_array_size(json_object_get(answer, "offers")))
		putchar('\n');
	print_list("Also add?", json_object_get(answer, "offers"));
	putchar('\n');
	json_array_foreach (json_object_get(answer, "findings"), i, finding)
		printf("! %s\n", json_string_value(finding));
	puts(json_bool(answer, "existing", false) ? "The certificate already exists; nothing to do." :
	     json_bool(answer, "orders", true) ? "Nothing was ordered: this was a dry run." :
						 "Nothing was changed: this was a dry run.");
	return 0;
}

int show_certs(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "NAME", "name" }, { "STATUS", "status" }, { "VALID UNTIL", "not_after" }, { "RENEWAL", "renew_at" },
		{ "STAGING", "staging" }, { "TAGS", "tags" }, { "NAMES", "names_shown" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_found(ctl, json_object_get(answer, "certificates"), columns, ARRAY_SIZE(columns),
		    "No certificates yet; see certeractl cert add --help.");
	return 0;
}

/* Text stands there as it is; bytes are base64 in "data". */
static int read_material(const json_t *answer, struct buf *content, struct err *e)
{
	const char *text = json_str(answer, "pem") ? json_str(answer, "pem") : json_str(answer, "key");
	const char *data = json_str(answer, "data");

	if (text)
		buf_add_str(content, text);
	else if (!data || base64_decode(content, data, strlen(data)) < 0)
		return err_set(e, ERR_INTERNAL, "the server's answer has nothing to export");
	return 0;
}

int show_material(struct ctl *ctl, json_t *answer)
{
	_cleanup_buf_wipe_ struct buf content = BUF_INIT;
	const char *path = json_str(ctl->local, "out");
	struct err e = { 0 };

	if (!path && ctl_as_json(ctl, answer))
		return 0;
	if (read_material(answer, &content, &e) < 0 || (path && private_file_write(path, &content, &e) < 0))
		return ctl_fail(ctl, &e);
	if (!path)
		fwrite(content.data, 1, content.len, stdout);
	return 0;
}

int show_imported(struct ctl *ctl, json_t *answer)
{
	const json_t *cert = json_object_get(answer, "certificate");
	bool renewed = !json_bool(cert, "imported", false);

	if (json_bool(answer, "dry_run", false))
		return show_dry_run(ctl, answer);
	if (ctl_as_json(ctl, answer))
		return 0;
	printf("%s: version %lld is in force, a chain of %lld; Certera %s it and %s.\n", json_str(cert, "name"),
	       (long long)json_int(cert, "current", 0), (long long)json_int(answer, "chain", 0),
	       json_bool(cert, "no_key", false) ? "only tracks" : "serves",
	       renewed ? "renews it from now on" : "warns before it expires, but does not renew it");
	if (json_int(answer, "left_over", 0))
		printf("Left out %lld more in the file that do not belong to the chain (Certera never serves a "
		       "root).\n",
		       (long long)json_int(answer, "left_over", 0));
	if (!renewed && json_str(cert, "account_id") && *json_str(cert, "account_id"))
		printf("To have its account order it again: certeractl cert issue %s\n", json_str(cert, "name"));
	if (json_object_get(answer, "api_keys"))
		print_added(answer);
	return 0;
}

int show_relinquished(struct ctl *ctl, json_t *answer)
{
	if (ctl_as_json(ctl, answer))
		return 0;
	printf("%s: dropping %lld authorizations; see certeractl events --object %s.\n",
	       json_str(answer, "name"), (long long)json_int(answer, "authorizations", 0), json_str(answer, "name"));
	return 0;
}

/* How two versions differ. */
int show_diff(struct ctl *ctl, json_t *answer)
{
	static const struct column names[] = { { "names added", "added" }, { "removed", "removed" } };
	const json_t *diff = json_object_get(answer, "diff"), *row;
	size_t i;

	if (ctl_as_json(ctl, answer))
		return 0;
	if (!json_is_object(diff)) {
		printf("The certificate %s does not have two versions.\n", json_str(answer, "name"));
		return 0;
	}
	printf("Version %lld, then version %lld%s\n", (long long)json_int(diff, "from", 0),
	       (long long)json_int(diff, "to", 0),
	       json_bool(diff, "same_key", false) ? ", with the same private key" : "");
	print_fields(diff, names, ARRAY_SIZE(names));
	json_array_foreach(json_object_get(diff, "rows"), i, row) {
		const char *from = json_str(row, "from"), *to = json_str(row, "to");

		if (!json_bool(row, "same", true))
			printf("%-14s %s\n%-14s %s\n", json_str(row, "what"), from ? from : "", "", to ? to : "");
	}
	return 0;
}

int show_rolled_back(struct ctl *ctl, json_t *answer)
{
	if (ctl_as_json(ctl, answer))
		return 0;
	printf("%s: version %lld is in force again.\n", json_str(answer, "name"),
	       (long long)json_int(answer, "current", 0));
	return 0;
}

int show_key_download(struct ctl *ctl, json_t *answer)
{
	if (ctl_as_json(ctl, answer))
		return 0;
	printf("%s: its API keys may %s.\n", json_str(answer, "name"),
	       json_bool(answer, "key_download", false) ? "download formats with the private key" :
							  "not download formats with the private key");
	return 0;
}

int show_rotated(struct ctl *ctl, json_t *answer)
{
	if (!ctl_as_json(ctl, answer))
		printf("The new API key, shown only this once:\n  %s\n", json_str(answer, "api_key"));
	return 0;
}

int show_added_csr(struct ctl *ctl, json_t *answer)
{
	if (json_bool(answer, "dry_run", false))
		return show_dry_run(ctl, answer);
	if (!ctl_as_json(ctl, answer))
		printf("The next order of %s uses this request; certeractl cert issue %s orders it now.\n",
		       ctl->args[0], ctl->args[0]);
	return 0;
}

int show_removed(struct ctl *ctl, json_t *answer)
{
	if (!ctl_as_json(ctl, answer))
		printf("%s removed.\n", ctl->args[0]);
	return 0;
}
