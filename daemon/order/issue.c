/*
 * Issuing a certificate: from the due row of the agenda to the end of its order.
 *
 *	issue_due()	what does the certificate need next: its open order taken up, a check, a new key, a new order?
 *	issue_checked()	are its web servers ready? (check.c)
 *	issue_key_made()	the new key is sealed; it is saved before anything uses it
 *	begin_order()	the order is a record before the CA hears of it
 *	issue_turn()	it may ask now (issue_turn.c)
 *	issue_save(), issue_publish(), issue_csr()	while acme/order.c runs it
 *	issue_done()	what it has come to is written (attempt.c)
 */
#include "daemon/order/issue.h"

#include "base/clock.h"
#include "base/log.h"
#include "pki/cert.h"
#include "pki/csr.h"
#include "store/details.h"
#include "pki/revocation/reason.h"
#include "store/cert_plan.h"
#include "store/event/history.h"
#include "store/hooks.h"
#include "store/key/compromise.h"
#include "store/key/sharing.h"
#include "store/key/version.h"
#include "store/purpose.h"
#include "store/record/reach.h"

#include "daemon/challenge/publish.h"
#include "daemon/engine/order_log.h"
#include "daemon/order/attempt.h"
#include "daemon/order/by_hand.h"
#include "daemon/order/by_hand_look.h"
#include "daemon/order/issue_type.h"
#include "daemon/order/preflight_passed.h"
#include "daemon/order/queue.h"
#include "daemon/order/resume.h"

#define SAVED_MS 1000	/* until a step is durable; what must not leave before waits (acme/order.def) */
#define PLACE_PART 60	/* of acme.patience: ten seconds, as it is by default */

/* acme/ is promised an answer, also when its order is gone. */
static void drop_answer(struct issue *is)
{
	acme_bytes_cb *cb = TAKE(is->promised);
	struct err e = { 0 };

	err_set(&e, ERR_INTERNAL, "the order is no longer worked at");
	if (cb)
		cb(is->promised_arg, NULL, &e);
}

static void issue_free(struct issue *is)
{
	timer_stop(&is->pause);
	barrier_leave(&is->told);
	queue_leave(&is->job);
	if (is->check)
		check_cancel(is->check);
	timer_stop(&is->place);
	if (is->question)
		keeper_cancel(is->question);
	if (is->publication)
		publish_cancel(is->publication);
	if (is->look)
		by_hand_look_cancel(is->look);
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
void issue_end(struct issue *is, int stored, const struct err *e)
{
	struct engine *g = is->job.engine;

	if (stored < 0)
		engine_hold(g, e);
	engine_end(&is->job);
	issue_free(is);
}

/* Did this account order it?  One whose order is forgotten is taken for its own. */
static bool is_of_account(struct txn *t, const struct rec_version *version, const struct rec_account *account)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };

	if (!version->order_id || !*version->order_id)
		return false;	/* imported */
	return rec_order_get(t, &order, version->order_id, NULL) < 0 || str_eq(order.account_id, account->id);
}

/*
 * The certificate in force, as the CA names it (RFC 9773 section 5), if it told when to renew it and knows it as this
 * account's.  Owned; NULL: neither.
 */
static char *what_it_replaces(struct txn *t, const struct rec_cert *cert, const struct rec_account *account)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_chain_ struct chain chain = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);

	if (!cert->current || !cert->ari_start || rec_version_get(t, &version, id, NULL) < 0 ||
	    !is_of_account(t, &version, account) || chain_parse(&chain, slice_str(version.chain), NULL) < 0)
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
	_cleanup_strv_ char **challenges = by_hand_challenges(&is->cert);
	struct order_params p = {
		.names = is->cert.names, .challenges = challenges, .spki = slice_buf(&is->key.spki),
		.profile = text_or_null(is->cert.profile), .preferred_chain = text_or_null(is->cert.preferred_chain),
	};
	struct acme *ca = ca_client(g, &is->account);

	if (ca_account(g, t, &is->account, &p.account, e) < 0)
		return -1;
	p.replaces = replaces = what_it_replaces(t, &is->cert, &is->account);
	if (is->order.state && *is->order.state)
		is->acme = order_load(ca, &p, is, is->order.state, e);
	else
		is->acme = order_new(ca, &p, is);
	if (!is->acme) {	/* the store is well,
			what it holds of this order is not: the next attempt is a new one */
		e->kind = ERR_INTERNAL;
		return -1;
	}
	order_start(is->acme);
	return 0;
}

