#include "daemon/order/attempt.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "pki/cert.h"
#include "store/cert_plan.h"
#include "store/deploy.h"
#include "store/details.h"
#include "store/event/history.h"
#include "store/key/sharing.h"
#include "store/notify/alert.h"
#include "store/version.h"

#include "daemon/ca/account.h"
#include "daemon/ca/ca.h"
#include "daemon/ca/offers.h"
#include "daemon/challenge/txt.h"
#include "daemon/engine/retry.h"
#include "daemon/order/failure.h"
#include "daemon/order/queue.h"
#include "daemon/order/renewal.h"
#include "daemon/order/resume.h"

#define CA_TAKES_ITS_TIME "the CA, which has not issued it yet; the order is kept"
#define CA_AWAY "the CA, which cannot be reached; the order is kept"
#define OFFERS_SECONDS 86400	/* the CA's directory is looked at again for what it offers */
#define RAN_OUT_MOST 3	/* attempts at one step of an order */

/*
 * Issued.
 */

static int put_key_in_force(const struct issue_attempt *of, struct txn *t, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (rec_key_get(t, &key, of->order->key_id, e) < 0)
		return -1;
	key.current = of->order->key_version;
	return rec_key_put(t, &key, e);
}

/* What was asked for besides the names, and is not in the certificate. */
static int tell_dropped(struct txn *t, struct rec_cert *cert, const struct cert *leaf, struct err *e)
{
	const struct csr_details wanted = details_of(cert);
	_cleanup_buf_ struct buf all = BUF_INIT;

	strv_free(cert->dropped);
	cert->dropped = cert->own_csr ? NULL : details_dropped(&wanted, leaf);
	if (!cert->dropped)
		return 0;
	for (char **one = cert->dropped; *one; one++)
		buf_addf(&all, "%s%s", all.len ? ", " : "", *one);
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "certificate.warned", .object = cert->id,
						  .name = cert->name },
			   e, "the CA did not put into the certificate: %s", buf_str(&all));
}

/* What the order shows of its CA, for people who choose one. */
static int learn(const struct issue_attempt *of, struct txn *t, const struct cert *leaf, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	bool read;

	if (rec_account_get(t, &account, of->account->id, e) < 0)
		return -1;
	read = clock_now() - account.offers_read > OFFERS_SECONDS;
	if (read)
		offers_read(&account, ca_client(of->engine, of->account));
	return offers_learn(&account, of->acme, leaf) || read ? rec_account_put(t, &account, e) : 0;
}

/* The chain becomes the version in force, its key the one that is handed out. */
static int add_version(const struct issue_attempt *of, struct txn *t, struct rec_cert *cert, const char *pem,
		       struct err *e)
{
	_cleanup_chain_ struct chain chain = { 0 };
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	const struct cert *leaf;
	const char *subclass = history_issue_subclass(t, cert, true);

	if (chain_parse(&chain, slice_str(pem), e) < 0 || (!cert->own_csr && put_key_in_force(of, t, e) < 0))
		return -1;
	leaf = &chain.cert[0];
	version_make(&version, cert, leaf, pem);
	record_set(&version.key_id, of->order->key_id);
	version.key_version = of->order->key_version;
	record_set(&version.order_id, of->order->id);

	renewal_succeeded(cert, version.issued);
	cert->current = cert->newest;
	free(cert->public_key);
	cert->public_key = spki_digest(slice_buf(&leaf->spki));
	cert->new_key = false;
	cert->not_before = leaf->not_before;
	cert->not_after = leaf->not_after;
	record_set(&cert->issuer, cert_issuer(leaf));
	cert->revoked = 0;
	if (tell_dropped(t, cert, leaf, e) < 0 || learn(of, t, leaf, e) < 0 || rec_version_put(t, &version, e) < 0 ||
	    version_in_force(t, cert, e) < 0 ||
	    alert_raise_cert(t, cert->newest > 1 ? ALERT_renewed : ALERT_issued, cert, e,
			     "Version %lld is in force, issued by %s.", (long long)cert->newest, version.issuer) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "certificate.issued", .object = cert->id,
						  .name = cert->name, .subclass = subclass },
			   e, "version %lld issued by %s, serial %s", (long long)cert->newest, version.issuer,
			   version.serial);
}

