/*
 * What follows from a command that takes something away, in facts: what a guard page of the web UI says, in lines for a
 * terminal.  Each is told the answer that ASKS names in commands.def.
 */
#include "ctl/ctl.h"

#include "base/clock.h"

void facts_release(struct facts *f)
{
	buf_release(&f->lines);
}

#define fact(f, ...) \
	(buf_add_str(&(f)->lines, "  "), buf_addf(&(f)->lines, __VA_ARGS__), buf_add_str(&(f)->lines, ".\n"))

static size_t count(const json_t *of, const char *member)
{
	return json_array_size(json_object_get(of, member));
}

/* "1 version", "3 versions" */
static char *several(long long number, const char *what)
{
	return xasprintf("%lld %s%s", number, what, number == 1 ? "" : "s");
}

/* "2 hours ago", "in 60 days"; "" if the member is no time. */
static const char *when(const json_t *of, const char *member, char out[64])
{
	const char *text = json_str(of, member);
	int64_t t;

	*out = '\0';
	return text && clock_parse_rfc3339(text, &t) == 0 ? clock_relative(out, 64, t, clock_now()) : out;
}

static bool is_past(const json_t *of, const char *member)
{
	const char *text = json_str(of, member);
	int64_t t;

	return !text || clock_parse_rfc3339(text, &t) < 0 || t <= clock_now();
}

/* The strings of a list, or the members of its objects; owned. */
static char *listed(const json_t *of, const char *list, const char *member)
{
	struct buf out = BUF_INIT;
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(of, list), i, item) {
		const char *word = member ? json_str(item, member) : json_string_value(item);

		buf_addf(&out, "%s%s", i ? ", " : "", word ? word : "");
	}
	buf_add(&out, "", 0);
	return buf_detach(&out);
}

/* Who has downloaded: consumers, or the uses of an API key. */
static void tell_downloads(struct facts *f, const json_t *of, const char *list, const char *what)
{
	char ago[64];
	const json_t *one;
	size_t i;

	if (!count(of, list))
		return;
	buf_addf(&f->lines, "  %s:\n", what);
	json_array_foreach (json_object_get(of, list), i, one) {
		const char *host = json_str(one, "host"), *address = json_str(one, "address");

		buf_addf(&f->lines, "    %s%s%s%s: version %lld, %s\n",
			 host ? host : address ? address : "?", host ? " (" : "", host && address ? address : "",
			 host ? ")" : "",
			 (long long)json_int(one, "version", 0), when(one, "time", ago));
	}
}

/*
 * Certificates and keys.
 */

void facts_cert(const struct ctl *ctl, const json_t *cert, struct facts *f)
{
	_cleanup_free_ char *versions = several(json_int(cert, "newest", 0), "version");
	const char *key = json_str(cert, "key");
	char ends[64];

	if (json_int(cert, "current", 0) && !is_past(cert, "not_after")) {
		f->use = "this certificate is valid";
		fact(f, "It is valid, and expires %s; removing it revokes nothing", when(cert, "not_after", ends));
	}
	if (count(cert, "consumers"))
		f->use = "servers download this certificate";
	tell_downloads(f, cert, "consumers", "These servers download it, and are then refused");
	f->needless = !json_int(cert, "newest", 0) && !f->use;
	fact(f, "It has %s%s%s", versions, key ? "; its private key stays: " : "", key ? key : "");
}

void facts_revoke(const struct ctl *ctl, const json_t *cert, struct facts *f)
{
	_cleanup_free_ char *sharing = listed(cert, "key_shared_with", NULL);
	const char *version = json_str(ctl->body, "version");

	if (json_bool(ctl->body, "all", false))
		fact(f, "This revokes all its versions that are valid");
	else if (version)
		fact(f, "This revokes version %s", version);
	else
		fact(f, "This revokes version %lld, which is in force", (long long)json_int(cert, "current", 0));
	if (json_bool(ctl->body, "replace", false))
		fact(f, "A new version is ordered first");
	tell_downloads(f, cert, "consumers",
		       "These servers have downloaded it, and keep it until they fetch a new version");
	if (*sharing)
		fact(f, "These certificates have the same private key: %s", sharing);
}

void facts_key(const struct ctl *ctl, const json_t *key, struct facts *f)
{
	_cleanup_free_ char *generations = several(json_int(key, "newest", 0), "generation");

	f->needless = count(key, "used_by");
	fact(f, "Nothing uses this key; it has %s", generations);
	tell_downloads(f, key, "consumers", "These servers downloaded it by API key, and are then refused");
}

void facts_apikey(const struct ctl *ctl, const json_t *answer, struct facts *f)
{
	bool used = count(answer, "used");

	f->use = used ? "a server downloads with this API key" : NULL;
	f->needless = !used;
	tell_downloads(f, answer, "used",
		       "These servers use it: their downloads are refused until they have the new key");
}

/*
 * Accounts.
 */

