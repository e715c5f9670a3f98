/*
 * Issuing a certificate: from the due row of the agenda to the stored version.
 *
 *	issue_due()	what does the certificate need: its open order taken up, a new key, a new order?
 *	key_made()	the new key is sealed; it is saved before anything uses it
 *	begin_order()	the order is a record before the CA hears of it
 *	issue_save(), issue_publish(), issue_csr()	while acme/order.c runs it
 *	issue_done()	the version and the next renewal, or the error and the next attempt, in one transaction
 */
#include "daemon/issue.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "pki/cert.h"
#include "store/history.h"

#include "daemon/engine.h"
#include "daemon/renewal.h"

#define KEPT_SECONDS (7 * 24 * 3600)	/* how old an order may be that is taken up again after trouble */

struct issue {
	struct job job;
	struct rec_cert cert;		/* as of the begin; reread before it is changed */
	struct rec_account account;
	struct rec_order order;
	struct rec_key_version key;	/* of the certificate request */
	struct order *acme;		/* NULL while a key is made */
	bool reopened;			/* the order was kept from an attempt that failed */
	struct keeper_question *question;
};

static void issue_free(struct issue *is)
{
	if (is->question)
		keeper_cancel(is->question);
	order_free(is->acme);
	rec_cert_release(&is->cert);
	rec_account_release(&is->account);
	rec_order_release(&is->order);
	rec_key_version_release(&is->key);
	free(is);
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

/* Writes a failure into the certificate and plans the next attempt: at once, or when renewal.c says. */
static int plan_retry(struct txn *t, struct rec_cert *cert, const struct err *why, bool at_once, struct err *e)
{
	_cleanup_free_ char *problem = error_text(why);
	char when[CLOCK_RFC3339_SIZE];

	cert->failures++;
	cert->retry_at = at_once ? clock_now() : renewal_retry(cert->failures, why, clock_now());
	cert->open_order = 0;
	record_set(&cert->error, problem);
	log_warn("certificate %s: %s (tried again at %s)", cert->name, why->message, clock_rfc3339(when, cert->retry_at));
	if (rec_cert_put(t, cert, e) < 0 || agenda_set(t, AGENDA_issue, cert->id, cert->retry_at, e) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "certificate.failed", .object = cert->id,
						  .name = cert->name },
			   e, "%s", why->message);
}

