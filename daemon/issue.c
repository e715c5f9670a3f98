/*
 * Issuing a certificate: from the due row of the agenda to the end of its order.
 *
 *	check_before_order()	are its web servers ready? (check.c)
 *	issue_due()	what does the certificate need: its open order taken up, a new key, a new order?
 *	key_made()	the new key is sealed; it is saved before anything uses it
 *	begin_order()	the order is a record before the CA hears of it
 *	issue_save(), issue_publish(), issue_csr()	while acme/order.c runs it
 *	issue_done()	what it has come to is written (outcome.c)
 */
#include "daemon/issue.h"

#include "base/clock.h"
#include "base/log.h"
#include "pki/cert.h"
#include "pki/csr.h"
#include "pki/revocation.h"
#include "store/history.h"
#include "store/key_version.h"

#include "daemon/check.h"
#include "daemon/kept.h"
#include "daemon/outcome.h"
#include "daemon/owner.h"
#include "daemon/publish.h"
#include "daemon/queue.h"
#include "daemon/waiting.h"

struct issue {
	struct job job;
	struct rec_cert cert;		/* as of the begin; reread before it is changed */
	struct rec_account account;
	struct rec_order order;
	struct rec_key_version key;	/* of the certificate request; of a person's own request only its spki */
	struct order *acme;		/* NULL while a key is made */
	bool reopened;			/* the order was kept from an attempt that failed */
	struct keeper_question *question;
	struct publication *publication;
	acme_bytes_cb *published;	/* acme/ waits for it; NULL: it does not */
	void *published_arg;
	struct timer pause;
};

/* acme/ is promised an answer, also when its order is gone. */
static void drop_answer(struct issue *is)
{
	acme_bytes_cb *cb = TAKE(is->published);
	struct err e = { 0 };

	err_set(&e, ERR_INTERNAL, "the order is no longer worked at");
	if (cb)
		cb(is->published_arg, NULL, &e);
}

static void issue_free(struct issue *is)
{
	timer_stop(&is->pause);
	if (is->question)
		keeper_cancel(is->question);
	if (is->publication)
		publish_cancel(is->publication);
	order_free(is->acme);
	drop_answer(is);
	rec_cert_release(&is->cert);
	rec_account_release(&is->account);
	rec_order_release(&is->order);
	rec_key_version_release(&is->key);
	free(is);
}

/* The store failed, or we are going down with the keeper: nothing of that is the certificate's failure. */
static bool our_trouble(const struct err *e)
{
	return e->kind == ERR_STORAGE || str_eq(e->code, KEEPER_DIED);
}

static void issue_cancel(struct job *job)
{
	issue_free((struct issue *)job);
}

/* The job is over.  `stored` is the outcome of the transaction that should have replaced its row. */
static void issue_end(struct issue *is, int stored, const struct err *e)
{
	struct engine *g = is->job.engine;

	if (stored < 0)
		engine_hold(g, e);
	engine_end(&is->job);
	issue_free(is);
}

/* The certificate in force, as the CA names it (RFC 9773 section 5), if it told when to renew it.  Owned; NULL: it did not. */
static char *what_it_replaces(struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_chain_ struct chain chain = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);

	if (!cert->current || !cert->ari_start || rec_version_get(t, &version, id, NULL) < 0 ||
	    chain_parse(&chain, slice_str(version.chain), NULL) < 0)
		return NULL;
	return acme_cert_id(chain.cert[0].aki, chain.cert[0].serial);
}

static const char *text_or_null(const char *text)
{
	return text && *text ? text : NULL;
}

/* Hands the order, new or saved, to acme/. */
static int start_order(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_free_ char *replaces = NULL;
	struct engine *g = is->job.engine;
	_cleanup_strv_ char **challenges = waiting_challenges(&is->cert);
	struct order_params p = {
		.names = is->cert.names, .challenges = challenges, .spki = slice_buf(&is->key.spki),
		.profile = text_or_null(is->cert.profile), .preferred_chain = text_or_null(is->cert.preferred_chain),
	};
	struct acme *ca = ca_client(g, &is->account);

	if (ca_account(g, t, &is->account, &p.account, e) < 0)
		return -1;
	p.replaces = replaces = what_it_replaces(t, &is->cert);
	if (is->order.state && *is->order.state)
		is->acme = order_load(ca, &p, is, is->order.state, e);
	else
		is->acme = order_new(ca, &p, is);
	if (!is->acme) {	/* the store is well, what it holds of this order is not: the next attempt is a new one */
		e->kind = ERR_INTERNAL;
		return -1;
	}
	order_start(is->acme);
	return 0;
}

