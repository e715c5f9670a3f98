/* What each command shows of its answer. */
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
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
		printf("Certificate %s is there already, as it is described here; "
		       "its API keys were shown when it was added.\n", name);
	else
		printf("Certificate %s is added.\n", name);
	print_api_keys(answer, "api_keys", "certificate");
	print_api_keys(answer, "key_api_keys", "key");
}

static void print_waiting_messages(const json_t *counts)
{
	int64_t queued = json_int(counts, "queued", 0), dead = json_int(counts, "dead", 0);

	if (queued)
		printf("%-14s %lld wait for delivery\n", "messages", (long long)queued);
	if (dead)
		printf("%-14s %lld given up: certeractl outbox list --state dead\n", "messages", (long long)dead);
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
	print_waiting_messages(json_object_get(answer, "outbox"));
	putchar('\n');
	print_table(json_object_get(answer, "agenda"), next, ARRAY_SIZE(next), "Nothing is planned.");
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
	print_table(json_object_get(answer, "agenda"), columns, ARRAY_SIZE(columns), "Nothing is planned.");
	return 0;
}

static const struct column limit_columns[] = {
	{ "LIMIT", "limit" }, { "OF", "of" }, { "USED", "used" }, { "MOST", "most" }, { "LEFT", "left" },
	{ "SECONDS", "window" }, { "LEARNED", "learned" }, { "NEXT FREE", "free_at" },
};

int show_account(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" }, { "state", "state" }, { "CA", "ca" }, { "directory", "directory" },
		{ "staging", "staging" }, { "contact", "contact" }, { "terms", "terms" }, { "account URL", "kid" },
		{ "key", "key" }, { "EAB", "eab_kid" }, { "CA file", "ca_file" }, { "created", "created" },
		{ "trouble", "trouble" }, { "no order before", "held_until" },
		{ "being asked", "wish" }, { "checked", "checked" },
	};
	const json_t *used = json_object_get(answer, "limits");

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(answer, lines, ARRAY_SIZE(lines));
	print_list("profiles", json_object_get(answer, "profiles"));
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
	print_table(json_object_get(answer, "accounts"), columns, ARRAY_SIZE(columns),
		    "There are no accounts yet; see certeractl account add --help.");
	return 0;
}

int show_key(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" }, { "type", "type" }, { "use", "use" }, { "versions", "newest" },
		{ "description", "description" }, { "created", "created" }, { "days old", "age_days" }, { "", "note" },
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
	print_table(json_object_get(answer, "keys"), columns, ARRAY_SIZE(columns),
		    "There are no keys yet; they come with certificates, or see certeractl key add --help.");
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
		{ "revocation", "state" }, { "", "text" }, { "revoked", "revoked" }, { "reason", "reason" },
		{ "says", "from" }, { "asked", "asked" }, { "counts until", "until" }, { "asked again", "next" },
		{ "no answer", "error" },
	};

	print_fields(json_object_get(answer, "revocation"), lines, ARRAY_SIZE(lines));
}

