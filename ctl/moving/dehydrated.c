/*
 * dehydrated: config is a shell script of assignments; BASEDIR has accounts/base64(CA)/account_key.pem and
 * certs/NAME/{fullchain,privkey}.pem, perhaps with a config of its own.
 */
#include <sys/stat.h>

#include "base/encode.h"
#include "ctl/moving/moving.h"

/* Short names of its CAs. */
static const struct dehydrated_preset {
	const char *word, *directory;
} presets[] = {
	{ "letsencrypt", "https://acme-v02.api.letsencrypt.org/directory" },
	{ "letsencrypt-test", "https://acme-staging-v02.api.letsencrypt.org/directory" },
	{ "zerossl", "https://acme.zerossl.com/v2/DV90" },
	{ "buypass", "https://api.buypass.com/acme/directory" },
	{ "buypass-test", "https://api.test4.buypass.no/acme/directory" },
	{ "google", "https://dv.acme-v02.api.pki.goog/directory" },
	{ "google-test", "https://dv.acme-v02.test-api.pki.goog/directory" },
};

struct dehydrated {
	json_t *conf;
	char *base; /* BASEDIR */
};

static void dehydrated_release(struct dehydrated *s)
{
	json_decref(s->conf);
	free(s->base);
}

/* A setting with ${BASEDIR} in it filled in; owned, NULL: it is not set. */
static char *setting(const struct dehydrated *s, const char *name)
{
	static const char *const forms[] = { "${BASEDIR}", "$BASEDIR" };
	const char *text = json_str(s->conf, name);
	struct buf out = BUF_INIT;

	if (!text)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (!str_starts(text, forms[i]))
			continue;
		buf_add_str(&out, s->base);
		text += strlen(forms[i]);
	}
	buf_add_str(&out, text);
	return buf_detach(&out);
}

static void add_file(json_t *conf, const char *path)
{
	_cleanup_free_ char *text = file_text("%s", path);
	_cleanup_json_ json_t *more = file_assignments(text ? text : "");

	json_object_update(conf, more);
}

/* The file, and those of CONFIG_D.  A directory may be that of the configuration, or BASEDIR alone. */
static int read_settings(const struct moving *m, struct dehydrated *s, struct err *e)
{
	_cleanup_free_ char *inside = xasprintf("%s/config", m->path), *folder = NULL;
	bool directory = file_is("%s/.", m->path);
	const char *file = directory ? inside : m->path;
	_cleanup_strv_ char **more = NULL;

	s->conf = json_object();
	add_file(s->conf, file);
	folder = xstrdup(json_str(s->conf, "CONFIG_D") ? json_str(s->conf, "CONFIG_D") : "");
	more = *folder ? file_names(folder) : NULL;
	for (char **name = more; name && *name; name++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", folder, *name);

		if (str_ends(*name, ".sh"))
			add_file(s->conf, path);
	}
	s->base = directory ? xstrdup(m->path)
			    : xstrndup(m->path, strrchr(m->path, '/') ? (size_t)(strrchr(m->path, '/') - m->path) : 0);
	if (json_str(s->conf, "BASEDIR") && file_is("%s/.", json_str(s->conf, "BASEDIR"))) {
		free(s->base);
		s->base = xstrdup(json_str(s->conf, "BASEDIR"));
	}
	if (!file_is("%s/accounts", s->base) && !file_is("%s/certs", s->base))
		return err_set(e, ERR_USAGE, "%s has neither accounts/ nor certs/ of dehydrated", s->base);
	return 0;
}

static char *ca_of(const struct moving *m, const struct dehydrated *s)
{
	const char *ca = json_str(s->conf, "CA");

	if (m->directory)
		return xstrdup(m->directory);
	for (size_t i = 0; ca && i < ARRAY_SIZE(presets); i++)
		if (str_eq(ca, presets[i].word))
			return xstrdup(presets[i].directory);
	return xstrdup(ca && *ca ? ca : presets[0].directory);
}

/* The folder's name is the URL in base64url, with the line's end that echo put behind it. */
static char *decode_url(const char *folder)
{
	_cleanup_buf_ struct buf url = BUF_INIT;

	if (base64url_decode(&url, folder, strlen(folder)) < 0)
		return NULL;
	while (url.len && strchr("\r\n", url.data[url.len - 1]))
		url.data[--url.len] = '\0';
	return str_starts(buf_str(&url), "https://") ? buf_detach(&url) : NULL;
}