/* The public key of the request that a person sent. */
static int read_own_csr(struct issue *is, struct err *e)
{
	_cleanup_csr_ struct csr csr = { 0 };

	if (csr_parse(&csr, slice_buf(&is->cert.csr), e) < 0)
		return err_prefix(e, "the request that was sent for it");
	record_set_blob(&is->key.spki, slice_buf(&csr.spki));
	return 0;
}

static int read_key_version(struct issue *is, struct txn *t, const char *key_id, int64_t version, struct err *e)
{
	_cleanup_free_ char *id = record_child_id(key_id, version);

	return rec_key_version_get(t, &is->key, id, e);
}

/* Takes up the open order where it stood. */
static int resume_order(struct issue *is, struct txn *t, struct err *e)
{
	if ((is->cert.own_csr ? read_own_csr(is, e) : read_key_version(is, t, is->order.key_id, is->order.key_version, e)) < 0)
		return -1;
	log_info("certificate %s: taking up its order at: %s", is->cert.name,
		 is->order.step ? is->order.step : "the beginning");
	return start_order(is, t, e);
}

/* Makes the order a record of the certificate; is->key is what it will be for. */
static int begin_order(struct issue *is, struct txn *t, struct err *e)
{
	struct rec_cert *cert = &is->cert;
	_cleanup_free_ char *order_id = record_child_id(cert->id, ++cert->orders);
	const char *slash = is->key.id ? strrchr(is->key.id, '/') : NULL;
	struct ledger_order order = queue_order(t, cert, &is->account);

	cert->open_order = cert->orders;
	cert->wanted = false;
	cert->retry_at = 0;
	record_set(&cert->waits_for, NULL);
	record_set(&is->order.id, order_id);
	record_set(&is->order.account_id, is->account.id);
	record_set(&is->order.key_id, cert->key_id);
	is->order.key_version = slash ? strtoll(slash + 1, NULL, 10) : 0;
	is->order.purpose = kept_purpose(cert, &is->account);
	is->order.created = clock_now();
	is->order.positions = order_steps();
	record_set(&is->order.result, "open");
	if (rec_order_put(t, &is->order, e) < 0 || rec_cert_put(t, cert, e) < 0 ||
	    ledger_sent(t, &order, clock_now(), e) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "order.started", .object = cert->id,
						  .name = cert->name },
			   e, "order %lld started with account %s", (long long)cert->orders, is->account.name);
}

