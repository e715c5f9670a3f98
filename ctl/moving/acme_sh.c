/*
 * acme.sh: DOMAIN/ or DOMAIN_ecc/ has a certificate and DOMAIN.conf, ca/HOST/PATH/ an account.
 */
#include "base/encode.h"
#include "ctl/moving/moving.h"

#define CODED "__ACME_BASE64__START_"

/* A value that may be coded; owned, NULL if there is none. */
static char *decoded(const json_t *conf, const char *name)
{
	const char *text = json_str(conf, name);
	_cleanup_buf_ struct buf plain = BUF_INIT;
	size_t len;

	if (!text || !*text || str_eq(text, "no"))
		return NULL;
	if (!str_starts(text, CODED))
		return xstrdup(text);
	text += strlen(CODED);
	len = strcspn(text, "_");
	if (base64_decode(&plain, text, len) < 0)
		return NULL;
	return buf_detach(&plain);
}

/* "host/path" of a URL, without its port: so acme.sh names folders. */
static char *folder_of(const char *url)
{
	_cleanup_free_ char *host = url_host(url);

	host[strcspn(host, ":")] = '\0';
	return xasprintf("%s%s", host, url_path(url));
}

/* The URL of the directory of ca/HOST/PATH: as a certificate has it, which says the port, too. */
static char *directory_of(const json_t *urls, const char *below)
{
	const json_t *url;
	size_t i;

	json_array_foreach (urls, i, url) {
		_cleanup_free_ char *folder = folder_of(json_string_value(url));

		if (str_eq(folder, below))
			return xstrdup(json_string_value(url));
	}
	return xasprintf("https://%s", below);
}

static void take_account(struct moving *m, const json_t *urls, const char *path, const char *below)
{
	_cleanup_free_ char *key = xasprintf("%s/account.key", path), *url = directory_of(urls, below),
			    *host = url_host(url);
	_cleanup_free_ char *name = xasprintf("acme.sh-%s", host), *text = file_text("%s/ca.conf", path);
	_cleanup_json_ json_t *conf = file_assignments(text ? text : "");
	json_t *account = found_account(m, name, url, key);

	if (!account)
		return;
	found_contact(account, json_str(conf, "CA_EMAIL"));
	if (json_str(conf, "CA_EAB_KEY_ID"))
		found_note(account, "It was bound to an external account; the CA finds it by its key.");
}

static void take_accounts(struct moving *m, const json_t *urls, const char *path, const char *below)
{
	_cleanup_strv_ char **names = found_names(m, path);

	if (*below && file_is("%s/account.key", path))
		take_account(m, urls, path, below);
	for (char **name = names; name && *name; name++) {
		_cleanup_free_ char *deeper = xasprintf("%s/%s", path, *name);
		_cleanup_free_ char *under = xasprintf("%s%s%s", below, *below ? "/" : "", *name);
		_cleanup_strv_ char **inside = file_names(deeper);

		if (inside)
			take_accounts(m, urls, deeper, under);
	}
}

static void take_dns(json_t *cert, const char *api)
{
	_cleanup_free_ char *line = xasprintf("DNSAPI=%s", api);

	found_set(cert, "hook_set", "acme.sh");
	json_object_set_new(cert, "environment", json_pack("[s]", line));
	found_note(cert,
		   "Its DNS records are set by %s: copy the adapter \"acme.sh\" and acme.sh.d into hooks.directory, "
		   "and put the credentials of account.conf (without SAVED_) into hooks.environment.",
		   api);
}

/* Le_Webroot: a directory, dns_NAME, dns (by hand), no (its own server), nginx:, apache, alpn; one for each name, by
 * commas. */
