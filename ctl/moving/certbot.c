/*
 * certbot: renewal/NAME.conf says what a certificate is and how it is renewed, live/NAME/ has it,
 * accounts/HOST/PATH/ID/ the accounts, with their keys as JWK.
 */
#include <stdlib.h>

#include "ctl/moving/moving.h"

#define LETS_ENCRYPT "https://acme-v02.api.letsencrypt.org/directory"

/* renew_before_expiry = 20 days */
static void take_renewal(json_t *cert, const json_t *conf)
{
	const char *text = json_str(conf, "renew_before_expiry");
	char *unit;
	long days = text ? strtol(text, &unit, 10) : 0;
	_cleanup_free_ char *number = xasprintf("%ld", days);

	if (text && days > 0 && strstr(unit, "day"))
		found_set(cert, "renew_before", number);
	else if (text)
		found_note(cert, "Its renewal time \"%s\" was not taken: Certera's own rule is used.", text);
	if (str_eq(json_str(conf, "reuse_key"), "True"))
		found_flag(cert, "key_reuse");
	found_set(cert, "preferred_chain", json_str(conf, "preferred_chain"));
	found_set(cert, "profile", json_str(conf, "required_profile"));
}

static void take_manual(json_t *cert, const json_t *conf)
{
	const char *set = json_str(conf, "manual_auth_hook"), *cleanup = json_str(conf, "manual_cleanup_hook");

	if (!set) {
		found_flag(cert, "by_hand");
		found_note(cert, "It was proved by hand, and is by hand here: each renewal waits for you.");
		return;
	}
	found_set(cert, "hook_set", "certbot");
	found_note(cert,
		   "Copy %s%s%s and the adapter \"certbot\" into hooks.directory, and name them in hooks.environment "
		   "(HOOK_AUTH, HOOK_CLEANUP).",
		   set, cleanup ? " and " : "", cleanup ? cleanup : "");
}

static void take_proof(const struct moving *m, json_t *cert, const json_t *conf)
{
	const char *how = json_str(conf, "authenticator"), *wanted = json_str(conf, "pref_challs");
	bool by_dns = (how && str_starts(how, "dns-")) || (wanted && str_starts(wanted, "dns"));

	if (!how) {
		found_challenge(m, cert, NULL);
		return;
	}
	found_challenge(m, cert, by_dns ? "dns-01" : "http-01");
	if (!by_dns)
		found_note(cert,
			   "It was proved by \"%s\": redirect its challenges to this server before it is renewed.",
			   how);
	else if (str_eq(how, "manual"))
		take_manual(cert, conf);
	else
		found_note(cert,
			   "Its DNS records were set by the plugin \"%s\": choose a script for them (certeractl cert "
			   "hooks).",
			   how);
}

static void say_hooks(json_t *cert, const json_t *conf)
{
	static const char *const hooks[] = { "pre_hook", "post_hook", "renew_hook" };

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (json_str(conf, hooks[i]))
			found_note(cert,
				   "Its %s was not taken: %s. Certera runs a deploy hook instead (certeractl cert "
				   "hooks --deploy).",
				   hooks[i], json_str(conf, hooks[i]));
}

/* The newest of archive/NAME/privkeyN.pem; 0: there is none. */
static int newest_of(const struct moving *m, const char *name)
{
	_cleanup_free_ char *directory = xasprintf("%s/archive/%s", m->path, name);
	_cleanup_strv_ char **files = file_names(directory);
	int newest = 0;

	for (char **file = files; file && *file; file++)
		if (str_starts(*file, "privkey"))
			newest = MAX(newest, (int)strtol(*file + strlen("privkey"), NULL, 10));
	return newest;
}

/*
 * What is in live/NAME/, wherever the tree was made; else where the configuration says; else, in a copy that has lost
 * its links, the newest in archive/NAME/.
 */
static json_t *take_files(struct moving *m, const char *name, const json_t *conf, const char *from)
{
	_cleanup_free_ char *key = xasprintf("%s/live/%s/privkey.pem", m->path, name);
	_cleanup_free_ char *chain = xasprintf("%s/live/%s/fullchain.pem", m->path, name);
	const char *its_key = json_str(conf, "privkey"), *its_chain = json_str(conf, "fullchain");
	int newest = file_is("%s", key) ? 0 : newest_of(m, name);
	json_t *cert;

	if (!file_is("%s", key) && its_key && its_chain && file_is("%s", its_key))
		return found_cert_files(m, name, its_chain, its_key, from);
	if (!newest)
		return found_cert_files(m, name, chain, key, from);
	free(key);
	free(chain);
	key = xasprintf("%s/archive/%s/privkey%d.pem", m->path, name, newest);
	chain = xasprintf("%s/archive/%s/fullchain%d.pem", m->path, name, newest);
	cert = found_cert_files(m, name, chain, key, from);
	if (cert)
		found_note(cert, "live/%s does not lead to it: this is the newest one of archive/%s, number %d.", name,
			   name, newest);
	return cert;
}