/* Takes up the open order where it stood; issue_give_up_compromised() has read its key. */
static int resume_order(struct issue *is, struct txn *t, struct err *e)
{
	log_info("certificate %s: taking up its order at: %s", is->cert.name,
		 is->order.step ? is->order.step : "the beginning");
	return start_order(is, t, e);
}

/* Makes the order a record of the certificate; is->key is what it will be for. */
static int begin_order(struct issue *is, struct txn *t, struct err *e)
{
	struct rec_cert *cert = &is->cert;
	_cleanup_free_ char *order_id = record_child_id(cert->id, ++cert->orders);

	record_set(&is->order.id, order_id);
	record_set(&is->order.account_id, is->account.id);
	record_set(&is->order.key_id, cert->key_id);
	is->order.key_version = is->key.id ? record_child_number(is->key.id) : 0;
	is->order.purpose = purpose_of(cert, &is->account);
	is->order.created = clock_now();
	is->order.positions = order_steps();
	record_set(&is->order.result, "open");
	is->wished = cert->wanted;
	is->fresh = true;
	return rec_order_put(t, &is->order, e) < 0 ? -1 : cert_plan(t, cert, CERT_begun, e);
}

/*
 * What comes before an order.  Then the job is over, and its row still due: the queue has to say whether there may be
 * an order now, and what the certificate is by then is read anew.
 */

static int put_check(struct issue *is, const json_t *report, const struct err *why, struct err *e)
{
	struct engine *g = is->job.engine;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || check_put(t, &is->cert, false, report, why, e) < 0 ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	if (why)
		return attempt_no_order(g, is->cert.id, why, e);
	preflight_passed(g, is->cert.id);
	return 0;
}

static void issue_checked(void *arg, const json_t *report, const struct err *why)
{
	struct issue *is = arg;
	struct err e = { 0 };
	int stored;

	is->check = NULL;
	stored = put_check(is, report, why, &e);
	issue_end(is, stored, &e);
}

static void issue_key_made(void *arg, const struct keeper_answer *a)
{
	struct issue *is = arg;
	struct err why = { 0 }, e = { 0 };

	is->question = NULL;
	if (!a->err && issue_save_key(is, a, &why) == 0) {
		issue_end(is, 0, NULL);
		return;
	}
	if (a->err)
		why = *a->err;
	err_prefix(&why, "making a new key");
	issue_end(is, our_trouble(&why) ? -1 : attempt_no_order(is->job.engine, is->cert.id, &why, &e), &why);
}