static void take_accounts(struct moving *m, const struct dehydrated *s)
{
	_cleanup_free_ char *root = xasprintf("%s/accounts", s->base);
	_cleanup_strv_ char **folders = found_names(m, root);
	const json_t *contact;
	size_t i;

	for (char **folder = folders; folder && *folder; folder++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", root, *folder), *url = decode_url(*folder);
		_cleanup_free_ char *key = xasprintf("%s/account_key.pem", path),
				    *text = file_text("%s/registration_info.json", path);
		_cleanup_json_ json_t *saved = text ? json_read(text, strlen(text), NULL) : NULL;
		_cleanup_free_ char *host = url_host(url ? url : ""), *name = xasprintf("dehydrated-%s", host);
		json_t *account;

		if (!url) {
			found_left(m, path, "The name of the folder does not say which CA it is.");
			continue;
		}
		account = found_account(m, name, url, key);
		json_array_foreach (json_object_get(saved, "contact"), i, contact)
			found_contact(account, json_string_value(contact));
	}
}

static void take_settings(const struct moving *m, json_t *cert, const struct dehydrated *s)
{
	const char *type = json_str(s->conf, "CHALLENGETYPE"), *hook = json_str(s->conf, "HOOK");
	bool by_dns = type && str_starts(type, "dns");

	found_challenge(m, cert, by_dns ? "dns-01" : "http-01");
	found_set(cert, "renew_before", json_str(s->conf, "RENEW_DAYS"));
	found_set(cert, "preferred_chain", json_str(s->conf, "PREFERRED_CHAIN"));
	if (str_eq(json_str(s->conf, "PRIVATE_KEY_RENEW"), "no"))
		found_flag(cert, "key_reuse");
	if (!by_dns)
		found_note(cert, "It was proved by its web server: redirect its challenges to this server before it is "
				 "renewed.");
	if (by_dns)
		found_set(cert, "hook_set", "dehydrated");
	if (hook && *hook)
		found_note(cert,
			   by_dns ? "Copy %s and the adapter \"dehydrated\" into hooks.directory, and name it in "
				    "hooks.environment (HOOK)."
				  : "Its hook was not taken: %s. Certera runs a deploy hook instead (certeractl cert "
				    "hooks --deploy).",
			   hook);
}

static void take_cert(struct moving *m, const struct dehydrated *s, const char *root, const char *name)
{
	_cleanup_free_ char *from = xasprintf("%s/%s", root, name), *own = xasprintf("%s/config", from),
			    *directory = NULL;
	_cleanup_free_ char *chain = xasprintf("%s/fullchain.pem", from), *key = xasprintf("%s/privkey.pem", from),
			    *apart = setting(s, "DOMAINS_D");
	_cleanup_(dehydrated_release) struct dehydrated its = { json_deep_copy(s->conf), xstrdup(s->base) };
	const char *account;
	json_t *cert;

	if (file_never_was(chain)) {
		found_left(m, from, "It was never issued.");
		return;
	}
	cert = found_cert_files(m, name, chain, key, from);
	if (!cert)
		return;
	if (apart && *apart) {
		free(own);
		own = xasprintf("%s/%s", apart, name);
	}
	add_file(its.conf, own);
	directory = ca_of(m, &its);
	account = found_account_at(m, directory);
	found_set(cert, "account", account);
	if (!account)
		found_note(cert, "Its account was not found, so nothing renews it yet.");
	take_settings(m, cert, &its);
}

int read_dehydrated(struct moving *m, struct err *e)
{
	_cleanup_(dehydrated_release) struct dehydrated s = { NULL, NULL };
	_cleanup_free_ char *root = NULL;
	_cleanup_strv_ char **names = NULL;

	if (read_settings(m, &s, e) < 0)
		return -1;
	take_accounts(m, &s);
	root = setting(&s, "CERTDIR");
	if (!root)
		root = xasprintf("%s/certs", s.base);
	names = found_names(m, root);
	for (char **name = names; name && *name; name++)
		take_cert(m, &s, root, *name);
	return 0;
}
