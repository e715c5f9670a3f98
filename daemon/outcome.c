#include "daemon/outcome.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "pki/cert.h"
#include "store/alert.h"
#include "store/deploy.h"
#include "store/history.h"
#include "store/version.h"

#include "daemon/account.h"
#include "daemon/failure.h"
#include "daemon/kept.h"
#include "daemon/queue.h"
#include "daemon/renewal.h"
#include "daemon/txt.h"

/*
 * Issued.
 */

static int put_key_in_force(const struct outcome_of *of, struct txn *t, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (rec_key_get(t, &key, of->order->key_id, e) < 0)
		return -1;
	key.current = of->order->key_version;
	return rec_key_put(t, &key, e);
}

/* The chain becomes the version in force, its key the one that is handed out. */
static int add_version(const struct outcome_of *of, struct txn *t, struct rec_cert *cert, const char *pem,
		       struct err *e)
{
	_cleanup_chain_ struct chain chain = { 0 };
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, ++cert->newest);
	const struct cert *leaf;

	if (chain_parse(&chain, slice_str(pem), e) < 0 || (!cert->own_csr && put_key_in_force(of, t, e) < 0))
		return -1;
	leaf = &chain.cert[0];
	record_set(&version.id, id);
	record_set(&version.chain, pem);
	version.names = strv_dup(leaf->names);
	record_set(&version.serial, leaf->serial);
	record_set(&version.fingerprint, leaf->fingerprint);
	record_set(&version.issuer, cert_issuer(leaf));
	version.not_before = leaf->not_before;
	version.not_after = leaf->not_after;
	record_set(&version.key_id, of->order->key_id);
	version.key_version = of->order->key_version;
	record_set(&version.order_id, of->order->id);
	version.issued = clock_now();

	renewal_succeeded(cert, version.issued);
	cert->current = cert->newest;
	cert->new_key = false;
	cert->not_before = leaf->not_before;
	cert->not_after = leaf->not_after;
	cert->revoked = 0;
	if (rec_version_put(t, &version, e) < 0 || version_in_force(t, cert, e) < 0 ||
	    alert_raise_cert(t, cert->newest > 1 ? ALERT_renewed : ALERT_issued, cert, e,
			     "Version %lld is in force, issued by %s.", (long long)cert->newest, version.issuer) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "certificate.issued", .object = cert->id,
						  .name = cert->name },
			   e, "version %lld issued by %s, serial %s", (long long)cert->newest, version.issuer,
			   version.serial);
}

static int plan_renewal(const struct outcome_of *of, struct txn *t, struct rec_cert *cert, struct err *e)
{
	cert->ari_start = cert->ari_end = 0;
	record_set(&cert->ari_explanation, NULL);
	renewal_plan(cert, of->engine->config);
	cert->open_order = 0;
	cert->rekey = false;
	cert->failures = 0;
	failure_forget(cert);
	cert->retry_at = 0;
	record_set(&cert->waits_for, NULL);
	record_set(&cert->error, NULL);
	if (rec_cert_put(t, cert, e) < 0 || agenda_set(t, AGENDA_issue, cert->id, cert->renew_at, e) < 0)
		return -1;
	return agenda_set(t, AGENDA_renewal, cert->id, clock_now(), e);
}

static int issued(const struct outcome_of *of, struct txn *t, struct rec_cert *cert, const char *chain, struct err *e)
{
	if (add_version(of, t, cert, chain, e) < 0 || plan_renewal(of, t, cert, e) < 0)
		return -1;
	return deploy_script(cert, of->engine->config->hooks_deploy) ? deploy_ask(t, cert, e) : 0;
}

/*
 * Failed.
 */

/* Why it is tried again. */
enum attempt {
	FAILED,		/* the certificate's own failure */
	SHARED,		/* its account's trouble, told as such */
	GONE,		/* our own order got lost at the CA: nothing was tried yet, so a new one need not wait */
};

/* Writes a failure into the certificate and plans the next attempt. */
static int plan_retry(struct txn *t, struct rec_cert *cert, const struct err *why, enum attempt attempt, struct err *e)
{
	_cleanup_free_ char *problem = error_text(why);
	char when[CLOCK_RFC3339_SIZE];

	cert->failures++;
	cert->wanted = false;
	record_set(&cert->waits_for, NULL);
	cert->retry_at = attempt == GONE ? clock_now() : renewal_retry(cert->failures, why, clock_now());
	if (attempt == FAILED && failure_tell(t, cert, why, e) < 0)
		return -1;
	cert->open_order = 0;
	record_set(&cert->error, problem);
	log_warn("certificate %s: %s (tried again at %s)", cert->name, why->message,
		 clock_rfc3339(when, cert->retry_at));
	if (rec_cert_put(t, cert, e) < 0 || agenda_set(t, AGENDA_issue, cert->id, cert->retry_at, e) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "certificate.failed", .object = cert->id,
						  .name = cert->name },
			   e, "%s", why->message);
}

