/*
 * lego: certificates/NAME.{crt,key,json}, accounts/HOST/MAIL/account.json and keys/MAIL.key.  How names are proved, and
 * by which directory, is on its command line only.
 */
#include "ctl/moving/moving.h"

/* Its URL, from the host in a folder's name ("localhost_14000") and the account's own URL. */
static char *directory_of(const struct moving *m, const char *account_url)
{
	_cleanup_free_ char *host = url_host(account_url ? account_url : "");
	const char *known = known_directory(host);

	if (m->directory)
		return xstrdup(m->directory);
	return known ? xstrdup(known) : *host ? xasprintf("https://%s/directory", host) : NULL;
}

static void take_account(struct moving *m, const char *folder, const char *mail, json_t *by_host)
{
	_cleanup_free_ char *path = xasprintf("%s/accounts/%s/%s", m->path, folder, mail);
	_cleanup_free_ char *text = file_text("%s/account.json", path), *key = xasprintf("%s/keys/%s.key", path, mail);
	_cleanup_json_ json_t *saved = text ? json_read(text, strlen(text), NULL) : NULL;
	const char *url = json_str(json_object_get(saved, "registration"), "uri");
	_cleanup_free_ char *directory = directory_of(m, url), *host = url_host(url ? url : folder);
	_cleanup_free_ char *name = xasprintf("lego-%s", host);
	json_t *account;

	if (!directory) {
		found_left(m, path, "The account was never registered.");
		return;
	}
	account = found_account(m, name, directory, key);
	if (!account)
		return;
	found_contact(account, json_str(saved, "email"));
	if (!m->directory && !known_directory(host))
		found_note(account,
			   "lego does not keep the URL of the CA's directory: %s was assumed. If it is different, give "
			   "it with --directory.",
			   directory);
	if (!json_object_get(by_host, host))
		json_put_str(by_host, host, json_str(account, "name"));
}

static void take_cert(struct moving *m, const char *name, const json_t *by_host)
{
	_cleanup_free_ char *from = xasprintf("%s/certificates/%s", m->path, name);
	_cleanup_free_ char *text = file_text("%s.json", from), *chain = xasprintf("%s.crt", from),
			    *key = xasprintf("%s.key", from);
	_cleanup_json_ json_t *saved = text ? json_read(text, strlen(text), NULL) : NULL;
	const char *url = json_str(saved, "certUrl") ? json_str(saved, "certUrl") : "",
		   *domain = json_str(saved, "domain");
	_cleanup_free_ char *host = url_host(url);
	json_t *cert = found_cert_files(m, name, chain, key, from);

	if (!cert)
		return;
	found_set(cert, "account", json_str(by_host, host));
	if (!json_str(by_host, host))
		found_note(cert, "Its account was not found, so nothing renews it yet.");
	if ((domain && str_starts(domain, "*.")) || name[0] == '_') {
		found_challenge(m, cert, "dns-01");
		found_note(cert, "lego got the way to set DNS records on its command line: choose a script for them "
				 "(certeractl cert hooks).");
	} else {
		found_challenge(m, cert, NULL);
		found_note(cert, "lego was told on its command line how to prove it: here it is proved by %s.",
			   m->challenge ? m->challenge : "http-01");
	}
}

int read_lego(struct moving *m, struct err *e)
{
	_cleanup_free_ char *accounts = xasprintf("%s/accounts", m->path),
			    *certs = xasprintf("%s/certificates", m->path);
	_cleanup_strv_ char **hosts = found_names(m, accounts), **files = found_names(m, certs);
	_cleanup_json_ json_t *by_host = json_object();

	if (!hosts && !files)
		return err_set(e, ERR_USAGE, "%s has neither accounts/ nor certificates/ of lego", m->path);
	for (char **host = hosts; host && *host; host++) {
		_cleanup_free_ char *folder = xasprintf("%s/%s", accounts, *host);
		_cleanup_strv_ char **mails = found_names(m, folder);

		for (char **mail = mails; mail && *mail; mail++)
			take_account(m, *host, *mail, by_host);
	}
	for (char **file = files; file && *file; file++) {
		_cleanup_free_ char *name = xstrndup(*file, strlen(*file) - MIN(strlen(*file), strlen(".crt")));

		if (str_ends(*file, ".crt") && !str_ends(*file, ".issuer.crt"))
			take_cert(m, name, by_host);
	}
	return 0;
}