int show_cert(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "name", "name" }, { "status", "status" }, { "", "status_text" }, { "", "next_step" },
		{ "names", "names_shown" }, { "staging", "staging" }, { "account", "account" }, { "key", "key" },
		{ "key type", "key_type" }, { "", "key_note" }, { "own request", "own_csr" }, { "profile", "profile" },
		{ "chain wanted", "preferred_chain" }, { "reuse key", "key_reuse" }, { "valid from", "not_before" },
		{ "valid until", "not_after" }, { "renewal", "renew_at" }, { "failures", "failures" },
		{ "next attempt", "retry_at" }, { "waits for", "waits_for" },
		{ "CA wants it", "ari_start" }, { "at the latest", "ari_end" }, { "because", "ari_explanation" },
		{ "fallback", "fallback" }, { "challenge", "challenge" }, { "by hand", "by_hand" },
		{ "hook", "hook_set" }, { "tags", "tags" }, { "note", "note" },
	};
	static const struct column versions[] = {
		{ "VERSION", "number" }, { "ISSUED", "issued" }, { "VALID UNTIL", "not_after" }, { "ISSUER", "issuer" },
		{ "SERIAL", "serial" }, { "REVOKED", "revoked" }, { "", "reason" },
	};
	static const struct column consumers[] = {
		{ "API KEY", "slot" }, { "LAST USED", "time" }, { "FROM", "address" }, { "VERSION", "version" },
		{ "BEHIND", "behind" }, { "TIMES", "count" },
	};
	static const struct column live[] = { { "servers show", "state" }, { "", "says" }, { "since", "since" } };
	const json_t *order = json_object_get(answer, "order");
	json_t *line;
	size_t i;

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(answer, lines, ARRAY_SIZE(lines));
	print_revocation(answer);
	print_error(answer);
	if (json_str(json_object_get(answer, "live"), "state"))
		print_fields(json_object_get(answer, "live"), live, ARRAY_SIZE(live));
	putchar('\n');
	print_table(json_object_get(answer, "versions"), versions, ARRAY_SIZE(versions), "It has no version yet.");
	if (json_is_object(order)) {
		printf("\nlast order     %s\n", json_str(order, "result"));
		json_array_foreach(json_object_get(order, "log"), i, line)
			printf("  %s\n", json_string_value(line));
		if (json_array_size(json_object_get(order, "todo")))
			print_error(order);
		print_todo(order);
	}
	print_deploy(json_object_get(answer, "deploy"));
	putchar('\n');
	print_table(json_object_get(answer, "consumers"), consumers, ARRAY_SIZE(consumers),
		    "Nobody has fetched it yet.");
	return 0;
}

int show_hooks(struct ctl *ctl, json_t *answer)
{
	static const struct column lines[] = {
		{ "sets records", "hook_set" }, { "removes them", "hook_cleanup" }, { "arguments", "hook_arguments" },
		{ "no waiting", "no_propagation" }, { "deploys", "deploy_hook" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	printf("The scripts of %s are changed; those not named here are as configured.\n", json_str(answer, "name"));
	print_fields(answer, lines, ARRAY_SIZE(lines));
	return 0;
}

/* What "cert add --dry-run" would do. */
int show_dry_run(struct ctl *ctl, json_t *answer)
{
	static const struct column proofs[] = {
		{ "NAME", "name_shown" }, { "PROVED BY", "challenge" }, { "ASKED FOR AT", "url" },
		{ "TXT RECORD", "record" },
	};
	static const struct column lines[] = {
		{ "name", "name" }, { "account", "account" }, { "key", "key" }, { "key type", "key_type" },
	};
	const json_t *used = json_object_get(answer, "limits");
	const json_t *finding;
	size_t i;

	if (ctl_as_json(ctl, answer))
		return 0;
	print_fields(json_object_get(answer, "certificate"), lines, ARRAY_SIZE(lines));
	putchar('\n');
	print_table(json_object_get(answer, "proofs"), proofs, ARRAY_SIZE(proofs), "");
	if (json_array_size(used)) {
		putchar('\n');
		print_table(used, limit_columns, ARRAY_SIZE(limit_columns), "");
	}
	if (json_array_size(json_object_get(answer, "offers")))
		putchar('\n');
	print_list("Also wanted?", json_object_get(answer, "offers"));
	putchar('\n');
	json_array_foreach (json_object_get(answer, "findings"), i, finding)
		printf("! %s\n", json_string_value(finding));
	puts(json_bool(answer, "existing", false) ? "It is there already; nothing would be done." :
						    "Nothing was ordered: this was a dry run.");
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
	print_table(json_object_get(answer, "certificates"), columns, ARRAY_SIZE(columns),
		    "There are no certificates yet; see certeractl cert add --help.");
	return 0;
}

int show_events(struct ctl *ctl, json_t *answer)
{
	static const struct column columns[] = {
		{ "EVENT", "number" }, { "WHEN", "time" }, { "WHO", "actor" }, { "FROM", "address" },
		{ "WHAT", "action" }, { "OF", "name" }, { "", "message" },
	};

	if (ctl_as_json(ctl, answer))
		return 0;
	print_table(json_object_get(answer, "events"), columns, ARRAY_SIZE(columns), "Nothing has happened yet.");
	return 0;
}

/* Beside the file, then renamed: never half a key, never readable by others. */
static int write_out(const char *path, const struct buf *content, struct err *e)
{
	_cleanup_free_ char *fresh = xasprintf("%s.new", path);
	_cleanup_close_ int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || fchmod(fd, 0600) < 0 || write(fd, content->data, content->len) != (ssize_t)content->len ||
	    fsync(fd) < 0 || rename(fresh, path) < 0)
		return err_errno(e, ERR_STORAGE, "writing %s", path);
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
		return err_set(e, ERR_INTERNAL, "the daemon's answer holds nothing to export");
	return 0;
}

int show_material(struct ctl *ctl, json_t *answer)
{
	_cleanup_buf_wipe_ struct buf content = BUF_INIT;
	const char *path = json_str(ctl->local, "out");
	struct err e = { 0 };

	if (!path && ctl_as_json(ctl, answer))
		return 0;
	if (read_material(answer, &content, &e) < 0 || (path && write_out(path, &content, &e) < 0))
		return ctl_fail(&e);
	if (!path)
		fwrite(content.data, 1, content.len, stdout);
	return 0;
}

int show_imported(struct ctl *ctl, json_t *answer)
{
	const json_t *cert = json_object_get(answer, "certificate");

	if (ctl_as_json(ctl, answer))
		return 0;
	printf("%s: version %lld is in force, a chain of %lld; it is tracked and served, not renewed.\n",
	       json_str(cert, "name"), (long long)json_int(cert, "current", 0),
	       (long long)json_int(answer, "chain", 0));
	if (json_int(answer, "left_over", 0))
		printf("Left out, as they do not belong to the chain: %lld certificates (a root is never served).\n",
		       (long long)json_int(answer, "left_over", 0));
	if (json_object_get(answer, "api_keys"))
		print_added(answer);
	return 0;
}

int show_relinquished(struct ctl *ctl, json_t *answer)
{
	if (ctl_as_json(ctl, answer))
		return 0;
	printf("%s: %lld authorizations are being given up; see certeractl events --object %s.\n",
	       json_str(answer, "name"), (long long)json_int(answer, "authorizations", 0), json_str(answer, "name"));
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
	       json_bool(answer, "key_download", false) ? "fetch formats with the private key" :
							  "fetch no format with the private key");
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
	if (!ctl_as_json(ctl, answer))
		printf("The next order of %s will have this request; certeractl cert issue %s orders it now.\n",
		       ctl->args[0], ctl->args[0]);
	return 0;
}