static int new_order(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	int needed;

	if (is->cert.own_csr)
		return issue_check_own_csr(is, t, e) < 0 || begin_order(is, t, e) < 0 ? -1 : start_order(is, t, e);
	if (rec_key_get(t, &key, is->cert.key_id, e) < 0)
		return -1;
	needed = issue_needs_new_key(t, &is->cert, &key, e);
	if (needed < 0)
		return -1;
	if (needed) {
		is->question = KEEPER_ASK(is->job.engine->keeper, key_next, -1, issue_key_made, is, slice_str(key.id),
					  slice_buf(&key.access), slice_str(is->cert.key_type));
		return 0;
	}
	if (issue_read_key(is, t, key.id, key.newest, e) < 0 || begin_order(is, t, e) < 0)
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

/*
 * 1: the order that trouble interrupted is under way again, or there is none; 0: it is closed, for another is needed.
 */
static int take_up_kept(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	int taken;

	if (!is->cert.kept_order)
		return 1;
	if (queue_account(is->job.engine, t, &is->cert, clock_now(), &account, e) < 0)
		return err_prefix(e, "its account");
	if (str_eq(account.wish, "rollover"))	/* issue_look_up() puts it off */
		return 1;
	taken = resume_take_up(t, &is->cert, &account, e);
	is->reopened = taken > 0;
	return taken;
}

static int issue_put_off(struct issue *is, struct txn *t, int64_t seconds, const char *waits_for, struct err *e)
{
	return cert_plan_at(t, &is->cert, CERT_put_off, clock_now() + seconds, waits_for, e);
}

/* Its scripts, if it needs some and there are none, or they may not run: better known before the CA is asked. */
static int check_hooks(const struct issue *is, struct err *e)
{
	const struct rec_cert *cert = &is->cert;
	_cleanup_strv_ char **types = by_hand_challenges(cert);
	bool needed = false;

	for (char **type = types; type && *type; type++)
		needed |= !str_eq(*type, "http-01");
	if (!needed || cert->by_hand || cert->open_order)
		return 0;
	if (hooks_check_dns(cert, e) < 0)
		return -1;
	if (*is->job.engine->config->hooks_set || (cert->hook_set && *cert->hook_set))
		return 0;
	err_set(e, ERR_CONFIG, "no script sets DNS records");
	return err_hint(e, "Set hooks.set in certera.yaml, give the certificate a script of its own, or publish the "
			   "records by hand.");
}

/* Reads what the certificate needs.  1: go on; 0: there is nothing to do now, the row is dealt with. */
static int issue_look_up(struct issue *is, struct txn *t, const char *cert_id, struct err *e)
{
	int taken;

	if (rec_cert_get(t, &is->cert, cert_id, e) < 0)
		return e->kind == ERR_MISSING ? cert_plan_gone(t, cert_id, e) : -1;
	if (is->cert.disabled || is->cert.imported)
		return cert_plan_gone(t, cert_id, e);
	if (check_hooks(is, e) < 0)
		return -1;
	taken = take_up_kept(is, t, e);
	if (taken > 0)
		taken = issue_give_up_compromised(is, t, e);
	if (taken <= 0)	/* the row is still due: the queue has to say whether there may be another */
		return taken;
	if (find_account(is, t, e) < 0)
		return err_prefix(e, "its account");
	is->job.doubtful = is->cert.failures;
	is->unchecked = !is->cert.open_order && preflight_is_due(is->job.engine, &is->cert);
	queue_enter(&is->job, &is->account, !is->unchecked && (!is->order.url || !*is->order.url));
	if (str_eq(is->account.wish, "rollover") && !is->cert.open_order)
		return issue_put_off(is, t, 10, "the new key of its account", e);
	if (str_eq(is->account.state, "deactivated"))
		return err_set(e, ERR_CONFLICT, "its account %s is deactivated", is->account.name);
	if (str_eq(is->account.state, "new"))	/* it brings its certificates back when it is done */
		return issue_put_off(is, t, 60, "its account to be registered at the CA", e);
	if (!is->account.kid || !*is->account.kid)
		return err_set(e, ERR_CONFLICT, "its account %s is not registered at the CA", is->account.name);
	return 1;
}

static int go_on(struct issue *is, struct txn *t, struct err *e)
{
	enum reach reach;

	if (is->cert.open_order)
		return resume_order(is, t, e);
	if (!is->unchecked)
		return new_order(is, t, e);
	if (reach_of_cert(t, &is->cert, &reach, e) < 0)
		return -1;
	is->check = check_start(is->job.engine, t, &is->cert, reach, issue_checked, is, e);
	return is->check ? 0 : -1;
}

int issue_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct issue *is = xcalloc(1, sizeof(*is));
	_cleanup_txn_ struct txn *t = NULL;
	struct err why = { 0 };
	int go;

	if (store_write(g->store, &t, e) < 0)
		return issue_free(is), -1;
	engine_begin(g, &is->job, row, issue_cancel);
	go = issue_look_up(is, t, row->id, &why);
	if (go > 0)
		go = go_on(is, t, &why) < 0 ? -1 : 1;
	if (go >= 0 && txn_commit(TAKE(t), &why) < 0)
		go = -1;
	if (go > 0)
		return 0;

	txn_abort(TAKE(t));
	if (go < 0 && why.kind == ERR_STORAGE)
		*e = why;
	else if (go < 0)
		go = attempt_no_order(g, row->id, &why, e);
	engine_end(&is->job);
	issue_free(is);
	return go;
}

