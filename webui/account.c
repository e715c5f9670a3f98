/* /api/v1/accounts: accounts at CAs. */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "pki/key.h"
#include "store/agenda.h"
#include "store/ledger.h"
#include "webui/list.h"
#include "webui/name.h"
#include "webui/same.h"

#define DEFAULT_KEY_TYPE "p256"	/* every CA takes it */

struct adding {
	json_t *body;
	struct rec_account account, there;	/* the same that was added before; no id: there is none */
	struct rec_key key;
	struct buf eab_secret;
	char *key_type, *key_pem;
};

static const struct ca {
	const char *name, *directory;
	bool staging;
} cas[] = {
#define CA(name, text, directory, staging) { name, directory, staging },
#include "webui/ca.def"
#undef CA
};

json_t *admin_show_account(struct txn *t, const void *rec)
{
	const struct rec_account *account = rec;
	json_t *o = rec_account_json(account);

	admin_put_key_name(o, t, account->key_id);
	return o;
}

/* For who has limits: what to order from and whether it works, not how it is registered. */
static json_t *show_in_brief(struct txn *t, const void *rec)
{
	static const char *const hidden[] = { "contact", "new_contact", "kid", "key_id", "eab_kid", "ca_file",
					      "orders" };
	json_t *o = rec_account_json(rec);

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		json_object_del(o, hidden[i]);
	return o;
}

json_t *admin_show_account_to(const struct scope *scope, struct txn *t, const struct rec_account *account)
{
	return scope_limited(scope) ? show_in_brief(t, account) : admin_show_account(t, account);
}

/* Who has limits does not see for which names others order. */
json_t *admin_show_limits(const struct scope *scope, struct txn *t, const struct rec_account *account)
{
	json_t *all = ledger_json(t, account->id, account->directory, clock_now());

	for (size_t i = json_array_size(all); scope_limited(scope) && i-- > 0;)
		if (*json_str(json_array_get(all, i), "of"))
			json_array_remove(all, i);
	return all;
}

static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	return list_is(value[REC_account_state], list_filter(l, "state")) &&
	       list_is(value[REC_account_ca], list_filter(l, "ca")) &&
	       (list_contains(value[REC_account_name], l->search) ||
		list_contains(value[REC_account_directory], l->search));
}

static int64_t by_creation(const struct list *l, const void *rec)
{
	const struct rec_account *account = rec;

	return account->created;
}

int page_accounts(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = { { "name", NULL }, { "created", by_creation }, { NULL, NULL } };
	static const struct list_type type = {
		"accounts", &rec_account_type, REC_account_name, NULL, wanted, sorts, admin_show_account
	};
	static const struct list_type brief = {
		"accounts", &rec_account_type, REC_account_name, NULL, wanted, sorts, show_in_brief
	};

	return list_reply(r, scope_limited(&r->visitor.scope) ? &brief : &type, 0, e);
}

int page_account(struct request *r, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_account(r, t, &account, e) < 0)
		return -1;
	answer = admin_show_account_to(&r->visitor.scope, t, &account);
	json_object_set_new(answer, "limits", admin_show_limits(&r->visitor.scope, t, &account));
	return reply_json(r, 200, answer);
}

/*
 * Adding one: read what is asked for, let the keeper make or import its key and seal the MAC key, put it all.
 */

static void adding_release(void *state)
{
	struct adding *a = state;

	cleanup_body(&a->body);
	rec_account_release(&a->account);
	rec_account_release(&a->there);
	rec_key_release(&a->key);
	buf_wipe(&a->eab_secret);
	free(a->key_type);
	wipe_free(a->key_pem);
}

static const struct ca *find_ca(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cas); i++)
		if (!strcmp(cas[i].name, name))
			return &cas[i];
	return NULL;
}