int show_removed(struct ctl *ctl, json_t *answer)
{
	if (!ctl_as_json(ctl, answer))
		printf("%s is removed.\n", ctl->args[0]);
	return 0;
}

/* All members of an object that say something, one a line. */
static void print_members(const json_t *obj)
{
	const char *name;
	json_t *value, *one;
	size_t i;

	json_object_foreach ((json_t *)obj, name, value) {
		if (json_is_string(value))
			printf("  %-16s %s\n", name, json_string_value(value));
		else if (json_is_integer(value))
			printf("  %-16s %lld\n", name, (long long)json_integer_value(value));
		else if (json_is_boolean(value))
			printf("  %-16s %s\n", name, json_is_true(value) ? "yes" : "no");
		json_array_foreach(value, i, one)
			printf("  %-16s %s\n", i ? "" : name, json_string_value(one));
	}
}

int show_decoded(struct ctl *ctl, json_t *answer)
{
	static const struct {
		const char *member, *title;
	} lists[] = { { "certificates", "certificate" }, { "keys", "private or public key" } };
	json_t *one;
	size_t i;

	if (ctl_as_json(ctl, answer))
		return 0;
	for (size_t n = 0; n < ARRAY_SIZE(lists); n++)
		json_array_foreach(json_object_get(answer, lists[n].member), i, one) {
			printf("%s %zu\n", lists[n].title, i + 1);
			print_members(one);
		}
	if (json_is_object(json_object_get(answer, "request"))) {
		puts("certificate request");
		print_members(json_object_get(answer, "request"));
	}
	if (!json_array_size(json_object_get(answer, "findings")))
		puts("Nothing is wrong with it.");
	json_array_foreach(json_object_get(answer, "findings"), i, one)
		printf("! %s\n", json_string_value(one));
	return 0;
}
