/*
 * The server takes over what was found: accounts first, then certificates, then sites.  Each gets its result: taken,
 * there (it was there before), or left, with the reason among its notes.
 */
#include <unistd.h>

#include "base/clock.h"
#include "ctl/moving/moving.h"

struct take {
	struct moving *m;
	bool dry_run;
	FILE *api_keys; /* where new ones are written; NULL: nowhere */
};

static void say(json_t *of, const char *result)
{
	json_put_str(of, "result", result);
}

static void leave(json_t *of, const struct err *why)
{
	say(of, "left");
	found_note(of, "%s%s%s", why->message, why->hint[0] ? ". " : "", why->hint);
}

static json_t *ask(struct take *t, const char *method, const char *path, const json_t *body, struct err *e)
{
	err_clear(e);
	return ctl_request(t->m->ctl, method, path, body, e);
}

/*
 * Accounts.
 */

/* Only finding it by its key counts; what else it has may have been changed here since. */
static json_t *same_account(const json_t *request)
{
	json_t *body = json_object();

	json_put_str(body, "name", json_str(request, "name"));
	json_put_str(body, "directory", json_str(request, "directory"));
	json_put_str(body, "key_pem", json_str(request, "key_pem"));
	return body;
}

static void take_account(struct take *t, json_t *account)
{
	json_t *request = json_object_get(account, "request");
	_cleanup_free_ char *path = xasprintf("/api/v1/accounts/%s", json_str(account, "name"));
	struct err e = { 0 };
	_cleanup_json_ json_t *there = ask(t, "GET", path, NULL, &e), *same = same_account(request), *done = NULL;
	bool valid = str_eq(json_str(there, "state"), "valid");

	if (!there && e.kind != ERR_MISSING) {
		leave(account, &e);
	} else if (t->dry_run && !valid) {
		say(account, there ? "there" : "taken");
	} else {
		done = ask(t, "POST", "/api/v1/accounts", valid ? same : request, &e);
		if (done)
			say(account, there ? "there" : "taken");
		else
			leave(account, &e);
	}
}

/* What the CA says of those that are new. */
static void await_accounts(struct take *t)
{
	json_t *account;
	size_t i;

	json_array_foreach (t->m->accounts, i, account) {
		_cleanup_free_ char *path = xasprintf("/api/v1/accounts/%s", json_str(account, "name"));
		struct err e = { 0 };
		_cleanup_json_ json_t *now =
			str_eq(json_str(account, "result"), "left") ? NULL : ask(t, "GET", path, NULL, &e);

		if (now)
			json_decref(await_account(t->m->ctl, now, &e));
		if (err_is_set(&e))
			found_note(account, "The CA does not have it yet: %s.", e.message);
	}
}

/*
 * Certificates.
 */

static const json_t *account_of(const struct moving *m, const json_t *cert)
{
	const char *name = json_str(json_object_get(cert, "request"), "account");
	const json_t *account;
	size_t i;

	json_array_foreach (m->accounts, i, account)
		if (str_eq(json_str(account, "name"), name))
			return account;
	return NULL;
}

static const char *staging_of(const struct moving *m, const json_t *cert)
{
	return json_bool(json_object_get(account_of(m, cert), "request"), "staging", false) ? "true" : "false";
}

/* What there is of that name: 1 this very certificate, now or before; 0 none, or an older one; -1 another, and e says
 * so. */
static int look(struct take *t, const char *name, const char *staging, const json_t *leaf, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/certificates/%s/versions?staging=%s&limit=1000", name, staging);
	_cleanup_json_ json_t *answer = ask(t, "GET", path, NULL, e);
	const json_t *version;
	int64_t end = 0, its = 0;
	bool newer = false;
	size_t i;

	if (!answer)
		return e->kind == ERR_MISSING ? 0 : -1;
	clock_parse_rfc3339(json_str(leaf, "not_after"), &end);
	json_array_foreach (json_object_get(answer, "versions"), i, version) {
		if (str_eq(json_str(version, "fingerprint"), json_str(leaf, "sha256")))
			return 1;
		if (json_str(version, "not_after") && clock_parse_rfc3339(json_str(version, "not_after"), &its) == 0)
			newer |= its >= end;
	}
	return newer ? err_set(e, ERR_CONFLICT,
			       "there is a different certificate %s here, which is valid as long or longer", name)
		     : 0;
}