/* The keeper has made the next version of the key: save it, then order with it. */
static int save_key(struct issue *is, const struct keeper_answer *a, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(is->job.engine->store, &t, e) < 0 || rec_key_get(t, &key, is->cert.key_id, e) < 0)
		return -1;
	record_set(&key.type, is->cert.key_type);
	if (key_version_add(t, &key, key.type, a->field[0], a->field[1], &is->key, e) < 0 ||
	    begin_order(is, t, e) < 0 || start_order(is, t, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void key_made(void *arg, const struct keeper_answer *a)
{
	struct issue *is = arg;
	struct err why = { 0 }, e = { 0 };

	is->question = NULL;
	if (!a->err && save_key(is, a, &why) == 0)
		return;
	if (a->err)
		why = *a->err;
	err_prefix(&why, "making a new key");
	issue_end(is, our_trouble(&why) ? -1 : outcome_no_order(is->job.engine, is->cert.id, &why, &e), &why);
}

/* Does the order need a key that no issued certificate has? */
static int needs_new_key(struct txn *t, const struct rec_cert *cert, const struct rec_key *key, bool *needed,
			 struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->newest);	/* also after rolling back */

	*needed = cert->new_key && !str_eq(key->type, cert->key_type);
	if (*needed)
		return 0;
	if (!cert->newest || (cert->key_reuse && !cert->rekey && !cert->revoked))
		return 0;
	if (rec_version_get(t, &version, id, e) < 0)
		return -1;
	if (cert->key_reuse && !cert->rekey && !str_eq(version.reason, REVOCATION_KEY_COMPROMISE))
		return 0;
	/* One made for an attempt that failed is still unused. */
	*needed = str_eq(version.key_id, key->id) && version.key_version >= key->newest;
	return 0;
}

static int new_order(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	bool needs_key;

	if (is->cert.own_csr)
		return read_own_csr(is, e) < 0 || begin_order(is, t, e) < 0 ? -1 : start_order(is, t, e);
	if (rec_key_get(t, &key, is->cert.key_id, e) < 0 || needs_new_key(t, &is->cert, &key, &needs_key, e) < 0)
		return -1;
	if (needs_key) {
		is->question = KEEPER_ASK(is->job.engine->keeper, key_next, -1, key_made, is, slice_str(key.id),
					  slice_buf(&key.access), slice_str(is->cert.key_type));
		return 0;
	}
	if (read_key_version(is, t, key.id, key.newest, e) < 0 || begin_order(is, t, e) < 0)
		return -1;
	return start_order(is, t, e);
}

/* Who ordered, or orders now. */
static int find_account(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_free_ char *order_id = record_child_id(is->cert.id, is->cert.open_order);

	if (!is->cert.open_order)
		return queue_account(is->job.engine, t, &is->cert, clock_now(), &is->account, e);
	if (rec_order_get(t, &is->order, order_id, e) < 0)
		return -1;
	return rec_account_get(t, &is->account, is->order.account_id, e);
}

/* 1: the order that trouble interrupted is under way again, or there is none; 0: it is closed, for another is needed. */
static int take_up_kept(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	int taken;

	if (!is->cert.kept_order)
		return 1;
	if (queue_account(is->job.engine, t, &is->cert, clock_now(), &account, e) < 0)
		return err_prefix(e, "its account");
	if (str_eq(account.wish, "rollover"))	/* look_up() puts it off */
		return 1;
	taken = kept_take_up(t, &is->cert, &account, e);
	is->reopened = taken > 0;
	return taken;
}

/* Reads what the certificate needs.  1: go on; 0: there is nothing to do now, the row is dealt with. */
static int look_up(struct issue *is, struct txn *t, const char *cert_id, struct err *e)
{
	int taken;

	if (rec_cert_get(t, &is->cert, cert_id, e) < 0)
		return e->kind == ERR_MISSING ? agenda_delete(t, AGENDA_issue, cert_id, e) : -1;
	if (is->cert.disabled || is->cert.imported)
		return agenda_delete(t, AGENDA_issue, cert_id, e);
	taken = take_up_kept(is, t, e);
	if (taken <= 0)	/* the queue has to say whether there may be another */
		return taken < 0 ? -1 : agenda_set(t, AGENDA_issue, cert_id, clock_now(), e);
	if (find_account(is, t, e) < 0)
		return err_prefix(e, "its account");
	is->job.doubtful = is->cert.failures;
	queue_enter(&is->job, &is->account, !is->order.url || !*is->order.url);
	if (str_eq(is->account.wish, "rollover") && !is->cert.open_order)	/* its key is about to change */
		return agenda_set(t, AGENDA_issue, cert_id, clock_now() + 10, e);
	if (str_eq(is->account.state, "deactivated"))
		return err_set(e, ERR_CONFLICT, "its account %s is deactivated", is->account.name);
	if (str_eq(is->account.state, "new"))	/* registering; it brings its certificates back when it is done */
		return agenda_set(t, AGENDA_issue, cert_id, clock_now() + 60, e);
	if (!is->account.kid || !*is->account.kid)
		return err_set(e, ERR_CONFLICT, "its account %s is not registered at the CA", is->account.name);
	return 1;
}

int issue_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct issue *is = xcalloc(1, sizeof(*is));
	_cleanup_txn_ struct txn *t = NULL;
	struct err why = { 0 };
	int go = check_before_order(g, row, e);

	if (go)
		return issue_free(is), MIN(go, 0);
	if (store_write(g->store, &t, e) < 0)
		return issue_free(is), -1;
	engine_begin(g, &is->job, row, issue_cancel);
	go = look_up(is, t, row->id, &why);
	if (go > 0)
		go = (is->cert.open_order ? resume_order(is, t, &why) : new_order(is, t, &why)) < 0 ? -1 : 1;
	if (go >= 0 && txn_commit(TAKE(t), &why) < 0)
		go = -1;
	if (go > 0)
		return 0;

	txn_abort(TAKE(t));
	if (go < 0 && why.kind == ERR_STORAGE)
		*e = why;
	else if (go < 0)
		go = outcome_no_order(g, row->id, &why, e);
	engine_end(&is->job);
	issue_free(is);
	return go;
}

/* The CA made the order: its door is open to the others of the account. */
static int account_answered(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };

	queue_asked(&is->job);
	if (!is->account.troubles)
		return 0;
	is->account.troubles = 0;
	if (rec_account_get(t, &account, is->account.id, e) < 0)
		return -1;
	return account.troubles ? queue_account_works(t, &account, e) : 0;
}

