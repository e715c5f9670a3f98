/* /api/v1/accounts: accounts at CAs. */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "pki/key.h"
#include "store/agenda.h"
#include "webui/admin.h"
#include "webui/name.h"

#define DEFAULT_KEY_TYPE "p256"	/* every CA takes it */

struct adding {
	struct rec_account account;
	struct rec_key key;
	struct buf eab_secret;
	char *key_type, *key_pem;
};

static const struct ca {
	const char *name, *directory;
	bool staging;
} cas[] = {
#define CA(name, directory, staging) { name, directory, staging },
#include "webui/ca.def"
#undef CA
};

static json_t *show(struct txn *t, const void *rec)
{
	const struct rec_account *account = rec;
	json_t *o = rec_account_json(account);

	admin_put_key_name(o, t, account->key_id);
	return o;
}

int page_accounts(struct request *r, struct err *e)
{
	return admin_list(r, "accounts", &rec_account_type, show, e);
}

int page_account(struct request *r, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_account(r, t, &account, e) < 0)
		return -1;
	return reply_json(r, 200, show(t, &account));
}

/*
 * Adding one: read what is asked for, let the keeper make or import its key and seal the MAC key, put it all.
 */

static void adding_release(void *state)
{
	struct adding *a = state;

	rec_account_release(&a->account);
	rec_key_release(&a->key);
	buf_wipe(&a->eab_secret);
	free(a->key_type);
	wipe_free(a->key_pem);
}

static int read_ca(struct rec_account *account, const json_t *body, struct err *e)
{
	const char *name = json_str(body, "ca"), *directory = json_str(body, "directory");
	const struct ca *ca = NULL;

	if (!name == !directory)
		return err_set(e, ERR_INVALID, "give either \"ca\", the short name of a CA, or \"directory\", its URL");
	for (size_t i = 0; name && i < ARRAY_SIZE(cas); i++)
		if (!strcmp(cas[i].name, name))
			ca = &cas[i];
	if (name && !ca)
		return err_set(e, ERR_INVALID, "the CA \"%.40s\" is not known by name: give the URL of its directory",
			       name);
	if (ca)
		directory = ca->directory;
	if (!str_starts(directory, "https://") || strlen(directory) <= strlen("https://") ||
	    strpbrk(directory, " \t\r\n\"<>\\"))
		return err_set(e, ERR_INVALID, "the directory \"%.200s\" is not an https URL", directory);
	account->staging = json_bool(body, "staging", ca && ca->staging);
	record_set(&account->ca, name);
	record_set(&account->directory, directory);
	return 0;
}

static int read_contact(struct rec_account *account, const json_t *body, struct err *e)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(body, "contact"), i, item) {
		const char *typed = json_string_value(item);
		const char *mail = str_starts(typed, "mailto:") ? typed + strlen("mailto:") : typed;
		const char *at = strchr(mail, '@');
		_cleanup_free_ char *url = xasprintf("mailto:%s", mail);

		if (!at || at == mail || !at[1] || strchr(at + 1, '@') || strpbrk(mail, " \t\r\n<>,?&"))
			return err_set(e, ERR_INVALID, "the contact \"%.100s\" is not an e-mail address", typed);
		strv_add(&account->contact, url);
	}
	return 0;
}

static int read_ca_file(struct rec_account *account, const json_t *body, struct err *e)
{
	const char *path = json_str(body, "ca_file");

	if (path && *path != '/')
		return err_set(e, ERR_INVALID, "\"ca_file\" must be a path from the root: the daemon reads it");
	if (path && access(path, R_OK) < 0)
		return err_errno(e, ERR_INVALID, "reading %s as the daemon's user", path);
	record_set(&account->ca_file, path);
	return 0;
}

static int read_binding(struct adding *a, const json_t *body, struct err *e)
{
	const char *kid = json_str(body, "eab_kid"), *secret = json_str(body, "eab_key");

	if (!kid != !secret)
		return err_set(e, ERR_INVALID, "an external account binding needs both \"eab_kid\" and \"eab_key\"");
	if (!kid)
		return 0;
	record_set(&a->account.eab_kid, kid);
	if (!*kid || base64url_decode(&a->eab_secret, secret, strcspn(secret, "=")) < 0 || !a->eab_secret.len)
		return err_set(e, ERR_INVALID,
			       "\"eab_key\" is not the base64url text the CA gave, or \"eab_kid\" is empty");
	return 0;
}

