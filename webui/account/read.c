#include "webui/account/read.h"

#include <errno.h>
#include <unistd.h>

#include "base/encode.h"

static const struct read_ca {
	const char *name, *directory;
	bool staging;
} cas[] = {
#define CA(name, text, directory, staging, binding, terms) { name, directory, staging },
#include "webui/ca.def"
#undef CA
};

#define CA(name, text, directory, staging, binding, terms) name ", "
static const char known[] =
#include "webui/ca.def"
	;
#undef CA

static const struct read_ca *find_ca(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cas); i++)
		if (!strcmp(cas[i].name, name))
			return &cas[i];
	return NULL;
}

/* The CA of this name, or, where that is asked for, the one beside it that issues for testing. */
static const struct read_ca *read_ca_name(const char *name, bool staging, struct err *e)
{
	const struct read_ca *ca = find_ca(name);
	_cleanup_free_ char *twin = xasprintf("%s-staging", name);

	if (!ca) {
		err_set(e, ERR_INVALID, "the CA \"%.40s\" is not known by name", name);
		err_hint(e, "Known are %sand any other CA by the URL of its ACME directory.", known);
		err_field(e, "ca");
	} else if (staging && !ca->staging) {
		ca = find_ca(twin);
		if (!ca) {
			err_set(e, ERR_INVALID, "the CA \"%.40s\" has no staging that is known here", name);
			err_field(e, "staging");
		}
	}
	return ca;
}

static int take_directory(struct rec_account *account, const char *directory, struct err *e)
{
	if (!str_starts(directory, "https://") || strlen(directory) <= strlen("https://") ||
	    strpbrk(directory, " \t\r\n\"<>\\"))
		return body_at("directory",
			       err_set(e, ERR_INVALID, "the directory \"%.200s\" is not an https URL", directory), e);
	record_set(&account->directory, directory);
	return 0;
}

/* Only "staging" is said: the CA stays, or it is the one beside it. */
static int read_staging(struct rec_account *account, const json_t *body, struct err *e)
{
	const struct read_ca *ca = account->ca && *account->ca ? find_ca(account->ca) : NULL;

	account->staging = json_bool(body, "staging", account->staging);
	if (ca)
		ca = read_ca_name(ca->name, account->staging, e);
	else
		return 0;
	if (!ca)
		return -1;
	account->staging = account->staging || ca->staging;
	record_set(&account->ca, ca->name);
	return take_directory(account, ca->directory, e);
}

static int read_ca(struct rec_account *account, const json_t *body, struct err *e)
{
	const char *name = json_str(body, "ca"), *directory = json_str(body, "directory");
	const struct read_ca *ca = NULL;

	if (!name && !directory && account->directory)
		return read_staging(account, body, e);
	if (!name == !directory)
		return body_at(name ? "directory" : "ca",
			       err_set(e, ERR_INVALID, "give either \"ca\", the short name of a CA, or "
						       "\"directory\", its URL"), e);
	if (name) {
		ca = read_ca_name(name, json_bool(body, "staging", false), e);
		if (!ca)
			return -1;
	}
	account->staging = json_bool(body, "staging", false) || (ca && ca->staging);
	record_set(&account->ca, ca ? ca->name : NULL);
	return take_directory(account, ca ? ca->directory : directory, e);
}

int admin_read_contact(char ***contact, const json_t *body, struct err *e)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(body, "contact"), i, item) {
		const char *typed = json_string_value(item);
		const char *mail = str_starts(typed, "mailto:") ? typed + strlen("mailto:") : typed;
		const char *at = strchr(mail, '@');
		_cleanup_free_ char *url = xasprintf("mailto:%s", mail);

		if (!at || at == mail || !at[1] || strchr(at + 1, '@') || strpbrk(mail, " \t\r\n<>,?&"))
			return body_at("contact", err_set(e, ERR_INVALID,
							  "the contact \"%.100s\" is not an e-mail address", typed), e);
		strv_add(contact, url);
	}
	return 0;
}

static int read_ca_file(struct rec_account *account, const json_t *body, struct err *e)
{
	const char *path = json_str(body, "ca_file");

	if (!path)
		return 0;
	if (*path && *path != '/')
		return err_set(e, ERR_INVALID, "\"ca_file\" must be a path from the root: the daemon reads it");
	if (*path && access(path, R_OK) < 0)
		return err_errno(e, ERR_INVALID, "reading %s as the daemon's user", path);
	record_set(&account->ca_file, *path ? path : NULL);
	return 0;
}