static void take_proof(const struct moving *m, json_t *cert, const json_t *conf)
{
	_cleanup_free_ char *all = decoded(conf, "Le_Webroot"),
			    *first = xstrndup(all ? all : "", strcspn(all ? all : "", ","));

	if (!str_starts(first, "dns")) {
		found_challenge(m, cert, "http-01");
		found_note(cert, "It was proved by its web server: redirect its challenges to this server before it is "
				 "renewed.");
		return;
	}
	found_challenge(m, cert, "dns-01");
	if (str_starts(first, "dns_")) {
		take_dns(cert, first);
	} else {
		found_flag(cert, "by_hand");
		found_note(cert, "It was proved by hand, and is by hand here: each renewal waits for you.");
	}
	if (json_str(conf, "Le_ChallengeAlias") && *json_str(conf, "Le_ChallengeAlias"))
		found_note(cert, "Its challenge alias %s was not taken: Certera follows a CNAME at _acme-challenge.",
			   json_str(conf, "Le_ChallengeAlias"));
}

static void take_settings(json_t *cert, const json_t *conf)
{
	static const char *const hooks[] = { "Le_PreHook", "Le_PostHook", "Le_RenewHook", "Le_ReloadCmd",
					     "Le_DeployHook" };
	_cleanup_free_ char *chain = decoded(conf, "Le_Preferred_Chain");

	found_set(cert, "preferred_chain", chain);
	found_set(cert, "profile", json_str(conf, "Le_Certificate_Profile"));
	if (!str_eq(json_str(conf, "Le_ForceNewDomainKey"), "1"))
		found_flag(cert, "key_reuse");
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		_cleanup_free_ char *command = decoded(conf, hooks[i]);

		if (command)
			found_note(cert,
				   "Its %s was not taken: %s. Certera runs a deploy hook instead (certeractl cert "
				   "hooks --deploy).",
				   hooks[i], command);
	}
}

static char *domain_of(const char *folder)
{
	return xstrndup(folder, strlen(folder) - (str_ends(folder, "_ecc") ? strlen("_ecc") : 0));
}

/* The directories that its certificates name. */
static json_t *read_urls(const struct moving *m, char *const *folders)
{
	json_t *urls = json_array();

	for (; folders && *folders; folders++) {
		_cleanup_free_ char *domain = domain_of(*folders),
				    *text = file_text("%s/%s/%s.conf", m->path, *folders, domain);
		_cleanup_json_ json_t *conf = file_assignments(text ? text : "");

		if (json_str(conf, "Le_API"))
			json_array_append(urls, json_object_get(conf, "Le_API"));
	}
	return urls;
}

static void take_cert(struct moving *m, const char *folder)
{
	_cleanup_free_ char *domain = domain_of(folder);
	_cleanup_free_ char *from = xasprintf("%s/%s", m->path, folder), *text = file_text("%s/%s.conf", from, domain);
	_cleanup_free_ char *chain = xasprintf("%s/fullchain.cer", from), *key = xasprintf("%s/%s.key", from, domain);
	_cleanup_json_ json_t *conf = NULL;
	const char *account;
	json_t *cert;

	if (!text || !strstr(text, "Le_Domain"))
		return;
	if (file_never_was(chain)) {
		found_left(m, from, "It was never issued.");
		return;
	}
	conf = file_assignments(text);
	cert = found_cert_files(m, folder, chain, key, from);
	if (!cert)
		return;
	account = found_account_at(m, json_str(conf, "Le_API"));
	found_set(cert, "account", account);
	if (!account)
		found_note(cert, "Its account was not found, so nothing renews it yet.");
	take_proof(m, cert, conf);
	take_settings(cert, conf);
}

int read_acme_sh(struct moving *m, struct err *e)
{
	_cleanup_free_ char *ca = xasprintf("%s/ca", m->path);
	_cleanup_strv_ char **folders = found_names(m, m->path);
	_cleanup_json_ json_t *urls = read_urls(m, folders);

	if (!file_is("%s", ca) && !file_is("%s/account.conf", m->path))
		return err_set(e, ERR_USAGE, "%s has neither ca/ nor account.conf of acme.sh", m->path);
	take_accounts(m, urls, ca, "");
	for (char **folder = folders; folder && *folder; folder++)
		take_cert(m, *folder);
	if (file_is("%s/account.conf", m->path))
		found_left(m, "account.conf",
			   "Credentials for DNS stay there: put those you need into hooks.environment.");
	return 0;
}
