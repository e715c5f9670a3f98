/* What sources say they found, in the form that take.c sends. */
#include <errno.h>
#include <strings.h>

#include "base/encode.h"
#include "ctl/moving/moving.h"

static void put_note(json_t *of, const char *text)
{
	json_array_append_new(json_object_get(of, "notes"), json_string(text));
}

void found_note(json_t *of, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	put_note(of, text);
}

void found_left(struct moving *m, const char *what, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	json_t *one = json_object();
	va_list ap;

	if (!what)
		what = "without a name";
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	json_put_str(one, "what", what);
	json_put_str(one, "why", text);
	json_array_append_new(m->left, one);
}

void found_nothing(struct moving *m)
{
	if (!json_array_size(m->accounts) && !json_array_size(m->certificates) && !json_array_size(m->left))
		found_left(
			m, m->path,
			"It has no account and no certificate. If it is a copy: copy the file %s-wal beside it, too.",
			m->path);
}

static json_t *new_thing(json_t *list, const char *name, const char *from)
{
	json_t *one = json_object();

	json_put_str(one, "name", name);
	json_put_str(one, "from", from);
	json_object_set_new(one, "notes", json_array());
	json_object_set_new(one, "request", json_object());
	json_array_append_new(list, one);
	return one;
}

/* Two things of one name, in upper or lower case: the second has a number behind it. */
static char *free_name(const json_t *list, const char *name)
{
	char *tried = xstrdup(name);
	const json_t *one;
	int n = 1;
	size_t i;

again:
	json_array_foreach (list, i, one) {
		if (strcasecmp(json_str(one, "name"), tried))
			continue;
		free(tried);
		tried = xasprintf("%s-%d", name, ++n);
		goto again;
	}
	return tried;
}

/* Let's Encrypt's first two, which no client can use any more, but every old machine has accounts at. */
static bool has_closed(const char *directory)
{
	return strstr(directory, "://acme-v01.api.letsencrypt.org/") ||
	       strstr(directory, "://acme-staging.api.letsencrypt.org/");
}

json_t *found_account_key(struct moving *m, const char *name, const char *directory, const char *key, const char *from)
{
	_cleanup_free_ char *fit = file_name_of(name && *name ? name : "account"), *own = free_name(m->accounts, fit);
	_cleanup_buf_wipe_ struct buf coded = BUF_INIT;
	json_t *account, *request;

	if (!key || !*key || !directory) {
		found_left(m, from ? from : own,
			   key && *key ? "It does not say at which CA the account is."
				       : "The key of the account cannot be read.");
		return NULL;
	}
	if (has_closed(directory)) {
		found_left(m, from, "The account is at %s, which has closed (it was for ACME version 1).", directory);
		return NULL;
	}
	account = new_thing(m->accounts, own, from);
	request = json_object_get(account, "request");
	if (strstr(key, "-----BEGIN "))
		buf_add_str(&coded, key);
	else
		base64_add(&coded, key, strlen(key));
	json_put_str(request, "name", own);
	json_put_str(request, "directory", directory);
	if (strstr(directory, "staging") || strstr(directory, ".test4."))
		json_put_bool(request, "staging", true);
	json_put_bool(request, "only_existing", true);
	json_put_str(request, "key_pem", buf_str(&coded));
	return account;
}

json_t *found_account(struct moving *m, const char *name, const char *directory, const char *key_file)
{
	_cleanup_wipe_ char *key = file_text("%s", key_file);

	if (!key || !*key) {
		found_left(m, key_file, "The key of the account cannot be read: %s.", file_trouble(key_file));
		return NULL;
	}
	return found_account_key(m, name, directory, key, key_file);
}

const char *found_account_at(const struct moving *m, const char *directory)
{
	const json_t *account;
	size_t i;

	json_array_foreach (m->accounts, i, account)
		if (str_eq(json_str(json_object_get(account, "request"), "directory"), directory))
			return json_str(account, "name");
	return NULL;
}

void found_contact(json_t *account, const char *mail)
{
	json_t *request = json_object_get(account, "request"), *list = json_object_get(request, "contact");

	if (!account || !mail || !strchr(mail, '@'))
		return;
	if (!list) {
		list = json_array();
		json_object_set_new(request, "contact", list);
	}
	json_array_append_new(list, json_string(str_starts(mail, "mailto:") ? mail + strlen("mailto:") : mail));
}

static json_t *new_cert(struct moving *m, const char *name, const char *from)
{
	_cleanup_free_ char *fit = file_name_of(name && *name ? name
						: from        ? from
							      : "certificate"),
			    *own = free_name(m->certificates, fit);
	json_t *cert = new_thing(m->certificates, own, from);

	if (!str_eq(own, fit))
		found_note(cert, "There are two of the name %s, so this one is %s here.", fit, own);
	return cert;
}

/* It is one, and the report has it with the reason. */
static json_t *cannot_be_taken(struct moving *m, const char *name, const char *from, const char *why)
{
	json_t *cert = new_cert(m, name, from);

	json_put_str(cert, "result", "left");
	put_note(cert, why);
	return NULL;
}

json_t *found_cert(struct moving *m, const char *name, const char *chain, const char *key, const char *from)
{
	json_t *cert;

	if (!chain || !strstr(chain, "-----BEGIN CERTIFICATE"))
		return cannot_be_taken(m, name, from, "There is no certificate.");
	if (!key || !strstr(key, "-----BEGIN "))
		return cannot_be_taken(m, name, from, "There is no private key that can be read.");
	cert = new_cert(m, name, from);
	json_put_str(cert, "chain", chain);
	json_put_str(cert, "key", key);
	return cert;
}

json_t *found_cert_files(struct moving *m, const char *name, const char *chain_file, const char *key_file,
			 const char *from)
{
	_cleanup_free_ char *chain = file_text("%s", chain_file), *why = NULL;
	_cleanup_wipe_ char *key = file_text("%s", key_file);
	const char *missing = !chain ? chain_file : key_file;

	if (chain && key)
		return found_cert(m, name, chain, key, from);
	why = xasprintf("%s cannot be read: %s.", missing, file_trouble(missing));
	return cannot_be_taken(m, name, from, why);
}

char **found_names(struct moving *m, const char *directory)
{
	char **names = file_names(directory);

	if (!names && errno && errno != ENOENT && errno != ENOTDIR) {
		found_left(m, directory, "It cannot be read: %s.", strerror(errno));
		if (!m->unread)
			m->unread = xasprintf("%s: %s", directory, strerror(errno));
	}
	return names;
}

void found_set(json_t *cert, const char *member, const char *value)
{
	if (value && *value)
		json_put_str(json_object_get(cert, "request"), member, value);
}

void found_flag(json_t *cert, const char *member)
{
	json_put_bool(json_object_get(cert, "request"), member, true);
}

void found_challenge(const struct moving *m, json_t *cert, const char *type)
{
	found_set(cert, "challenge", type ? type : m->challenge);
}