/* The CA made the order: other orders of the account may now be sent.  One that it made before says nothing of that. */
static int account_answered(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	bool asked = is->job.asking;

	queue_asked(&is->job);
	if (!asked || !is->account.troubles)
		return 0;
	is->account.troubles = 0;
	if (rec_account_get(t, &account, is->account.id, e) < 0)
		return -1;
	engine_wake(is->job.engine);
	return account.troubles ? queue_account_works(t, &account, e) : 0;
}

static void yield_place(void *arg)
{
	struct issue *is = arg;

	is->job.slow = true;
	engine_wake(is->job.engine);
}

/* At a step where it only waits, it has its place for a while. */
static void keep_place(struct issue *is, const struct order *o)
{
	struct engine *g = is->job.engine;

	is->job.slow = false;
	timer_stop(&is->place);
	if (order_waits(o))
		timer_start(&is->place, g->loop, g->config->acme_patience * 1000 / PLACE_PART, yield_place, is);
}

static int issue_save(void *engine, struct order *o, struct err *e)
{
	struct issue *is = order_owner(o);
	struct rec_order *order = &is->order;
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *state = order_save(o);
	_cleanup_strv_ char **authorizations = order_authorizations(o);

	keep_place(is, o);
	if (!str_eq(order->step, order_step_name(o))) {
		steps_add(&order->log, STEPS_OURS, (char *[]){ (char *)order_step_text(order_step_name(o)), NULL });
		order->ran_out = 0;
	}
	record_set(&order->step, order_step_name(o));
	record_set(&order->activity, order_asks_first(o) ? ORDER_AWAITS_TURN : order_activity(o));
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
	return txn_commit_within(TAKE(t), SAVED_MS, e);
}

static void issue_csr(void *engine, struct order *o, acme_bytes_cb *cb, void *cb_arg)
{
	struct issue *is = order_owner(o);
	const struct csr_details wanted = details_of(&is->cert);
	_cleanup_buf_ struct buf names = BUF_INIT, details = BUF_INIT;
	struct err e = { 0 };

	if (issue_check_key(is, &e) < 0) {
		ca_refuse_later(engine, &e, cb, cb_arg);
		return;
	}
	if (is->cert.own_csr) {
		ca_give_later(engine, slice_buf(&is->cert.csr), cb, cb_arg);
		return;
	}
	for (size_t i = 0; i < strv_len(is->cert.names); i++)
		buf_addf(&names, "%s\n", is->cert.names[i]);
	details_write(&wanted, &details);
	ca_ask(engine, KEEPER_csr,
	       (const struct slice[]){ slice_str(is->order.key_id), slice_buf(&is->key.material), slice_buf(&names),
				       slice_buf(&details) },
	       4, 0, cb, cb_arg);
}

static void issue_done(void *engine, struct order *o, const char *chain, const struct err *why)
{
	struct issue *is = order_owner(o);
	struct engine *g = engine;
	struct issue_attempt of = { .engine = g,
				    .cert = &is->cert,
				    .account = &is->account,
				    .order = &is->order,
				    .acme = o,
				    .reopened = is->reopened };
	bool site = is->cert.site && chain;
	struct err e = { 0 };
	int stored;

	/* We failed, not the CA: the order stays open and is taken up again. */
	if (why && our_trouble(why)) {
		issue_end(is, -1, why);
		return;
	}
	stored = attempt_ended(&of, chain, why, &e);
	issue_end(is, stored, &e);
	if (stored == 0 && site)
		engine_site_changed(g);
}

const struct order_calls issue_calls = {
	.save = issue_save, .turn = issue_turn, .publish = issue_publish, .csr = issue_csr, .done = issue_done,
};