/* So a dry run knows it, too. */
static int check_key(const json_t *leaf, const json_t *key, struct err *e)
{
	if (!json_str(key, "spki_pin"))
		return err_set(e, ERR_INVALID, "its private key cannot be read; it may need a password");
	if (!str_eq(json_str(key, "spki_pin"), json_str(leaf, "spki_pin")))
		return err_set(e, ERR_INVALID, "its private key belongs to a different certificate");
	return 0;
}

/* The leaf as the server reads it, with its key; a new reference. */
static json_t *decode(struct take *t, const json_t *cert, struct err *e)
{
	_cleanup_json_ json_t *body = json_object(), *answer = NULL;
	_cleanup_wipe_ char *both = xasprintf("%s\n%s", json_str(cert, "chain"), json_str(cert, "key"));
	json_t *leaf;

	json_put_str(body, "file", both);
	answer = ask(t, "POST", "/api/v1/decode", body, e);
	leaf = json_array_get(json_object_get(answer, "certificates"), 0);
	if (answer && !leaf)
		err_set(e, ERR_INVALID, "there is no certificate in %s", json_str(cert, "from"));
	if (!leaf || check_key(leaf, json_array_get(json_object_get(answer, "keys"), 0), e) < 0)
		return NULL;
	return json_incref(leaf);
}

/* Of programs that do not keep how names are proved. */
static void prove_wildcard(json_t *cert, const json_t *names)
{
	json_t *request = json_object_get(cert, "request");
	const char *challenge = json_str(request, "challenge");
	const json_t *name;
	bool wildcard = false;
	size_t i;

	json_array_foreach (names, i, name)
		wildcard |= str_starts(json_string_value(name), "*.");
	if (!wildcard || (challenge && str_starts(challenge, "dns-")))
		return;
	json_put_str(request, "challenge", "dns-01");
	found_note(cert, "It has a wildcard, which only DNS proves, so it is proved by dns-01 here: choose a script "
			 "for its records (certeractl cert "
			 "hooks).");
}

static void keep_api_key(const struct take *t, const json_t *cert, const json_t *answer)
{
	const char *key = json_string_value(json_array_get(json_object_get(answer, "api_keys"), 0));

	if (t->api_keys && key)
		fprintf(t->api_keys, "%s\t%s\n", json_str(cert, "name"), key);
}

static void set_environment(struct take *t, json_t *cert, const char *staging)
{
	_cleanup_free_ char *path =
		xasprintf("/api/v1/certificates/%s/hooks?staging=%s", json_str(cert, "name"), staging);
	_cleanup_json_ json_t *body = json_object(), *done = NULL;
	struct err e = { 0 };

	if (!json_object_get(cert, "environment"))
		return;
	json_object_set(body, "hook_environment", json_object_get(cert, "environment"));
	done = ask(t, "POST", path, body, &e);
	if (!done)
		found_note(cert, "The environment of its script was not taken: %s.", e.message);
}

/* Nothing can renew it from an account that was left. */
static json_t *import_request(const struct moving *m, const json_t *cert)
{
	json_t *request = json_deep_copy(json_object_get(cert, "request"));
	const json_t *account = account_of(m, cert);

	if (!account || str_eq(json_str(account, "result"), "left"))
		json_object_del(request, "account");
	json_object_set(request, "file", json_object_get(cert, "chain"));
	json_object_set(request, "key_file", json_object_get(cert, "key"));
	return request;
}