int issue_save(void *engine, struct order *o, struct err *e)
{
	struct issue *is = order_owner(o);
	struct rec_order *order = &is->order;
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *state = order_save(o);
	_cleanup_strv_ char **authorizations = order_authorizations(o);

	if (!str_eq(order->step, order_step_name(o)))
		owner_add_lines(&order->log, (char *[]){ (char *)order_step_text(order_step_name(o)), NULL });
	record_set(&order->step, order_step_name(o));
	record_set(&order->activity, order_activity(o));
	record_set(&order->url, order_url(o));
	if (authorizations) {	/* the later steps know, the first does not */
		strv_free(order->authorizations);
		order->authorizations = TAKE(authorizations);
	}
	record_set(&order->state, state);
	order->position = order_step_index(order->step);
	if (store_write(is->job.engine->store, &t, e) < 0 || rec_order_put(t, order, e) < 0 ||
	    (order_url(o) && account_answered(is, t, e) < 0))
		return -1;
	return txn_commit(TAKE(t), e);
}

/* What happens while it publishes, in its history; the last line is what it does now. */
static void publish_note(void *arg, char *const *lines)
{
	struct issue *is = arg;
	_cleanup_txn_ struct txn *t = NULL;
	struct err e = { 0 };

	owner_add_lines(&is->order.log, lines);
	record_set(&is->order.activity, lines[strv_len(lines) - 1]);
	if (store_write(is->job.engine->store, &t, &e) < 0 || rec_order_put(t, &is->order, &e) < 0 ||
	    txn_commit(TAKE(t), &e) < 0)
		log_err(LOG_LEVEL_ERROR, &e);	/* the next save tells whether it lasts */
}

static void publish_done(void *arg, const struct err *err)
{
	struct issue *is = arg;
	acme_bytes_cb *cb = TAKE(is->published);

	is->publication = NULL;
	cb(is->published_arg, NULL, err);
}

/* The order waits for a person: its row goes, "verify" brings it back. */
static void set_aside(struct issue *is, const struct err *why)
{
	struct err e = { 0 };
	int stored = waiting_begin(is->job.engine, &is->cert, &is->order, why, &e);

	issue_end(is, stored, &e);
}

static void wait_for_person(void *arg)
{
	set_aside(arg, NULL);
}

static void looked(void *arg, const struct err *err)
{
	struct issue *is = arg;
	struct err e = { 0 };

	is->publication = NULL;
	if (err) {
		set_aside(is, err);
		return;
	}
	record_set(&is->order.error, NULL);
	publish_done(is, waiting_end(is->job.engine, is->cert.id, &e) < 0 ? &e : NULL);
}

void issue_publish(void *engine, struct order *o, const struct acme_answer *answers, size_t count, acme_bytes_cb *cb,
		   void *cb_arg)
{
	struct issue *is = order_owner(o);
	struct publish_of of = {
		.owner = is->order.id, .cert = &is->cert, .account_url = is->account.kid, .only_look = is->cert.by_hand, .note = publish_note,
		.done = is->cert.by_hand ? looked : publish_done, .arg = is,
	};

	is->published = cb;
	is->published_arg = cb_arg;
	if (is->cert.by_hand)
		waiting_todo(&is->order, is->account.kid, answers, count);
	if (is->cert.by_hand && !is->cert.verify)
		timer_start(&is->pause, is->job.engine->loop, 0, wait_for_person, is);
	else
		is->publication = publish_start(engine, &of, answers, count);
}

void issue_csr(void *engine, struct order *o, acme_bytes_cb *cb, void *cb_arg)
{
	struct issue *is = order_owner(o);
	_cleanup_buf_ struct buf names = BUF_INIT;

	if (is->cert.own_csr) {
		ca_give_later(engine, slice_buf(&is->cert.csr), cb, cb_arg);
		return;
	}
	for (size_t i = 0; i < strv_len(is->cert.names); i++)
		buf_addf(&names, "%s\n", is->cert.names[i]);
	ca_ask(engine, KEEPER_csr,
	       (const struct slice[]){ slice_str(is->order.key_id), slice_buf(&is->key.material), slice_buf(&names) },
	       3, 0, cb, cb_arg);
}

void issue_done(void *engine, struct order *o, const char *chain, const struct err *why)
{
	struct issue *is = order_owner(o);
	struct engine *g = engine;
	struct outcome_of of = { .engine = g, .cert = &is->cert, .account = &is->account, .order = &is->order, .acme = o,
				 .reopened = is->reopened };
	bool site = is->cert.site && chain;
	struct err e = { 0 };
	int stored;

	/* We failed, not the CA: the order stays open and is taken up again. */
	if (why && our_trouble(why)) {
		issue_end(is, -1, why);
		return;
	}
	stored = outcome_write(&of, chain, why, &e);
	issue_end(is, stored, &e);
	if (stored == 0 && site)
		g->site_changed(g->arg);
}