/* The CA of this name, or, where that is asked for, the one beside it that issues for testing. */
static const struct ca *read_ca_name(const char *name, bool staging, struct err *e)
{
	const struct ca *ca = find_ca(name);
	_cleanup_free_ char *twin = xasprintf("%s-staging", name);

	if (!ca) {
		err_set(e, ERR_INVALID, "the CA \"%.40s\" is not known by name: give the URL of its directory", name);
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

static int read_ca(struct rec_account *account, const json_t *body, struct err *e)
{
	const char *name = json_str(body, "ca"), *directory = json_str(body, "directory");
	const struct ca *ca = NULL;

	if (!name == !directory)
		return body_at(name ? "directory" : "ca",
			       err_set(e, ERR_INVALID, "give either \"ca\", the short name of a CA, or "
						       "\"directory\", its URL"), e);
	if (name) {
		ca = read_ca_name(name, json_bool(body, "staging", false), e);
		if (!ca)
			return -1;
		name = ca->name;
		directory = ca->directory;
	}
	if (!str_starts(directory, "https://") || strlen(directory) <= strlen("https://") ||
	    strpbrk(directory, " \t\r\n\"<>\\"))
		return body_at("directory",
			       err_set(e, ERR_INVALID, "the directory \"%.200s\" is not an https URL", directory), e);
	account->staging = json_bool(body, "staging", ca && ca->staging);
	record_set(&account->ca, name);
	record_set(&account->directory, directory);
	return 0;
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

	if (path && *path != '/')
		return err_set(e, ERR_INVALID, "\"ca_file\" must be a path from the root: the daemon reads it");
	if (path && access(path, R_OK) < 0)
		return err_errno(e, ERR_INVALID, "reading %s as the daemon's user", path);
	record_set(&account->ca_file, path);
	return 0;
}

static int read_binding(struct adding *a, const json_t *body, struct err *e)
{
	const char *kid = json_str(body, "eab_kid"), *secret = json_str(body, "eab_key"),
		   *alg = json_str(body, "eab_alg");

	if (alg && (!kid || (strcmp(alg, "HS256") && strcmp(alg, "HS384") && strcmp(alg, "HS512"))))
		return body_at("eab_alg", err_set(e, ERR_INVALID,
						  "\"eab_alg\" goes with a binding, and is HS256, HS384 or HS512"), e);
	record_set(&a->account.eab_alg, alg);
	if (!kid != !secret)
		return body_at(kid ? "eab_key" : "eab_kid",
			       err_set(e, ERR_INVALID, "an external account binding needs both \"eab_kid\" and "
						       "\"eab_key\""), e);
	if (!kid)
		return 0;
	record_set(&a->account.eab_kid, kid);
	if (!*kid || base64url_decode(&a->eab_secret, secret, strcspn(secret, "=")) < 0 || !a->eab_secret.len)
		return body_at(*kid ? "eab_key" : "eab_kid",
			       err_set(e, ERR_INVALID, "\"eab_key\" is not the base64url text the CA "
						       "gave, or \"eab_kid\" is empty"), e);
	return 0;
}

static int read_key(struct adding *a, const json_t *body, struct err *e)
{
	const char *pem = json_str(body, "key_pem"), *word = json_str(body, "key_type");
	enum key_type type;

	if (pem && word)
		return body_at("key_type", err_set(e, ERR_INVALID,
						   "\"key_type\" is for new keys, and \"key_pem\" is one already"), e);
	if (word && key_type_by_word(word, &type, e) < 0)
		return err_field(e, "key_type");
	a->key_pem = pem ? xstrdup(pem) : NULL;
	a->key_type = xstrdup(word ? word : DEFAULT_KEY_TYPE);
	a->key.name = xasprintf("account-%s", a->account.name);
	record_set(&a->key.use, KEEPER_USE_ACCOUNT);
	return 0;
}

static int read_all(struct request *r, struct adding *a, struct err *e)
{
	json_t *body = a->body = body_read(r, e);
	struct rec_account *account = &a->account;

	if (!body || body_at("name", name_check(json_str(body, "name"), e), e) < 0)
		return -1;
	account->id = random_hex(16);
	record_set(&account->name, json_str(body, "name"));
	record_set(&account->state, "new");
	account->terms_agreed = json_bool(body, "terms_agreed", false);
	account->only_existing = json_bool(body, "only_existing", false);
	account->created = clock_now();
	if (account->only_existing && !json_str(body, "key_pem"))
		return body_at("key_pem",
			       err_set(e, ERR_INVALID, "\"only_existing\" finds the account of a key: give it as "
						       "\"key_pem\""), e);
	if (read_ca(account, body, e) < 0 || admin_read_contact(&account->contact, body, e) < 0 ||
	    body_at("ca_file", read_ca_file(account, body, e), e) < 0 ||
	    read_binding(a, body, e) < 0)
		return -1;
	return read_key(a, body, e);
}

/* Is the one that is there what the body asks for?  Terms may be new ones since: they are not compared. */
static int fit_there(const struct adding *a, struct txn *t, struct err *e)
{
	static const char *const apart[] = { "name", "key_type", "key_pem", "eab_key", "ca", "terms_agreed", NULL };
	_cleanup_json_ json_t *there = rec_account_json(&a->there), *wanted = rec_account_json(&a->account);
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	const char *type = json_str(a->body, "key_type");

	if (!str_eq(a->there.directory, a->account.directory))
		return same_not("an account", there, json_str(a->body, "ca") ? "ca" : "directory", e);
	if (type && rec_key_get(t, &key, a->there.key_id, e) < 0)
		return -1;
	if (type && !str_eq(type, key.type))
		return same_not("an account", there, "key_type", e);
	return same_check(a->body, there, wanted, apart, "an account", e);
}

/* Before work is done for it; putting the records checks again. */
static int find_there(struct request *r, struct adding *a, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_account_by_name(t, &a->there, a->account.name, e) == 0)
		return fit_there(a, t, e);
	if (e->kind == ERR_MISSING && rec_key_by_name(t, &key, a->key.name, e) == 0)
		return body_at("name", err_set(e, ERR_CONFLICT, "there is a key %s already", key.name), e);
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
	    admin_event(r, t, "account.added", account->id, account->name, e, "at %s", account->directory) < 0)
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

static int reply_there(struct request *r)
{
	const struct adding *a = r->state;
	_cleanup_txn_ struct txn *t = NULL;
	struct err e = { 0 };

	if (store_read(r->webui->env->store, &t, &e) < 0)
		return reply_error(r, &e);
	return same_reply(r, NULL, admin_show_account(t, &a->there));
}

/* Is the private key that was sent that of the one that is there? */
static int there_imported(struct request *r, const struct slice *field, struct err *e)
{
	const struct adding *a = r->state;
	_cleanup_json_ json_t *there = rec_account_json(&a->there);
	_cleanup_free_ char *jwk = spki_jwk(field[3], e);

	if (!jwk)
		return -1;
	return str_eq(jwk, a->there.jwk) ? reply_there(r) : same_not("an account", there, "key_pem", e);
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

	if (read_all(r, a, e) < 0 || find_there(r, a, e) < 0)
		return -1;
	if (a->there.id && a->key_pem)
		return REQUEST_ASK(r, key_import, -1, there_imported, slice_str(a->key_pem), slice_str(""),
				   slice_str(a->key.use));
	if (a->there.id)
		return reply_there(r);
	if (!a->eab_secret.len)
		return make_key(r);
	return REQUEST_ASK(r, seal, -1, secret_sealed, slice_str("hmac"), slice_str(a->account.id),
			   slice_buf(&a->eab_secret));
}