static char *trimmed(const char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	return xstrndup(text, len);
}

/* As people paste them: base64 of either kind, padded or not, wrapped by a mail, in quotes.  -1: it is none of that. */
static int read_mac_key(struct buf *key, const char *pasted)
{
	_cleanup_buf_wipe_ struct buf text = BUF_INIT;

	if (str_starts(pasted, "\xef\xbb\xbf"))
		pasted += 3;
	for (; *pasted && *pasted != '='; pasted++) {
		if (!strchr(" \t\r\n\"'", *pasted))
			buf_add_ch(&text, *pasted == '+' ? '-' : *pasted == '/' ? '_' : *pasted);
	}
	return base64url_decode(key, buf_str(&text), text.len) < 0 || !key->len ? -1 : 0;
}

static int wrong_binding(const char *field, const char *why, struct err *e)
{
	return body_at(field, err_set(e, ERR_INVALID, "%s", why), e);
}

static bool is_mac_alg(const char *alg)
{
	return str_eq(alg, "HS256") || str_eq(alg, "HS384") || str_eq(alg, "HS512");
}

/* Of an account that has a binding, or gets one. */
static int read_mac_alg(struct rec_account *account, const char *alg, bool bound, struct err *e)
{
	if (!alg)
		return 0;
	if (!bound || !is_mac_alg(alg))
		return wrong_binding("eab_alg", "\"eab_alg\" goes with a binding, and is HS256, HS384 or HS512", e);
	record_set(&account->eab_alg, alg);
	return 0;
}

static void drop_binding(struct rec_account *account)
{
	record_set(&account->eab_kid, NULL);
	record_set(&account->eab_alg, NULL);
	buf_release(&account->eab_key);
}

/* What is not given stays as it is. */
int account_read_binding(struct rec_account *account, const json_t *body, struct buf *secret, struct err *e)
{
	const char *kid = json_str(body, "eab_kid"), *key = json_str(body, "eab_key");
	bool sealed = account->eab_key.len;
	_cleanup_free_ char *name = NULL;

	if (kid && !*kid && !key)
		return drop_binding(account), 0;
	if (read_mac_alg(account, json_str(body, "eab_alg"), kid || sealed, e) < 0)
		return -1;
	if (!kid && !key)
		return 0;
	name = kid ? trimmed(kid) : xstrdup(account->eab_kid ? account->eab_kid : "");
	if ((kid && !*name) || (!key && !sealed))
		return wrong_binding(key ? "eab_kid" : "eab_key",
				     "an external account binding needs both \"eab_kid\" and \"eab_key\"", e);
	if (!*name)
		return wrong_binding("eab_kid", "the key identifier of the external account binding is empty", e);
	if (key && read_mac_key(secret, key) < 0)
		return wrong_binding("eab_key", "the MAC key of the external account binding is not the base64 text "
						"that the CA gave", e);
	record_set(&account->eab_kid, name);
	return 0;
}

int account_read(struct rec_account *account, const json_t *body, struct err *e)
{
	account->terms_agreed = json_bool(body, "terms_agreed", account->terms_agreed);
	account->only_existing = json_bool(body, "only_existing", account->only_existing);
	if (read_ca(account, body, e) < 0 || body_at("ca_file", read_ca_file(account, body, e), e) < 0)
		return -1;
	if (!json_object_get(body, "contact"))
		return 0;
	strv_free(TAKE(account->contact));
	return admin_read_contact(&account->contact, body, e);
}

bool account_is_registered(const struct rec_account *account)
{
	return account->kid && *account->kid;
}

struct user {
	const char *account_id;
	char *name;
};

static int find_user(void *arg, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct user *u = arg;

	if (!str_eq(cert->account_id, u->account_id) && !str_eq(cert->fallback_id, u->account_id))
		return 0;
	u->name = xstrdup(cert->name);
	return 1;
}

int account_used_by(struct txn *t, const char *account_id, char **name, struct err *e)
{
	struct user u = { .account_id = account_id };
	int result = record_each(t, &rec_cert_type, "", false, find_user, &u, e);

	*name = u.name;
	return MIN(result, 0);
}