static void take_new(struct take *t, json_t *cert, const char *staging)
{
	_cleanup_free_ char *path =
		xasprintf("/api/v1/certificates/%s/import?staging=%s", json_str(cert, "name"), staging);
	_cleanup_json_ json_t *request = import_request(t->m, cert), *done = NULL;
	struct err e = { 0 };

	if (!t->dry_run)
		done = ask(t, "POST", path, request, &e);
	if (!t->dry_run && !done) {
		leave(cert, &e);
		return;
	}
	say(cert, "taken");
	json_put_str(cert, "account", json_str(request, "account"));
	if (!json_str(request, "account"))
		found_note(cert, "Without an account, its settings of renewals were not taken either. When the account "
				 "can be taken, "
				 "run this again.");
	if (t->dry_run)
		return;
	keep_api_key(t, cert, done);
	set_environment(t, cert, staging);
}

/* It came before without its account, which has been found since. */
static bool lacks_account(struct take *t, const json_t *cert, const char *staging)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/certificates/%s?staging=%s", json_str(cert, "name"), staging);
	const json_t *account = account_of(t->m, cert);
	struct err unsaid = { 0 };
	_cleanup_json_ json_t *here = NULL;

	if (!account || str_eq(json_str(account, "result"), "left"))
		return false;
	here = ask(t, "GET", path, NULL, &unsaid);
	return here && json_bool(here, "imported", false) && !json_str(here, "account");
}

static void take_cert(struct take *t, json_t *cert)
{
	const char *staging = staging_of(t->m, cert);
	struct err e = { 0 };
	_cleanup_json_ json_t *leaf = json_str(cert, "result") ? NULL : decode(t, cert, &e);
	int64_t end = 0;
	int there;

	if (json_str(cert, "result")) /* its files could not be read */
		return;
	if (!leaf) {
		leave(cert, &e);
		return;
	}
	json_object_set(cert, "names", json_object_get(leaf, "names"));
	json_object_set(cert, "not_after", json_object_get(leaf, "not_after"));
	prove_wildcard(cert, json_object_get(leaf, "names"));
	there = look(t, json_str(cert, "name"), staging, leaf, &e);
	if (there == 0 && clock_parse_rfc3339(json_str(leaf, "not_after"), &end) == 0 && end <= clock_now())
		there = err_set(&e, ERR_INVALID, "it has expired; add it anew (certeractl cert add)");
	if (there < 0)
		leave(cert, &e);
	else if (there && !lacks_account(t, cert, staging))
		say(cert, "there");
	else
		take_new(t, cert, staging);
}

static void take_site(struct take *t, json_t *site)
{
	_cleanup_json_ json_t *body = json_pack("{s:[s]}", "sites", json_str(site, "name")), *done = NULL;
	struct err e = { 0 };

	if (t->dry_run) {
		say(site, "taken");
		return;
	}
	done = ask(t, "POST", "/api/v1/sites", body, &e);
	if (done)
		say(site, json_array_size(json_object_get(done, "added")) ? "taken" : "there");
	else
		leave(site, &e);
}

static int open_api_keys(struct take *t, struct err *e)
{
	const char *path = json_str(t->m->ctl->local, "api_keys_file");

	if (!path || t->dry_run)
		return 0;
	t->api_keys = private_file_append(path, e);
	return t->api_keys ? 0 : -1;
}

int moving_take(struct moving *m, struct err *e)
{
	struct take t = { .m = m, .dry_run = json_bool(m->ctl->local, "dry_run", false) };
	json_t *one;
	size_t i;

	if (open_api_keys(&t, e) < 0)
		return -1;
	json_array_foreach (m->accounts, i, one)
		take_account(&t, one);
	json_array_foreach (m->certificates, i, one)
		take_cert(&t, one);
	json_array_foreach (m->sites, i, one)
		take_site(&t, one);
	if (!t.dry_run)
		await_accounts(&t);
	if (t.api_keys && fclose(t.api_keys))
		return err_errno(e, ERR_USAGE, "writing %s", json_str(m->ctl->local, "api_keys_file"));
	return 0;
}