static void tell_orders(const json_t *account, struct facts *f)
{
	_cleanup_free_ char *names = listed(account, "certificates", "name");
	long long more = json_int(account, "more", 0);

	if (!*names)
		return;
	fact(f, "It orders %s. Their next renewals fail, unless a different account orders them",
	     json_str(account, "orders_shown"));
	buf_addf(&f->lines, "    %s", names);
	if (more > 0)
		buf_addf(&f->lines, " and %lld more", more);
	buf_add_str(&f->lines, "\n");
}

void facts_deactivate(const struct ctl *ctl, const json_t *account, struct facts *f)
{
	if (json_int(account, "certificate_count", 0))
		f->use = "certificates are renewed with this account";
	else
		fact(f, "It orders no certificates");
	tell_orders(account, f);
}

void facts_account(const struct ctl *ctl, const json_t *account, struct facts *f)
{
	f->needless = json_int(account, "certificate_count", 0) || json_str(account, "fallback_of");
	fact(f, "It orders no certificates: nothing stops");
	if (json_str(account, "kid"))
		fact(f, "The account still exists at the CA; to end it there, deactivate it first");
}

/*
 * People and programs.
 */

void facts_reset(const struct ctl *ctl, const json_t *user, struct facts *f)
{
	_cleanup_free_ char *sessions = several((long long)count(user, "sessions"), "session");

	fact(f, "%s has %s; tokens keep working", json_str(user, "name"), sessions);
}

void facts_user(const struct ctl *ctl, const json_t *user, struct facts *f)
{
	_cleanup_free_ char *sessions = several((long long)count(user, "sessions"), "session"),
			    *tokens = listed(user, "tokens", "name"),
			    *certs = several(json_int(user, "certificates", 0), "certificate"),
			    *keys = several(json_int(user, "keys", 0), "key");

	fact(f, "%s has %s, and owns %s and %s", json_str(user, "name"), sessions, certs, keys);
	if (*tokens)
		fact(f, "These tokens stop working: %s", tokens);
}

void facts_plan(const struct ctl *ctl, const json_t *plan, struct facts *f)
{
	f->needless = count(plan, "users");
}

void facts_token(const struct ctl *ctl, const json_t *token, struct facts *f)
{
	const char *from = json_str(token, "used_from");
	char ago[64];

	if (*when(token, "used", ago))
		fact(f, "It was last used %s%s%s", ago, from ? ", from " : "", from ? from : "");
	else
		fact(f, "It was never used");
}

void facts_reader(const struct ctl *ctl, const json_t *reader, struct facts *f)
{
	char ago[64];

	fact(f, "It has acknowledged events up to %lld, and has not read %lld",
	     (long long)json_int(reader, "acknowledged", 0), (long long)json_int(reader, "behind", 0));
	if (*when(reader, "updated", ago))
		fact(f, "It was last used %s", ago);
}

/*
 * Alerts, sites, settings.
 */

void facts_channel(const struct ctl *ctl, const json_t *channel, struct facts *f)
{
	_cleanup_free_ char *alone = listed(channel, "alone", NULL);
	long long waiting = json_int(channel, "waiting", 0);

	if (*alone)
		fact(f, "Then nobody is notified of: %s", alone);
	if (waiting)
		fact(f, "Messages that wait for delivery: %lld", waiting);
}

void facts_message(const struct ctl *ctl, const json_t *message, struct facts *f)
{
	const char *subject = json_str(message, "subject");

	fact(f, "It is %s%s%s", json_str(message, "state"), subject ? ": " : "", subject ? subject : "");
}

void facts_site(const struct ctl *ctl, const json_t *site, struct facts *f)
{
	_cleanup_free_ char *scans = several(json_int(site, "scans", 0), "time");

	fact(f, "It is %s; it was looked at %s", json_str(site, "state"), scans);
}

void facts_setting(const struct ctl *ctl, const json_t *setting, struct facts *f)
{
	const char *file = json_str(setting, "file_value");

	f->needless = !str_eq(json_str(setting, "source"), "store");
	fact(f, "It is now %s; the configuration file has %s", json_str(setting, "value"),
	     file && *file ? file : "none");
}

void facts_secret(const struct ctl *ctl, const json_t *secret, struct facts *f)
{
	char ago[64];

	f->needless = !json_bool(secret, "set", false);
	fact(f, "This is %s, stored %s; nobody can read it", json_str(secret, "what"), when(secret, "changed", ago));
}

/*
 * Many at once, and the server itself.
 */

void facts_bulk(const struct ctl *ctl, const json_t *found, struct facts *f)
{
	_cleanup_free_ char *names = listed(found, "names", NULL);
	long long others = json_int(found, "others", 0), number = json_int(found, "count", 0);

	f->needless = !number || !str_eq(json_str(found, "action"), "remove");
	fact(f, "This removes %lld of the list %s: %s", number, json_str(found, "list"), names);
	if (others)
		fact(f, "and %lld more", others);
}

void facts_cluster(const struct ctl *ctl, const json_t *answer, struct facts *f)
{
	const json_t *cluster = json_object_get(answer, "cluster");
	const char *leader = json_str(cluster, "leader");

	f->needless = !json_is_object(cluster);
	if (leader)
		fact(f, "The leader is %s", leader);
}