static int read_key(struct adding *a, const json_t *body, struct err *e)
{
	const char *pem = json_str(body, "key_pem"), *word = json_str(body, "key_type");
	enum key_type type;

	if (pem && word)
		return err_set(e, ERR_INVALID, "\"key_type\" is for new keys, and \"key_pem\" is one already");
	if (word && key_type_by_word(word, &type, e) < 0)
		return -1;
	a->key_pem = pem ? xstrdup(pem) : NULL;
	a->key_type = xstrdup(word ? word : DEFAULT_KEY_TYPE);
	a->key.name = xasprintf("account-%s", a->account.name);
	record_set(&a->key.use, KEEPER_USE_ACCOUNT);
	return 0;
}

static int read_all(struct request *r, struct adding *a, struct err *e)
{
	static const struct body_member members[] = {
		{ "name", BODY_TEXT, true },
		{ "ca", BODY_TEXT, false },
		{ "directory", BODY_TEXT, false },
		{ "staging", BODY_FLAG, false },
		{ "contact", BODY_LIST, false },
		{ "terms_agreed", BODY_FLAG, false },
		{ "ca_file", BODY_TEXT, false },
		{ "eab_kid", BODY_TEXT, false },
		{ "eab_key", BODY_TEXT, false },
		{ "key_type", BODY_TEXT, false },
		{ "key_pem", BODY_TEXT, false },
	};
	_cleanup_body_ json_t *body = BODY_READ(r, members, e);
	struct rec_account *account = &a->account;

	if (!body || name_check(json_str(body, "name"), e) < 0)
		return -1;
	account->id = random_hex(16);
	record_set(&account->name, json_str(body, "name"));
	record_set(&account->state, "new");
	account->terms_agreed = json_bool(body, "terms_agreed", false);
	account->created = clock_now();
	if (read_ca(account, body, e) < 0 || read_contact(account, body, e) < 0 || read_ca_file(account, body, e) < 0 ||
	    read_binding(a, body, e) < 0)
		return -1;
	return read_key(a, body, e);
}

/* Before work is done for it; putting the records checks again. */
static int check_free(struct request *r, const struct adding *a, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_account_by_name(t, &account, a->account.name, e) == 0)
		return err_set(e, ERR_CONFLICT, "there is an account %s already", account.name);
	if (e->kind == ERR_MISSING && rec_key_by_name(t, &key, a->key.name, e) == 0)
		return err_set(e, ERR_CONFLICT, "there is a key %s already", key.name);
	return e->kind == ERR_MISSING ? 0 : -1;
}

static int put_account(struct request *r, const struct slice *field, struct err *e)
{
	struct adding *a = r->state;
	struct rec_account *account = &a->account;
	_cleanup_free_ char *jwk = spki_jwk(field[3], e);
	_cleanup_txn_ struct txn *t = NULL;

	if (!jwk || store_write(r->webui->env->store, &t, e) < 0 || admin_put_key(t, &a->key, field, e) < 0)
		return -1;
	record_set(&account->key_id, a->key.id);
	record_set(&account->jwk, jwk);
	if (rec_account_put(t, account, e) < 0 ||
	    agenda_set(t, AGENDA_register, account->id, account->created, e) < 0 ||
	    admin_event(t, "account.added", account->id, account->name, e, "at %s", account->directory) < 0)
		return -1;
	return admin_commit(r, TAKE(t), true, e);
}

static int key_made(struct request *r, const struct slice *field, struct err *e)
{
	struct adding *a = r->state;
	json_t *answer;

	if (put_account(r, field, e) < 0)
		return -1;
	answer = rec_account_json(&a->account);
	json_put_str(answer, "key", a->key.name);
	return reply_json(r, 202, answer);
}

static int make_key(struct request *r)
{
	struct adding *a = r->state;

	if (a->key_pem)
		return REQUEST_ASK(r, key_import, -1, key_made, slice_str(a->key_pem), slice_str(""),
				   slice_str(a->key.use));
	return REQUEST_ASK(r, key_new, -1, key_made, slice_str(a->key_type), slice_str(a->key.use));
}

static int secret_sealed(struct request *r, const struct slice *field, struct err *e)
{
	struct adding *a = r->state;

	record_set_blob(&a->account.eab_key, field[0]);
	return make_key(r);
}

int page_account_add(struct request *r, struct err *e)
{
	struct adding *a = request_state(r, sizeof(*a), adding_release);

	if (read_all(r, a, e) < 0 || check_free(r, a, e) < 0)
		return -1;
	if (!a->eab_secret.len)
		return make_key(r);
	return REQUEST_ASK(r, seal, -1, secret_sealed, slice_str("hmac"), slice_str(a->account.id),
			   slice_buf(&a->eab_secret));
}