static int plan_renewal(const struct issue_attempt *of, struct txn *t, struct rec_cert *cert, struct err *e)
{
	cert->ari_start = cert->ari_end = 0;
	record_set(&cert->ari_explanation, NULL);
	renewal_plan(cert, of->engine->config);
	cert->rekey = false;
	failure_forget(cert);
	record_set(&cert->error, NULL);
	if (cert_plan(t, cert, CERT_issued, e) < 0)
		return -1;
	return agenda_set(t, AGENDA_renewal, cert->id, clock_now(), e);
}

/* Those that share its key, if that has another generation now. */
static int bring_others(const struct issue_attempt *of, struct txn *t, const struct rec_cert *cert, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };

	if (cert->own_csr)
		return 0;
	return rec_key_get(t, &key, of->order->key_id, e) < 0 ? -1 : sharing_follow(t, &key, cert->staging, e);
}

static int tell_chain(const struct issue_attempt *of, struct txn *t, struct rec_cert *cert, struct err *e)
{
	cert->chain_missed = order_chain_missed(of->acme);
	if (!cert->chain_missed)
		return 0;
	return history_add(t,
			   &(struct event_of){ .actor = "engine",
					       .action = "certificate.warned",
					       .object = cert->id,
					       .name = cert->name },
			   e, "the CA offers no chain to \"%s\": the CA's default chain is used",
			   cert->preferred_chain);
}

static int issued(const struct issue_attempt *of, struct txn *t, struct rec_cert *cert, const char *chain,
		  struct err *e)
{
	if (tell_chain(of, t, cert, e) < 0 || add_version(of, t, cert, chain, e) < 0 || plan_renewal(of, t, cert,
												     e) < 0 ||
	    (deploy_script(cert, of->engine->config->hooks_deploy) && deploy_ask(t, cert, e) < 0))
		return -1;
	return bring_others(of, t, cert, e);
}

/*
 * Failed.
 */

/* Whose trouble it was. */
enum whose {
	FAILED,		/* the certificate's own failure */
	SHARED,		/* its account's trouble, told as such */
	GONE,		/* our own order got lost at the CA, or is for the wrong key: a new one need not wait */
};

/* Writes a failure into the certificate and plans the next attempt. */
static int plan_retry(struct txn *t, struct rec_cert *cert, const struct err *why, enum whose whose, struct err *e)
{
	const char *waits_for =
		whose == SHARED ? "its account, which has a problem at the CA, or the next attempt" : NULL;
	int64_t again = whose == GONE ? clock_now() : retry_at(cert->failures + 1, why, clock_now());
	_cleanup_free_ char *problem = error_text(why);
	char when[CLOCK_RFC3339_SIZE];

	if (whose == FAILED && failure_tell(t, cert, why, again, e) < 0)
		return -1;
	record_set(&cert->error, problem);
	log_warn("certificate %s: %s (tried again at %s)", cert->name, why->message, clock_rfc3339(when, again));
	if (cert_plan_at(t, cert, CERT_failed, again, waits_for, e) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "certificate.failed", .object = cert->id,
						  .name = cert->name,
						  .subclass = history_issue_subclass(t, cert, false) },
			   e, "%s", why->message);
}

/* A limit of the CA: no failure of the certificate.  Its row is due at once, and the queue knows better when. */
static int plan_limited(const struct issue_attempt *of, struct txn *t, struct rec_cert *cert, const struct err *why,
			struct err *e)
{
	struct ledger_order order = queue_order(t, cert, of->account);
	_cleanup_free_ char *problem = error_text(why);

	record_set(&cert->error, problem);
	log_info("certificate %s: %s", cert->name, why->message);
	if (ledger_refused(t, &order, why, clock_now(), e) < 0 ||
	    cert_plan_at(t, cert, CERT_again, clock_now(), NULL, e) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "account.limited",
						  .object = of->account->id, .name = of->account->name },
			   e, "%s", why->detail[0] ? why->detail : why->message);
}

static bool is_gone(const struct issue_attempt *of, const struct rec_cert *cert, const struct err *why)
{
	return str_eq(why->code, ATTEMPT_COMPROMISED) ||
	       (str_eq(why->code, "orderGone") && (!cert->failures || of->reopened));
}

/* Whose failure was it: a limit's, the account's, or the certificate's own? */
static int plan_after(const struct issue_attempt *of, struct txn *t, struct rec_cert *cert, const struct err *why,
		      struct err *e)
{
	bool asking = !of->order->url || !*of->order->url;