/* A limit of the CA: no failure of the certificate.  Its row is due at once, and the queue knows better when. */
static int plan_limited(const struct outcome_of *of, struct txn *t, struct rec_cert *cert, const struct err *why,
			struct err *e)
{
	struct ledger_order order = queue_order(t, cert, of->account);
	_cleanup_free_ char *problem = error_text(why);

	cert->open_order = 0;
	record_set(&cert->error, problem);
	log_info("certificate %s: %s", cert->name, why->message);
	if (ledger_refused(t, &order, why, clock_now(), e) < 0 || rec_cert_put(t, cert, e) < 0 ||
	    agenda_set(t, AGENDA_issue, cert->id, clock_now(), e) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "account.limited",
						  .object = of->account->id, .name = of->account->name },
			   e, "%s", why->detail[0] ? why->detail : why->message);
}

/* Whose failure was it: a limit's, the account's, or the certificate's own? */
static int plan_after(const struct outcome_of *of, struct txn *t, struct rec_cert *cert, const struct err *why,
		      struct err *e)
{
	bool asking = !of->order->url || !*of->order->url;

	if (asking && str_eq(why->code, "rateLimited") && why->retry_at)
		return plan_limited(of, t, cert, why, e);
	if (asking && renewal_shared(why)) {
		if (queue_account_failed(t, of->account->id, why, clock_now(), e) < 0 ||
		    plan_retry(t, cert, why, SHARED, e) < 0)
			return -1;
		record_set(&cert->waits_for, "the end of its account's trouble, or its own next attempt");
		return rec_cert_put(t, cert, e);
	}
	if (str_eq(of->order->step, "validate") && why->kind == ERR_CA) {
		struct ledger_order order = queue_order(t, cert, of->account);

		if (ledger_failed(t, &order, why, clock_now(), e) < 0)
			return -1;
	}
	return plan_retry(t, cert, why,
			  str_eq(why->code, "orderGone") && (!cert->failures || of->reopened) ? GONE : FAILED, e);
}

static int failed(const struct outcome_of *of, struct txn *t, struct rec_cert *cert, const struct err *why,
		  struct err *e)
{
	return plan_after(of, t, cert, why, e) < 0 ? -1 : account_note_failure(t, of->account->id, why, e);
}

int outcome_no_order(struct engine *g, const char *cert_id, const struct err *why, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &cert, cert_id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (kept_drop(t, &cert, e) < 0 || plan_retry(t, &cert, why, FAILED, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

/*
 * The end of an order.
 */

/* The CA takes its time to issue, some take days: the order is kept, and looked at again later. */
static int keep_open(const struct outcome_of *of, int64_t until, const struct err *why, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_free_ char *problem = error_text(why);
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(of->engine->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &cert, of->cert->id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	cert.retry_at = until;
	record_set(&cert.waits_for, "the CA, which takes its time to issue it; the order is kept");
	record_set(&of->order->error, problem);
	log_info("certificate %s: %s", cert.name, why->message);
	if (rec_order_put(t, of->order, e) < 0 || rec_cert_put(t, &cert, e) < 0 ||
	    agenda_set(t, AGENDA_issue, cert.id, until, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

/* Until when; 0: it does not. */
static int64_t takes_its_time(const struct outcome_of *of, const struct err *why)
{
	if (!str_eq(of->order->step, "issue") || (why->kind != ERR_TIMEOUT && why->kind != ERR_NETWORK))
		return 0;
	return renewal_patience(of->order->created, clock_now());
}

/* All that follows from the end of an order, in one transaction. */
static int finish(const struct outcome_of *of, const char *chain, const struct err *why, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *problem = why ? error_text(why) : NULL;
	bool keep;

	if (store_write(of->engine->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &cert, of->cert->id, e) < 0) {	/* deleted meanwhile, with its orders and answers */
		if (e->kind != ERR_MISSING || txt_discard(t, of->order->id, e) < 0)
			return -1;
		return txn_commit(TAKE(t), e);
	}
	of->order->position = chain ? of->order->positions : of->order->position;
	metric_add(chain ? METRIC_orders_issued : METRIC_orders_failed, 1);
	record_set(&of->order->error, problem);
	keep = why && order_goes_on(of->acme, why) && kept_fits(of->order, &cert, of->account);
	if ((keep ? rec_order_put(t, of->order, e) : kept_close(t, of->order, chain ? "issued" : "failed", e)) < 0)
		return -1;
	cert.kept_order = keep ? of->cert->open_order : 0;
	cert.waiting = cert.verify = false;
	if ((chain ? issued(of, t, &cert, chain, e) : failed(of, t, &cert, why, e)) < 0 ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	if (chain)
		log_info("certificate %s: version %lld is in force", cert.name, (long long)cert.current);
	return 0;
}

int outcome_write(const struct outcome_of *of, const char *chain, const struct err *why, struct err *e)
{
	int64_t until = why ? takes_its_time(of, why) : 0;

	return until ? keep_open(of, until, why, e) : finish(of, chain, why, e);
}
