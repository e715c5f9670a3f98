/*
 * POST /api/v1/accounts, and /api/v1/accounts/NAME of one that is not registered: read what is asked for, let the
 * keeper make or import its key and seal the MAC key, put it all, and have the CA asked at once.
 *
 * While an account is not registered, adding it again is correcting it.
 */
#include "base/clock.h"
#include "base/digest.h"
#include "pki/key.h"
#include "store/agenda.h"
#include "store/leftover.h"
#include "webui/account/read.h"
#include "webui/http/name.h"
#include "webui/http/same.h"
#include "webui/http/upload.h"

#define DEFAULT_KEY_TYPE "p256"	/* every CA takes it */

struct adding {
	json_t *body;
	struct rec_account account, there;	/* the one that there is already; no id: there is none */
	struct rec_key key;
	struct buf eab_secret;
	const char *key_type;			/* of a new key; NULL: the key stays, or is in key_pem */
	struct buf key_pem;
};

static void adding_release(void *state)
{
	struct adding *a = state;

	cleanup_body(&a->body);
	rec_account_release(&a->account);
	rec_account_release(&a->there);
	rec_key_release(&a->key);
	buf_wipe(&a->eab_secret);
	buf_wipe(&a->key_pem);
}

static bool corrects(const struct adding *a)
{
	return a->there.id && !account_is_registered(&a->there);
}

static int read_key(struct adding *a, struct err *e)
{
	const char *pem = json_str(a->body, "key_pem");
	enum key_type type;

	a->key_type = json_str(a->body, "key_type");
	if (pem && a->key_type)
		return body_at("key_type", err_set(e, ERR_INVALID,
						   "\"key_type\" is for new keys, and \"key_pem\" is one already"), e);
	if (a->key_type && key_type_by_word(a->key_type, &type, e) < 0)
		return err_field(e, "key_type");
	if (body_at("key_pem", upload_read(&a->key_pem, "key_pem", pem, e), e) < 0)
		return -1;
	a->key.name = xasprintf("account-%s", a->account.name);
	record_set(&a->key.use, KEEPER_USE_ACCOUNT);
	return 0;
}

static int read_rest(struct adding *a, struct err *e)
{
	return account_read(&a->account, a->body, e) < 0 ||
	       account_read_binding(&a->account, a->body, &a->eab_secret, e) < 0 ? -1 : read_key(a, e);
}

/* Without one: the CA's.  NULL: neither is there. */
static const char *read_name(const json_t *body)
{
	const char *name = json_str(body, "name");

	return name ? name : json_str(body, "ca");
}

static int read_all(struct request *r, struct adding *a, struct err *e)
{
	struct rec_account *account = &a->account;

	a->body = body_read(r, e);
	if (!a->body)
		return -1;
	record_set(&account->name, read_name(a->body));
	if (!account->name)
		return body_at("name", err_set(e, ERR_INVALID, "the member \"name\" is missing"), e);
	if (body_at("name", name_check(account->name, e), e) < 0)
		return -1;
	account->id = random_hex(16);
	record_set(&account->state, "new");
	account->created = clock_now();
	if (json_bool(a->body, "only_existing", false) && !json_str(a->body, "key_pem"))
		return body_at("key_pem",
			       err_set(e, ERR_INVALID, "\"only_existing\" finds the account of a key: give it as "
						       "\"key_pem\""), e);
	return read_rest(a, e);
}

/* Is the one that is registered what the body asks for?  Terms may be new ones since: they are not compared. */
static int fit_there(const struct adding *a, struct txn *t, struct err *e)
{
	static const char *const apart[] = { "name", "key_type", "key_pem", "eab_key", "ca", "terms_agreed", NULL };
	_cleanup_json_ json_t *there = rec_account_json(&a->there), *wanted = rec_account_json(&a->account);
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (!str_eq(a->there.directory, a->account.directory))
		return same_not("an account", there, json_str(a->body, "ca") ? "ca" : "directory", e);
	if (a->key_type && rec_key_get(t, &key, a->there.key_id, e) < 0)
		return -1;
	if (a->key_type && !str_eq(a->key_type, key.type))
		return same_not("an account", there, "key_type", e);
	return same_check(a->body, there, wanted, apart, "an account", e);
}