	if (asking && str_eq(why->code, "rateLimited") && why->retry_at)
		return plan_limited(of, t, cert, why, e);
	if (asking && retry_is_shared(why)) {
		if (queue_account_failed(t, of->account->id, why, clock_now(), e) < 0)
			return -1;
		return plan_retry(t, cert, why, SHARED, e);
	}
	if (str_eq(of->order->step, "validate") && why->kind == ERR_CA) {
		struct ledger_order order = queue_order(t, cert, of->account);

		if (ledger_failed(t, &order, why, clock_now(), e) < 0)
			return -1;
	}
	return plan_retry(t, cert, why, is_gone(of, cert, why) ? GONE : FAILED, e);
}

static int attempt_failed(const struct issue_attempt *of, struct txn *t, struct rec_cert *cert, const struct err *why,
			  struct err *e)
{
	return plan_after(of, t, cert, why, e) < 0 ? -1 : account_note_failure(t, of->account->id, why, e);
}

int attempt_no_order(struct engine *g, const char *cert_id, const struct err *why, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int found = cert_reread(g->store, cert_id, &t, &cert, e);

	if (found <= 0)
		return found;
	if (resume_drop(t, &cert, e) < 0 || plan_retry(t, &cert, why, FAILED, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

/*
 * The end of an order.
 */

/* The CA takes its time to issue, some take days: the order is kept, and looked at again later. */
static int keep_open(const struct issue_attempt *of, int64_t until, const struct err *why, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_free_ char *problem = error_text(why);
	_cleanup_txn_ struct txn *t = NULL;
	int found = cert_reread(of->engine->store, of->cert->id, &t, &cert, e);
	bool away = why->kind == ERR_NETWORK;

	if (found <= 0)
		return found;
	record_set(&cert.error, away ? problem : NULL);
	record_set(&of->order->error, problem);
	log_info("certificate %s: %s", cert.name, why->message);
	if (rec_order_put(t, of->order, e) < 0 ||
	    cert_plan_at(t, &cert, CERT_put_off, until, away ? CA_AWAY : CA_TAKES_ITS_TIME, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

/* Until when; 0: it does not. */
static int64_t takes_its_time(const struct issue_attempt *of, const struct err *why)
{
	if (!str_eq(of->order->step, "issue") || (why->kind != ERR_TIMEOUT && why->kind != ERR_NETWORK))
		return 0;
	return renewal_patience(of->order->created, clock_now());
}

/*
 * May the next attempt go on with this order?  Not when the time of one step was too little again and again, although
 * the CA was told anew each time: then it is the order that is stuck.
 */
static bool can_go_on(const struct issue_attempt *of, const struct rec_cert *cert, const struct err *why)
{
	if (!order_goes_on(of->acme, why) || !resume_fits(of->order, cert, of->account))
		return false;
	if (!order_ran_out(of->acme) || ++of->order->ran_out < RAN_OUT_MOST)
		return true;
	log_info("certificate %s: its order is given up for a new one, after %d attempts at: %s", cert->name,
		 RAN_OUT_MOST, of->order->step);
	return false;
}

/* All that follows from the end of an order, in one transaction. */
static int attempt_finish(const struct issue_attempt *of, const char *chain, const struct err *why, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *problem = why ? error_text(why) : NULL;
	int found = cert_reread(of->engine->store, of->cert->id, &t, &cert, e);
	bool keep;

	if (found <= 0)		/* removed meanwhile, with its orders and answers */
		return found < 0 || txt_discard(t, of->order->id, e) < 0 ? -1 : txn_commit(TAKE(t), e);
	of->order->position = chain ? of->order->positions : of->order->position;
	metric_add(chain ? METRIC_orders_issued : METRIC_orders_failed, 1);
	record_set(&of->order->error, problem);
	keep = why && can_go_on(of, &cert, why);
	if ((keep ? rec_order_put(t, of->order, e) : resume_close(t, of->order, chain ? "issued" : "failed", e)) < 0)
		return -1;
	if (cert_plan(t, &cert, keep ? CERT_held : CERT_closed, e) < 0 ||
	    (chain ? issued(of, t, &cert, chain, e) : attempt_failed(of, t, &cert, why, e)) < 0 ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	if (chain)
		log_info("certificate %s: version %lld is in force", cert.name, (long long)cert.current);
	return 0;
}

int attempt_ended(const struct issue_attempt *of, const char *chain, const struct err *why, struct err *e)
{
	int64_t until = why ? takes_its_time(of, why) : 0;

	return until ? keep_open(of, until, why, e) : attempt_finish(of, chain, why, e);
}
