/*
 * Caddy (certmagic): certificates/CA/NAME/NAME.{crt,key,json} and acme/CA/users/MAIL/MAIL.{key,json}.  CA is the
 * directory's host and path with "-" for "/" and ":", in lower case.
 */
#include <ctype.h>

#include "ctl/moving/moving.h"

/* The same with what a folder's name cannot have. */
static char *folder_form(const char *text)
{
	char *out = xstrdup(text);

	for (char *p = out; *p; p++)
		*p = strchr("/:", *p) ? '-' : (char)tolower((unsigned char)*p);
	return out;
}

/* The directory's URL: its host is that of the account's URL, and what is behind the host in the folder is its path. */
static char *directory_of(const struct moving *m, const char *ca, const char *account_url)
{
	_cleanup_free_ char *host = url_host(account_url ? account_url : ""), *head = folder_form(host), *path = NULL;
	const char *known = known_directory(host);

	if (m->directory || known)
		return xstrdup(m->directory ? m->directory : known);
	if (!*host || !str_starts(ca, head))
		return NULL;
	path = xstrdup(ca + strlen(head));
	for (char *p = path; *p; p++)
		if (*p == '-')
			*p = '/';
	return xasprintf("https://%s%s", host, path);
}

static void take_account(struct moving *m, const char *ca, const char *mail, json_t *by_ca)
{
	_cleanup_free_ char *path = xasprintf("%s/acme/%s/users/%s", m->path, ca, mail), *file = NULL, *text = NULL,
			    *key = NULL;
	_cleanup_free_ char *directory = NULL, *name = xasprintf("caddy-%s", ca);
	_cleanup_strv_ char **files = file_names(path);
	_cleanup_json_ json_t *saved = NULL;
	const json_t *contact;
	json_t *account;
	size_t i;

	for (char **one = files; one && *one; one++)
		if (str_ends(*one, ".json"))
			file = xstrndup(*one, strlen(*one) - strlen(".json"));
	if (!file)
		return;
	text = file_text("%s/%s.json", path, file);
	key = xasprintf("%s/%s.key", path, file);
	saved = text ? json_read(text, strlen(text), NULL) : NULL;
	directory = directory_of(m, ca, json_str(saved, "location"));
	if (!directory) {
		found_left(m, path, "The URL of the CA's directory is not known. Give it with --directory.");
		return;
	}
	account = found_account(m, name, directory, key);
	json_array_foreach (json_object_get(saved, "contact"), i, contact)
		found_contact(account, json_string_value(contact));
	if (account && !json_object_get(by_ca, ca))
		json_put_str(by_ca, ca, json_str(account, "name"));
}

static void take_cert(struct moving *m, const char *ca, const char *name, const json_t *by_ca)
{
	_cleanup_free_ char *from = xasprintf("%s/certificates/%s/%s", m->path, ca, name);
	_cleanup_free_ char *chain = xasprintf("%s/%s.crt", from, name), *key = xasprintf("%s/%s.key", from, name);
	const char *plain = str_starts(name, "wildcard_") ? name + strlen("wildcard") : name;
	json_t *cert = found_cert_files(m, plain, chain, key, from);

	if (!cert)
		return;
	found_set(cert, "account", json_str(by_ca, ca));
	if (!json_str(by_ca, ca))
		found_note(cert, "Its account was not found, so nothing renews it yet.");
	if (plain != name) {
		found_challenge(m, cert, "dns-01");
		found_note(cert,
			   "A module of Caddy set its DNS records: choose a script for them (certeractl cert hooks).");
	} else {
		found_challenge(m, cert, NULL);
		found_note(cert, "Caddy proved it: redirect its challenges to this server before it is renewed, and "
				 "give Caddy the files (tls in the Caddyfile).");
	}
}

static void take_ca(struct moving *m, const char *ca, const json_t *by_ca)
{
	_cleanup_free_ char *folder = xasprintf("%s/certificates/%s", m->path, ca);
	_cleanup_strv_ char **names = found_names(m, folder);

	if (str_eq(ca, "local")) {
		found_left(m, folder, "These are certificates of Caddy's own CA.");
		return;
	}
	for (char **name = names; name && *name; name++)
		take_cert(m, ca, *name, by_ca);
}

int read_caddy(struct moving *m, struct err *e)
{
	_cleanup_free_ char *acme = xasprintf("%s/acme", m->path), *certs = xasprintf("%s/certificates", m->path);
	_cleanup_strv_ char **cas = found_names(m, acme), **issuers = found_names(m, certs);
	_cleanup_json_ json_t *by_ca = json_object();

	if (!cas && !issuers)
		return err_set(e, ERR_USAGE, "%s has neither acme/ nor certificates/ of Caddy", m->path);
	for (char **ca = cas; ca && *ca; ca++) {
		_cleanup_free_ char *users = xasprintf("%s/%s/users", acme, *ca);
		_cleanup_strv_ char **mails = found_names(m, users);

		for (char **mail = mails; mail && *mail; mail++)
			take_account(m, *ca, *mail, by_ca);
	}
	for (char **issuer = issuers; issuer && *issuer; issuer++)
		take_ca(m, *issuer, by_ca);
	return 0;
}