/*
 * Which key it has from now on: its own, unless the body wants another type; of a pasted one, there_imported() tells.
 */
static int choose_key(struct adding *a, struct txn *t, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (rec_key_get(t, &key, a->there.key_id, e) < 0)
		return -1;
	if (str_eq(a->key_type, key.type))
		a->key_type = NULL;
	record_set(&a->account.key_id, a->there.key_id);
	record_set(&a->account.jwk, a->there.jwk);
	return 0;
}

/* Before work is done for it; putting the records checks again. */
static int find_there(struct request *r, struct adding *a, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_account_by_name(t, &a->there, a->account.name, e) == 0) {
		if (!corrects(a))
			return fit_there(a, t, e);
		if (a->there.only_existing && !a->account.only_existing && !a->key_pem.len && !a->key_type)
			a->key_type = DEFAULT_KEY_TYPE;	/* what it had was the key of an account that there is not */
		record_set(&a->account.id, a->there.id);
		a->account.created = a->there.created;
		return choose_key(a, t, e);
	}
	if (e->kind == ERR_MISSING && rec_key_by_name(t, &key, a->key.name, e) == 0)
		return body_at("name", err_set(e, ERR_CONFLICT, "there is a key %s already", key.name), e);
	if (!a->key_type)
		a->key_type = DEFAULT_KEY_TYPE;
	return e->kind == ERR_MISSING ? 0 : -1;
}

/*
 * Putting it.  The keeper's answer is NULL where the key stays.
 */

/* Without another key and another MAC key: does it say what is there? */
static bool says_the_same(const struct adding *a)
{
	static const char *const members[] = {
		"directory", "staging", "contact", "terms_agreed", "ca_file", "eab_kid", "eab_alg", "only_existing"
	};
	_cleanup_json_ json_t *there = rec_account_json(&a->there), *wanted = rec_account_json(&a->account);

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (!json_equal(json_object_get(there, members[i]), json_object_get(wanted, members[i])))
			return false;
	return !a->eab_secret.len;
}

static int already_registered(const struct rec_account *account, struct err *e)
{
	err_set(e, ERR_CONFLICT, "the account %s is registered: the CA has what was given", account->name);
	return err_hint(e, "You can still change its contacts and its key, and agree to new terms.");
}

/* Nobody has registered it meanwhile, and no certificate is taken from staging to production or back. */
static int check_correction(struct txn *t, const struct adding *a, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account now = { 0 };
	_cleanup_free_ char *user = NULL;

	if (rec_account_get(t, &now, a->there.id, e) < 0)
		return -1;
	if (account_is_registered(&now))
		return already_registered(&now, e);
	if (now.staging == a->account.staging || account_used_by(t, now.id, &user, e) < 0 || !user)
		return err_is_set(e) ? -1 : 0;
	err_set(e, ERR_CONFLICT, "the certificate %s is ordered from this account, which %s for testing", user,
		now.staging ? "issues" : "does not issue");
	return err_hint(e, "Add a second account, and choose it for the certificate.");
}

static int put_key(struct txn *t, struct adding *a, const struct slice *field, struct err *e)
{
	_cleanup_free_ char *jwk = spki_jwk(field[3], e);
	const char *before = a->there.id ? a->there.key_id : NULL;

	if (!jwk || body_at("key_pem", admin_check_key(t, field[3], e), e) < 0)
		return -1;
	if (before && (leftover_remove_children(t, &rec_key_version_type, before, e) < 0 ||
		       rec_key_delete(t, before, e) < 0))
		return -1;
	if (admin_put_key(t, &a->key, field, e) < 0)
		return -1;
	record_set(&a->account.key_id, a->key.id);
	record_set(&a->account.jwk, jwk);
	return 0;
}