/* The account of that server and id; an old configuration may say neither, or only the server. */
static const char *account_of(const struct moving *m, const json_t *conf, const json_t *accounts)
{
	const char *server = json_str(conf, "server"), *id = json_str(conf, "account");
	_cleanup_free_ char *known = xasprintf("%s %s", server ? server : LETS_ENCRYPT, id ? id : "");

	return id ? json_str(accounts, known) : found_account_at(m, server ? server : LETS_ENCRYPT);
}

static void take_cert(struct moving *m, const char *file, const json_t *accounts)
{
	_cleanup_free_ char *from = xasprintf("%s/renewal/%s", m->path, file), *text = file_text("%s", from);
	_cleanup_free_ char *name = xstrndup(file, strlen(file) - strlen(".conf"));
	_cleanup_json_ json_t *conf = file_assignments(text ? text : "");
	const char *account = account_of(m, conf, accounts);
	json_t *cert = take_files(m, name, conf, from);

	if (!cert)
		return;
	found_set(cert, "account", account);
	if (!account)
		found_note(cert, "Its account was not found, so nothing renews it yet.");
	take_renewal(cert, conf);
	take_proof(m, cert, conf);
	say_hooks(cert, conf);
}

/* accounts/HOST/PATH/ID, at any depth.  By "URL ID", which account it became. */
static void take_accounts(struct moving *m, const char *directory, const char *url, json_t *accounts)
{
	_cleanup_strv_ char **names = found_names(m, directory);

	for (char **name = names; name && *name; name++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", directory, *name),
				    *deeper = xasprintf("%s/%s", url, *name);
		_cleanup_free_ char *key = xasprintf("%s/private_key.json", path),
				    *known = xasprintf("%s %s", url, *name);
		_cleanup_free_ char *host = url_host(url), *own = xasprintf("certbot-%s", host);
		json_t *account;

		if (!file_is("%s", key)) {
			take_accounts(m, path, deeper, accounts);
			continue;
		}
		account = found_account(m, own, url, key);
		if (account)
			json_put_str(accounts, known, json_str(account, "name"));
	}
}

/* Those that certbot does not renew. */
static void say_unused(struct moving *m)
{
	_cleanup_free_ char *live = xasprintf("%s/live", m->path);
	_cleanup_strv_ char **names = found_names(m, live);

	for (char **name = names; name && *name; name++) {
		_cleanup_free_ char *what = xasprintf("live/%s", *name);

		if (!file_is("%s/%s/fullchain.pem", live, *name) || file_is("%s/renewal/%s.conf", m->path, *name))
			continue;
		found_left(m, what,
			   "It has no renewal/%s.conf: certbot does not renew it. If you use it: certeractl cert "
			   "import %s --file "
			   "%s/%s/fullchain.pem --key-file %s/%s/privkey.pem.",
			   *name, *name, live, *name, live, *name);
	}
}

int read_certbot(struct moving *m, struct err *e)
{
	_cleanup_free_ char *renewal = xasprintf("%s/renewal", m->path), *root = xasprintf("%s/accounts", m->path);
	_cleanup_strv_ char **files = found_names(m, renewal), **hosts = found_names(m, root);
	_cleanup_json_ json_t *accounts = json_object();

	if (!files && !hosts)
		return err_set(e, ERR_USAGE, "%s has neither renewal/ nor accounts/ of certbot", m->path);
	for (char **host = hosts; host && *host; host++) {
		_cleanup_free_ char *directory = xasprintf("%s/%s", root, *host), *url = xasprintf("https://%s", *host);

		take_accounts(m, directory, url, accounts);
	}
	for (char **file = files; file && *file; file++)
		if (str_ends(*file, ".conf"))
			take_cert(m, *file, accounts);
	say_unused(m);
	if (file_is("%s/cli.ini", m->path))
		found_left(m, "cli.ini", "Options for all certificates are settings of certera.yaml here.");
	return 0;
}
