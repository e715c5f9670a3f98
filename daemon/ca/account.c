/*
 * Changing an account that is registered: from the due row of the agenda to the CA's word for it.
 *
 * store/wish.def lists what can be wished.  Each wish is a pair: begin_x() asks the CA, done_x() writes what follows
 * from its answer, in one transaction with the end of the row.
 */
#include "daemon/ca/account.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/words.h"
#include "pki/key.h"
#include "store/event/history.h"
#include "store/key/version.h"
#include "store/notify/alert.h"

#include "daemon/ca/ca.h"
#include "daemon/ca/offers.h"
#include "daemon/engine/retry.h"

#define ORDERS_KEPT 200
#define CONTACTS_KEPT 20
#define BUSY_SECONDS 10		/* until a key is changed, while orders need the old one */

struct account_change {
	struct job job;
	const struct wish *wish;
	struct rec_account account;		/* as of the begin; reread before it is changed */
	struct rec_key_version fresh;		/* of a rollover */
	struct acme_account signer, fresh_signer;	/* borrowed from the above and from the engine */
	struct acme_request *request;		/* at most one of these is under way */
	struct acme_register *lookup;
	struct keeper_question *question;
	json_t *found;				/* by a check: the account as the CA has it */
	struct err refusal;			/* of a rollover, while we look whether it had happened nevertheless */
};

/* begin: 1 it is under way, 0 it cannot begin now and the row is dealt with, -1. */
#define WISH(word, doing, did) \
	static int begin_##word(struct account_change *, struct txn *, struct err *); \
	static int done_##word(struct account_change *, struct txn *, struct rec_account *, const json_t *answer, \
			       struct err *);
#include "store/wish.def"
#undef WISH

static const struct wish {
	const char *word, *doing, *did;
	int (*begin)(struct account_change *, struct txn *, struct err *);
	int (*done)(struct account_change *, struct txn *, struct rec_account *, const json_t *answer, struct err *);
} wishes[] = {
#define WISH(word, doing, did) { #word, doing, did, begin_##word, done_##word },
#include "store/wish.def"
#undef WISH
};

static const struct wish *wish_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++)
		if (str_eq(wishes[i].word, word))
			return &wishes[i];
	return NULL;
}

static void change_free(struct account_change *c)
{
	if (c->question)
		keeper_cancel(c->question);
	acme_request_cancel(c->request);
	acme_register_cancel(c->lookup);
	json_decref(c->found);
	rec_account_release(&c->account);
	rec_key_version_release(&c->fresh);
	free(c);
}

static void change_cancel(struct job *job)
{
	change_free((struct account_change *)job);
}

/*
 * The end: done or not, in one transaction.
 */

/* Would asking again, without a person doing something, get the same answer? */
static bool is_final(const struct err *why)
{
	enum problem_policy policy = problem_policy(why->code);

	if (why->kind == ERR_CA)
		return policy == PROBLEM_PERSON || policy == PROBLEM_FRESH;
	return why->kind == ERR_MISSING || why->kind == ERR_INVALID || why->kind == ERR_CONFLICT;
}

static int note_event(struct txn *t, const struct rec_account *account, const char *action, const char *message,
		      struct err *e)
{
	return history_add(t, &(struct event_of){ .actor = "engine", .action = action, .object = account->id,
						  .name = account->name },
			   e, "%s", message);
}

/* The wish is over, granted or not. */
static int end_wish(struct txn *t, struct rec_account *account, struct err *e)
{
	record_set(&account->wish, NULL);
	record_set(&account->new_key_type, NULL);
	strv_free(TAKE(account->new_contact));
	account->key_sent = false;
	account->failures = 0;
	return rec_account_put(t, account, e) < 0 ? -1 : agenda_delete(t, AGENDA_account, account->id, e);
}

static int not_done(struct account_change *c, struct txn *t, struct rec_account *account, const struct err *why,
		    struct err *e)
{
	_cleanup_free_ char *problem = error_text(why);
	int64_t again = retry_at(++account->failures, why, clock_now());
	char when[CLOCK_RFC3339_SIZE];

	record_set(&account->error, problem);
	if (is_final(why)) {
		log_warn("account %s: %s", account->name, why->message);
		return end_wish(t, account, e) < 0 ? -1 : note_event(t, account, "account.failed", why->message, e);
	}
	log_warn("account %s: %s (tried again at %s)", account->name, why->message, clock_rfc3339(when, again));
	return rec_account_put(t, account, e) < 0 ? -1 : agenda_set(t, AGENDA_account, account->id, again, e);
}