static int put_account(struct request *r, struct adding *a, const struct slice *field, struct err *e)
{
	struct rec_account *account = &a->account;
	_cleanup_txn_ struct txn *t = NULL;

	if (admin_write(r, &t, e) < 0 || (a->there.id && check_correction(t, a, e) < 0) ||
	    (field && put_key(t, a, field, e) < 0) || rec_account_put(t, account, e) < 0 ||
	    agenda_set(t, AGENDA_register, account->id, clock_now(), e) < 0 ||
	    admin_event(r, t, a->there.id ? "account.corrected" : "account.added", account->id, account->name, e,
			"at %s", account->directory) < 0)
		return -1;
	return admin_commit(r, TAKE(t), true, e);
}

static int finish(struct request *r, const struct slice *field, struct err *e)
{
	struct adding *a = r->state;
	bool same = corrects(a) && !field && says_the_same(a);
	json_t *answer;

	/* The same again of one that is just being tried changes nothing. */
	if ((!same || str_eq(a->there.state, "failed")) && put_account(r, a, field, e) < 0)
		return -1;
	answer = rec_account_json(&a->account);
	json_put_str(answer, "key", a->key.name);
	return same ? same_reply(r, NULL, answer) : reply_json(r, 202, answer);
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
	struct adding *a = r->state;
	_cleanup_json_ json_t *there = rec_account_json(&a->there);
	_cleanup_free_ char *jwk = spki_jwk(field[3], e);

	if (!jwk)
		return -1;
	if (corrects(a))
		return finish(r, str_eq(jwk, a->there.jwk) ? NULL : field, e);
	return str_eq(jwk, a->there.jwk) ? reply_there(r) : same_not("an account", there, "key_pem", e);
}

static int make_key(struct request *r, struct err *e)
{
	struct adding *a = r->state;

	if (a->key_pem.len)
		return REQUEST_ASK(r, key_import, -1, a->there.id ? there_imported : finish, slice_buf(&a->key_pem),
				   slice_str(""), slice_str(a->key.use), slice_str(visitor_id(&r->visitor)));
	if (a->key_type)
		return REQUEST_ASK(r, key_new, -1, finish, slice_str(a->key_type), slice_str(a->key.use));
	return finish(r, NULL, e);
}

static int secret_sealed(struct request *r, const struct slice *field, struct err *e)
{
	struct adding *a = r->state;

	record_set_blob(&a->account.eab_key, field[0]);
	return make_key(r, e);
}

static int seal_secret(struct request *r, struct err *e)
{
	struct adding *a = r->state;

	if (!a->eab_secret.len)
		return make_key(r, e);
	return REQUEST_ASK(r, seal, -1, secret_sealed, slice_str("hmac"), slice_str(a->account.id),
			   slice_buf(&a->eab_secret));
}

int page_account_add(struct request *r, struct err *e)
{
	struct adding *a = request_state(r, sizeof(*a), adding_release);

	if (read_all(r, a, e) < 0 || find_there(r, a, e) < 0)
		return -1;
	err_clear(e);
	if (!a->there.id || corrects(a))
		return seal_secret(r, e);
	return a->key_pem.len ? make_key(r, e) : reply_there(r);
}

int page_account_set(struct request *r, struct err *e)
{
	struct adding *a = request_state(r, sizeof(*a), adding_release);
	_cleanup_txn_ struct txn *t = NULL;

	a->body = body_read(r, e);
	if (!a->body || store_read(r->webui->env->store, &t, e) < 0 || admin_find_account(r, t, &a->there, e) < 0 ||
	    admin_find_account(r, t, &a->account, e) < 0)
		return -1;
	if (account_is_registered(&a->there))
		return already_registered(&a->there, e);
	record_set(&a->account.state, "new");
	record_set(&a->account.error, NULL);
	a->account.failures = 0;
	if (read_rest(a, e) < 0 || choose_key(a, t, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	return seal_secret(r, e);
}
