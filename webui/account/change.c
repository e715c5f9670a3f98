/*
 * POST /api/v1/accounts/NAME/...: what is wished for an account.  The wish is written down, and the engine asks the CA;
 * it is granted when the record has it no more and no error.
 */
#include "base/clock.h"
#include "pki/key.h"
#include "store/agenda.h"
#include "webui/http/handler.h"

static int check_wishable(const struct rec_account *account, struct err *e)
{
	if (account->wish && *account->wish) {
		err_set(e, ERR_CONFLICT, "a different change of the account %s is in progress: %s",
			account->name, account->wish);
		return err_hint(e, "Wait until the change is done.");
	}
	if (str_eq(account->state, "deactivated"))
		return err_set(e, ERR_CONFLICT, "the account %s is permanently deactivated", account->name);
	if (!account->kid || !*account->kid) {
		err_set(e, ERR_CONFLICT, "the account %s is not registered at its CA", account->name);
		return err_hint(e, "Correct the account; Certera then asks the CA at once.");
	}
	return 0;
}

/* Fills in what the wish needs.  It may be NULL. */
typedef int prepare_fn(struct request *, struct txn *, struct rec_account *, struct err *);

static int wish(struct request *r, const char *word, prepare_fn *prepare, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (admin_write(r, &t, e) < 0 || admin_find_account(r, t, &account, e) < 0 ||
	    check_wishable(&account, e) < 0 || (prepare && prepare(r, t, &account, e) < 0))
		return -1;
	record_set(&account.wish, word);
	record_set(&account.error, NULL);
	account.failures = 0;
	if (rec_account_put(t, &account, e) < 0 || agenda_set(t, AGENDA_account, account.id, clock_now(), e) < 0 ||
	    admin_event(r, t, "account.wish", account.id, account.name, e, "the CA is asked: %s", word) < 0)
		return -1;
	answer = admin_show_account_to(&r->visitor.scope, t, &account);
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}

static int no_members(struct request *r, struct txn *t, struct rec_account *account, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);

	return body ? 0 : -1;
}

int page_account_check(struct request *r, struct err *e)
{
	return wish(r, "check", no_members, e);
}

static int read_contact(struct request *r, struct txn *t, struct rec_account *account, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);

	strv_free(TAKE(account->new_contact));
	return body ? admin_read_contact(&account->new_contact, body, e) : -1;
}

int page_account_contact(struct request *r, struct err *e)
{
	return wish(r, "contact", read_contact, e);
}

int page_account_agree(struct request *r, struct err *e)
{
	return wish(r, "agree", no_members, e);
}

static int read_key_type(struct request *r, struct txn *t, struct rec_account *account, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	enum key_type type;
	const char *word;

	if (!body || rec_key_get(t, &key, account->key_id, e) < 0)
		return -1;
	word = json_str(body, "key_type") ? json_str(body, "key_type") : key.type;
	if (key_type_by_word(word, &type, e) < 0)
		return err_field(e, "key_type");
	if (!key_type_makeable(type)) {
		err_set(e, ERR_INVALID, "keys of type %s can be imported, but not made", word);
		err_hint(e, "Say with \"key_type\" which type the new key is to have.");
		return err_field(e, "key_type");
	}
	record_set(&account->new_key_type, word);
	return 0;
}

int page_account_rollover(struct request *r, struct err *e)
{
	return wish(r, "rollover", read_key_type, e);
}

int page_account_deactivate(struct request *r, struct err *e)
{
	return wish(r, "deactivate", no_members, e);
}