/* An attempt that failed before there was an order. */
static int fail_early(struct engine *g, const char *cert_id, const struct err *why, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &cert, cert_id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	cert.kept_order = 0;
	if (plan_retry(t, &cert, why, false, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

/* Hands the order, new or saved, to acme/. */
static int start_order(struct issue *is, struct txn *t, struct err *e)
{
	struct engine *g = is->job.engine;
	struct order_params p = { .names = is->cert.names, .spki = slice_buf(&is->key.spki) };
	struct acme *ca = ca_client(g, &is->account);

	if (ca_account(g, t, &is->account, &p.account, e) < 0)
		return -1;
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

/* Takes up the open order where it stood. */
static int resume_order(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_free_ char *order_id = record_child_id(is->cert.id, is->cert.open_order);
	_cleanup_free_ char *key_id = NULL;

	if (rec_order_get(t, &is->order, order_id, e) < 0)
		return -1;
	key_id = record_child_id(is->order.key_id, is->order.key_version);
	if (rec_key_version_get(t, &is->key, key_id, e) < 0)
		return -1;
	log_info("certificate %s: taking up its order at: %s", is->cert.name, is->order.step ? is->order.step : "the beginning");
	return start_order(is, t, e);
}

/* Makes the order a record of the certificate; is->key is what it will be for. */
static int begin_order(struct issue *is, struct txn *t, struct err *e)
{
	struct rec_cert *cert = &is->cert;
	_cleanup_free_ char *order_id = record_child_id(cert->id, ++cert->orders);
	const char *slash = strrchr(is->key.id, '/');

	cert->open_order = cert->orders;
	record_set(&is->order.id, order_id);
	record_set(&is->order.account_id, is->account.id);
	record_set(&is->order.key_id, cert->key_id);
	is->order.key_version = strtoll(slash + 1, NULL, 10);
	is->order.names = strv_dup(cert->names);
	is->order.created = clock_now();
	is->order.positions = order_steps();
	record_set(&is->order.result, "open");
	if (rec_order_put(t, &is->order, e) < 0 || rec_cert_put(t, cert, e) < 0)
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
	_cleanup_free_ char *id = NULL;

	if (store_write(is->job.engine->store, &t, e) < 0 || rec_key_get(t, &key, is->cert.key_id, e) < 0)
		return -1;
	id = record_child_id(key.id, ++key.newest);
	record_set(&key.type, is->cert.key_type);
	record_set(&is->key.id, id);
	record_set(&is->key.type, is->cert.key_type);
	record_set_blob(&is->key.material, a->field[0]);
	record_set_blob(&is->key.spki, a->field[1]);
	is->key.created = clock_now();
	if (rec_key_put(t, &key, e) < 0 || rec_key_version_put(t, &is->key, e) < 0 || begin_order(is, t, e) < 0 ||
	    start_order(is, t, e) < 0)
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
	issue_end(is, why.kind == ERR_STORAGE ? -1 : fail_early(is->job.engine, is->cert.id, &why, &e), &why);
}

/* Does the order need a key that no issued certificate has? */
static int needs_new_key(struct txn *t, const struct rec_cert *cert, const struct rec_key *key, bool *needed, struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);

	*needed = false;
	if (!cert->current || cert->key_reuse)
		return 0;
	if (rec_version_get(t, &version, id, e) < 0)
		return -1;
	/* One made for an attempt that failed is still unused. */
	*needed = str_eq(version.key_id, key->id) && version.key_version >= key->newest;
	return 0;
}

static int new_order(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_free_ char *key_version = NULL;
	bool needs_key;

	if (rec_key_get(t, &key, is->cert.key_id, e) < 0 || needs_new_key(t, &is->cert, &key, &needs_key, e) < 0)
		return -1;
	if (needs_key) {
		is->question = KEEPER_ASK(is->job.engine->keeper, key_next, -1, key_made, is, slice_str(key.id),
					  slice_buf(&key.access), slice_str(is->cert.key_type));
		return 0;
	}
	key_version = record_child_id(key.id, key.newest);
	if (rec_key_version_get(t, &is->key, key_version, e) < 0 || begin_order(is, t, e) < 0)
		return -1;
	return start_order(is, t, e);
}

/* Reads what the certificate needs.  1: go on; 0: there is nothing to do now, the row is dealt with. */
static int look_up(struct issue *is, struct txn *t, const char *cert_id, struct err *e)
{
	if (rec_cert_get(t, &is->cert, cert_id, e) < 0)
		return e->kind == ERR_MISSING ? agenda_delete(t, AGENDA_issue, cert_id, e) : -1;
	if (is->cert.disabled)
		return agenda_delete(t, AGENDA_issue, cert_id, e);
	if (rec_account_get(t, &is->account, is->cert.account_id, e) < 0)
		return err_prefix(e, "its account");
	if (str_eq(is->account.state, "new"))	/* registering; it brings its certificates back when it is done */
		return agenda_set(t, AGENDA_issue, cert_id, clock_now() + 60, e);
	if (!is->account.kid || !*is->account.kid)
		return err_set(e, ERR_CONFLICT, "its account %s is not registered at the CA", is->account.name);
	return 1;
}

static int reopen_order(struct issue *, struct txn *, struct err *);

int issue_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct issue *is = xcalloc(1, sizeof(*is));
	_cleanup_txn_ struct txn *t = NULL;
	struct err why = { 0 };
	int go;

	if (store_write(g->store, &t, e) < 0)
		return issue_free(is), -1;
	engine_begin(g, &is->job, row, issue_cancel);
	go = look_up(is, t, row->id, &why);
	if (go > 0 && is->cert.kept_order && reopen_order(is, t, &why) < 0)
		go = -1;
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
		go = fail_early(g, row->id, &why, e);
	engine_end(&is->job);
	issue_free(is);
	return go;
}

int issue_save(void *engine, struct order *o, struct err *e)
{
	struct issue *is = order_owner(o);
	struct rec_order *order = &is->order;
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *state = order_save(o);
	_cleanup_free_ char *line = NULL;
	char now[CLOCK_RFC3339_SIZE];

	if (!str_eq(order->step, order_step_name(o))) {
		line = xasprintf("%s %s", clock_rfc3339(now, clock_now()), order_step_text(order_step_name(o)));
		strv_add(&order->log, line);
	}
	record_set(&order->step, order_step_name(o));
	record_set(&order->activity, order_activity(o));
	record_set(&order->url, order_url(o));
	record_set(&order->state, state);
	order->position = order_step_index(order->step);
	if (store_write(is->job.engine->store, &t, e) < 0 || rec_order_put(t, order, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static int publish_http(struct issue *is, const struct acme_answer *answers, size_t count, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(is->job.engine->store, &t, e) < 0)
		return -1;
	for (const struct acme_answer *a = answers; a < answers + count; a++) {
		struct rec_challenge challenge = {
			.id = (char *)a->token, .key_auth = (char *)a->key_auth, .order_id = is->order.id,
			.created = clock_now(),
		};

		if (rec_challenge_put(t, &challenge, e) < 0)
			return -1;
	}
	return txn_commit(TAKE(t), e);
}

void issue_publish(void *engine, struct order *o, const struct acme_answer *answers, size_t count, acme_bytes_cb *cb,
		   void *cb_arg)
{
	struct err e = { 0 };

	publish_http(order_owner(o), answers, count, &e);
	ca_answer_later(engine, &e, cb, cb_arg);
}

void issue_csr(void *engine, struct order *o, acme_bytes_cb *cb, void *cb_arg)
{
	struct issue *is = order_owner(o);
	_cleanup_buf_ struct buf names = BUF_INIT;

	for (size_t i = 0; i < strv_len(is->cert.names); i++)
		buf_addf(&names, "%s\n", is->cert.names[i]);
	ca_ask(engine, KEEPER_csr,
	       (const struct slice[]){ slice_str(is->order.key_id), slice_buf(&is->key.material), slice_buf(&names) }, 3, 0, cb,
	       cb_arg);
}

/* The answers of an order that is over are no longer served. */
struct stale {
	const char *order_id;
	char **tokens;
};

static int collect_stale(void *arg, void *rec, struct err *e)
{
	struct stale *stale = arg;
	const struct rec_challenge *challenge = rec;

	if (str_eq(challenge->order_id, stale->order_id))
		strv_add(&stale->tokens, challenge->id);
	return 0;
}

static int unpublish(struct txn *t, const char *order_id, struct err *e)
{
	struct stale stale = { .order_id = order_id };
	int failed = record_each(t, &rec_challenge_type, "", false, collect_stale, &stale, e);

	for (size_t i = 0; !failed && i < strv_len(stale.tokens); i++)
		failed = rec_challenge_delete(t, stale.tokens[i], e);
	strv_free(stale.tokens);
	return failed;
}

/* What ended, ended: it is not gone on with, and its answers are no longer served. */
static int close_order(struct rec_order *order, const char *result, struct txn *t, struct err *e)
{
	order->finished = clock_now();
	record_set(&order->result, result);
	record_set(&order->state, NULL);
	return rec_order_put(t, order, e) < 0 ? -1 : unpublish(t, order->id, e);
}

static bool order_fits(const struct rec_order *order, const struct rec_cert *cert)
{
	return str_eq(order->account_id, cert->account_id) && str_eq(order->key_id, cert->key_id) &&
	       strv_eq(order->names, cert->names) && order->created + KEPT_SECONDS > clock_now();
}

/* The order that trouble interrupted is under way again, if it still is what the certificate needs. */
static int reopen_order(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(is->cert.id, is->cert.kept_order);

	if (rec_order_get(t, &order, id, e) < 0)
		return -1;
	is->reopened = order_fits(&order, &is->cert);
	if (is->reopened)
		is->cert.open_order = is->cert.kept_order;
	else if (close_order(&order, "failed", t, e) < 0)
		return -1;
	is->cert.kept_order = 0;
	return rec_cert_put(t, &is->cert, e);
}

/* The chain becomes the version in force, its key the one that is handed out. */
static int add_version(struct issue *is, struct txn *t, struct rec_cert *cert, const char *pem, struct err *e)
{
	_cleanup_chain_ struct chain chain = { 0 };
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, ++cert->newest);
	const struct cert *leaf;

	if (chain_parse(&chain, slice_str(pem), e) < 0 || rec_key_get(t, &key, is->order.key_id, e) < 0)
		return -1;
	leaf = &chain.cert[0];
	record_set(&version.id, id);
	record_set(&version.chain, pem);
	version.names = strv_dup(leaf->names);
	record_set(&version.serial, leaf->serial);
	record_set(&version.fingerprint, leaf->fingerprint);
	record_set(&version.issuer, leaf->issuer_cn ? leaf->issuer_cn : leaf->issuer);
	version.not_before = leaf->not_before;
	version.not_after = leaf->not_after;
	record_set(&version.key_id, is->order.key_id);
	version.key_version = is->order.key_version;
	record_set(&version.order_id, is->order.id);
	version.issued = clock_now();

	cert->current = cert->newest;
	cert->not_before = leaf->not_before;
	cert->not_after = leaf->not_after;
	key.current = is->order.key_version;
	if (rec_version_put(t, &version, e) < 0 || rec_key_put(t, &key, e) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "certificate.issued", .object = cert->id,
						  .name = cert->name },
			   e, "version %lld issued by %s, serial %s", (long long)cert->newest, version.issuer, version.serial);
}

static int plan_renewal(struct issue *is, struct txn *t, struct rec_cert *cert, struct err *e)
{
	uint64_t dice;

	random_bytes(&dice, sizeof(dice));
	cert->renew_at = renewal_time(cert->not_before, cert->not_after, is->job.engine->config->renewal_before, dice);
	cert->open_order = 0;
	cert->failures = 0;
	cert->retry_at = 0;
	record_set(&cert->error, NULL);
	if (rec_cert_put(t, cert, e) < 0)
		return -1;
	return agenda_set(t, AGENDA_issue, cert->id, cert->renew_at, e);
}

/* All that follows from the end of an order, in one transaction. */
static int finish(struct issue *is, const char *chain, const struct err *why, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *problem = why ? error_text(why) : NULL;
	bool keep;

	if (store_write(is->job.engine->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &cert, is->cert.id, e) < 0)	/* deleted meanwhile, with its orders and answers */
		return e->kind == ERR_MISSING ? 0 : -1;
	is->order.position = chain ? is->order.positions : is->order.position;
	record_set(&is->order.error, problem);
	keep = why && order_goes_on(is->acme, why) && order_fits(&is->order, &cert);
	if ((keep ? rec_order_put(t, &is->order, e) : close_order(&is->order, chain ? "issued" : "failed", t, e)) < 0)
		return -1;
	cert.kept_order = keep ? is->cert.open_order : 0;
	/* Our own order got lost at the CA: nothing was tried yet, so a new one need not wait. */
	if (!chain && plan_retry(t, &cert, why, str_eq(why->code, "orderGone") && (!cert.failures || is->reopened), e) < 0)
		return -1;
	if (chain && (add_version(is, t, &cert, chain, e) < 0 || plan_renewal(is, t, &cert, e) < 0))
		return -1;
	if (txn_commit(TAKE(t), e) < 0)
		return -1;
	if (chain)
		log_info("certificate %s: version %lld is in force", cert.name, (long long)cert.current);
	return 0;
}

void issue_done(void *engine, struct order *o, const char *chain, const struct err *why)
{
	struct issue *is = order_owner(o);
	struct engine *g = engine;
	bool site = is->cert.site && chain;
	struct err e = { 0 };
	int stored;

	/* Our own store failed, not the CA: the order stays open and is taken up again. */
	if (why && why->kind == ERR_STORAGE) {
		issue_end(is, -1, why);
		return;
	}
	stored = finish(is, chain, why, &e);
	issue_end(is, stored, &e);
	if (stored == 0 && site)
		g->site_changed(g->arg);
}