static int done(struct account_change *c, struct txn *t, struct rec_account *account, const json_t *answer,
		struct err *e)
{
	record_set(&account->error, NULL);
	if (c->wish->done(c, t, account, answer, e) < 0 || end_wish(t, account, e) < 0)
		return -1;
	log_info("account %s: %s", account->name, c->wish->did);
	return note_event(t, account, "account.changed", c->wish->did, e);
}

static int account_finish(struct account_change *c, const json_t *answer, const struct err *why, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(c->job.engine->store, &t, e) < 0)
		return -1;
	if (rec_account_get(t, &account, c->account.id, e) < 0)
		return e->kind == ERR_MISSING ? agenda_delete(t, AGENDA_account, c->account.id,
							      e) < 0 ? -1 : txn_commit(TAKE(t), e) : -1;
	if ((why ? not_done(c, t, &account, why, e) : done(c, t, &account, answer, e)) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void change_end(struct account_change *c, const json_t *answer, const struct err *why)
{
	struct engine *g = c->job.engine;
	struct err e = { 0 };

	if (account_finish(c, answer, why, &e) < 0)
		engine_hold(g, &e);
	else if (!why && c->fresh.id)	/* orders under way go on signing with a key that stays */
		ca_forget_account(g, c->account.id);
	engine_end(&c->job);
	change_free(c);
}

static void change_answered(void *arg, const json_t *answer, const struct err *why)
{
	struct account_change *c = arg;

	c->request = NULL;
	change_end(c, answer, why);
}

static struct acme *client(struct account_change *c)
{
	return ca_client(c->job.engine, &c->account);
}

/*
 * check: is it still there, what does the CA know of it, which orders does it list?
 */

static void orders_listed(void *arg, const json_t *answer, const struct err *why)
{
	struct account_change *c = arg;

	c->request = NULL;
	/* Many CAs have no such list, and some only a broken one. */
	change_end(c, answer, NULL);
}

static void checked(void *arg, const struct acme_registered *got, const struct err *why)
{
	struct account_change *c = arg;

	c->lookup = NULL;
	if (!got) {
		change_end(c, NULL, why);
		return;
	}
	c->found = json_deep_copy(got->account);
	c->request = acme_orders_start(client(c), &c->signer, orders_listed, c);
}

static int begin_check(struct account_change *c, struct txn *t, struct err *e)
{
	struct acme_registration q = { .account = c->signer, .only_existing = true };

	c->lookup = acme_register_start(client(c), &q, checked, c);
	return 1;
}

static int done_check(struct account_change *c, struct txn *t, struct rec_account *account, const json_t *answer,
		      struct err *e)
{
	_cleanup_strv_ char **contact = json_strv(c->found, "contact");
	const json_t *url;
	size_t i;

	strv_free(TAKE(account->contact));
	for (i = 0; i < MIN(strv_len(contact), CONTACTS_KEPT); i++) {
		_cleanup_free_ char *one = words_line(contact[i], WORDS_SOME);

		strv_add(&account->contact, one);
	}
	strv_free(TAKE(account->orders));
	json_array_foreach (json_object_get(answer, "orders"), i, url)
		if (i < ORDERS_KEPT)
			strv_add(&account->orders, json_string_value(url));
	account->checked = clock_now();
	offers_read(account, client(c));
	return 0;
}

/*
 * contact.
 */

static int begin_contact(struct account_change *c, struct txn *t, struct err *e)
{
	c->request = acme_contact_start(client(c), &c->signer, c->account.new_contact, change_answered, c);
	return 1;
}

static int done_contact(struct account_change *c, struct txn *t, struct rec_account *account, const json_t *answer,
			struct err *e)
{
	strv_free(account->contact);
	account->contact = strv_dup(c->account.new_contact);
	return 0;
}

/*
 * agree.
 */

/*
 * RFC 8555 section 7.3.3 has a person agree on the CA's own page, so many CAs have no use for being told, and call it
 * malformed.  Whether they are content, the next order tells.
 */
static void agree_answered(void *arg, const json_t *answer, const struct err *why)
{
	change_answered(arg, answer, why && str_eq(why->code, "malformed") ? NULL : why);
}

static int begin_agree(struct account_change *c, struct txn *t, struct err *e)
{
	c->request = acme_agree_start(client(c), &c->signer, agree_answered, c);
	return 1;
}

static int done_agree(struct account_change *c, struct txn *t, struct rec_account *account, const json_t *answer,
		      struct err *e)
{
	account->terms_agreed = true;
	record_set(&account->terms, acme_terms(client(c)));
	record_set(&account->state, "valid");
	account->held_until = account->troubles = 0;	/* the trouble that its orders met is over */
	record_set(&account->trouble, NULL);
	return account_release_certs(t, account->id, ACCOUNT_FAILED, e);
}

/*
 * rollover: the new key is saved before the CA hears of it, and that it was sent is, too.  A failure says nothing: the
 * reply may have got lost, and what refused us may only be that the old key has no rights any more.  So then, and after
 * a crash, the new key is tried: if the CA knows it, all is done.
 */

static void rollover_answered(void *, const json_t *, const struct err *);

static void rollover_looked_up(void *arg, const struct acme_registered *got, const struct err *why)
{
	struct account_change *c = arg;
	struct err other = { 0 };

	c->lookup = NULL;
	if (got && str_eq(got->kid, c->account.kid)) {
		change_end(c, NULL, NULL);
	} else if (got) {
		err_set(&other, ERR_CONFLICT, "the new key belongs to a different account of this CA, %s", got->kid);
		change_end(c, NULL, &other);
	} else if (!str_eq(why->code, "accountDoesNotExist")) {
		other = *why;
		other.kind = ERR_NETWORK;	/* whatever it is, only another look can tell */
		err_prefix(&other, "looking which key the account has");
		change_end(c, NULL, &other);
	} else if (err_is_set(&c->refusal)) {
		change_end(c, NULL, &c->refusal);
	} else {
		c->request = acme_rollover_start(client(c), &c->signer, &c->fresh_signer, rollover_answered, c);
	}
}

static void try_fresh(struct account_change *c)
{
	struct acme_registration q = { .account = c->fresh_signer, .only_existing = true };

	c->lookup = acme_register_start(client(c), &q, rollover_looked_up, c);
}

static void rollover_answered(void *arg, const json_t *answer, const struct err *why)
{
	struct account_change *c = arg;

	c->request = NULL;
	if (!why) {
		change_end(c, answer, NULL);
		return;
	}
	c->refusal = *why;
	try_fresh(c);
}

static int send_rollover(struct account_change *c, struct txn *t, struct err *e)
{
	if (ca_key(c->job.engine, t, c->fresh.id, &c->fresh_signer, e) < 0)
		return err_prefix(e, "the new key");
	if (c->account.key_sent) {
		try_fresh(c);
		return 1;
	}
	c->account.key_sent = true;
	if (rec_account_put(t, &c->account, e) < 0)
		return -1;
	c->request = acme_rollover_start(client(c), &c->signer, &c->fresh_signer, rollover_answered, c);
	return 1;
}

/* The keeper has made the next version of the key: save it, then tell the CA. */
static int save_fresh(struct account_change *c, const struct keeper_answer *a, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	enum key_type type;

	if (spki_type(a->field[1], &type, e) < 0 || store_write(c->job.engine->store, &t, e) < 0 ||
	    rec_key_get(t, &key, c->account.key_id, e) < 0)
		return -1;
	if (!key.current)
		key.current = key.newest;
	if (key_version_add(t, &key, key_type_word(type), a->field[0], a->field[1], &c->fresh, e) < 0 ||
	    send_rollover(c, t, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void fresh_made(void *arg, const struct keeper_answer *a)
{
	struct account_change *c = arg;
	struct err why = { 0 };

	c->question = NULL;
	if (!a->err && save_fresh(c, a, &why) == 0)
		return;
	if (a->err)
		why = *a->err;
	err_prefix(&why, "making a new key");
	change_end(c, NULL, &why);
}

struct open_orders {
	struct txn *txn;
	const char *account_id;
	int count;
};

static int count_open(void *arg, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct open_orders *orders = arg;
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = cert->open_order ? record_child_id(cert->id, cert->open_order) : NULL;

	/* by the account that ordered, which may be the fallback */
	orders->count += id && rec_order_get(orders->txn, &order, id, NULL) == 0 && str_eq(order.account_id,
											   orders->account_id);
	return 0;
}

/* Answers to challenges hold the thumbprint of the key, so orders under way need it to stay. */
static int begin_rollover(struct account_change *c, struct txn *t, struct err *e)
{
	struct open_orders orders = { .txn = t, .account_id = c->account.id };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_free_ char *fresh = NULL;
	const char *type = c->account.new_key_type;

	if (record_each(t, &rec_cert_type, "", false, count_open, &orders, e) < 0)
		return -1;
	if (orders.count)
		return agenda_set(t, AGENDA_account, c->account.id, clock_now() + BUSY_SECONDS, e);
	if (rec_key_get(t, &key, c->account.key_id, e) < 0)
		return -1;
	/* One that was made, but never became the account's. */
	fresh = record_child_id(key.id, key.newest);
	if (key.current && key.newest > key.current) {
		if (rec_key_version_get(t, &c->fresh, fresh, e) < 0)
			return -1;
		if (c->account.key_sent || !type || str_eq(type, c->fresh.type))
			return send_rollover(c, t, e);
		rec_key_version_release(&c->fresh);
	}
	c->question = KEEPER_ASK(c->job.engine->keeper, key_next, -1, fresh_made, c, slice_str(key.id),
				 slice_buf(&key.access), slice_str(type ? type : key.type));
	return 1;
}

static int done_rollover(struct account_change *c, struct txn *t, struct rec_account *account, const json_t *answer,
			 struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_free_ char *jwk = spki_jwk(slice_buf(&c->fresh.spki), e);

	if (!jwk || rec_key_get(t, &key, account->key_id, e) < 0)
		return -1;
	record_set(&account->jwk, jwk);
	account->key_changed = clock_now();
	record_set(&key.type, c->fresh.type);
	key.current = key.newest;
	return rec_key_put(t, &key, e);
}

/*
 * deactivate.
 */

/* Whoever is told that the account has no rights (any more) need not ask again. */
static void deactivate_answered(void *arg, const json_t *answer, const struct err *why)
{
	bool gone = why && (str_eq(why->code, "accountDoesNotExist") || str_eq(why->code, "unauthorized"));

	change_answered(arg, answer, gone ? NULL : why);
}

static int begin_deactivate(struct account_change *c, struct txn *t, struct err *e)
{
	c->request = acme_deactivate_start(client(c), &c->signer, deactivate_answered, c);
	return 1;
}

static int done_deactivate(struct account_change *c, struct txn *t, struct rec_account *account, const json_t *answer,
			   struct err *e)
{
	record_set(&account->state, "deactivated");
	return 0;
}

/*
 * The begin: the due row.
 */

static int account_begin(struct account_change *c, struct txn *t, const char *id, struct err *e)
{
	if (rec_account_get(t, &c->account, id, e) < 0)
		return e->kind == ERR_MISSING ? agenda_delete(t, AGENDA_account, id, e) : -1;
	c->wish = wish_find(c->account.wish);
	if (!c->wish)
		return agenda_delete(t, AGENDA_account, id, e);
	if (!c->account.kid || !*c->account.kid)
		return err_set(e, ERR_CONFLICT, "the account %s is not registered at the CA", c->account.name);
	if (ca_account(c->job.engine, t, &c->account, &c->signer, e) < 0)
		return -1;
	return c->wish->begin(c, t, e);
}

int account_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct account_change *c = xcalloc(1, sizeof(*c));
	_cleanup_txn_ struct txn *t = NULL;
	struct err why = { 0 };
	int go;

	if (store_write(g->store, &t, e) < 0)
		return change_free(c), -1;
	engine_begin(g, &c->job, row, change_cancel);
	go = account_begin(c, t, row->id, &why);
	if (go >= 0 && txn_commit(TAKE(t), &why) < 0)
		go = -1;
	if (go > 0)
		return 0;

	txn_abort(TAKE(t));
	if (go < 0 && why.kind == ERR_STORAGE)
		*e = why;
	else if (go < 0)
		go = account_finish(c, NULL, &why, e);
	engine_end(&c->job);
	change_free(c);
	return go;
}

/*
 * What others do with account records.
 */

int account_note_failure(struct txn *t, const char *account_id, const struct err *why, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_free_ char *problem = NULL;

	if (!str_eq(why->code, "userActionRequired"))
		return 0;
	if (rec_account_get(t, &account, account_id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (str_eq(account.state, "terms"))
		return 0;
	problem = error_text(why);
	record_set(&account.state, "terms");
	record_set(&account.error, problem);
	if (rec_account_put(t, &account, e) < 0 ||
	    alert_raise_account(t, ALERT_account, &account, e,
				"The CA has new terms of service: read them, then agree to them for the account %s.",
				account.name) < 0)
		return -1;
	return note_event(t, &account, "account.terms", "the CA wants its new terms agreed to", e);
}
