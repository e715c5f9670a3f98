/* Giving up the authorizations of an order, one at a time: its row of the agenda stays due until none is left. */
#include "base/clock.h"
#include "base/log.h"
#include "store/history.h"

#include "daemon/engine.h"
#include "daemon/renewal.h"

struct relinquishment {
	struct job job;
	struct rec_order order;		/* as of the begin; reread before it is changed */
	struct rec_account account;
	struct acme_request *acme;
};

static void relinquishment_free(struct relinquishment *r)
{
	acme_request_cancel(r->acme);
	rec_order_release(&r->order);
	rec_account_release(&r->account);
	free(r);
}

static void relinquishment_cancel(struct job *job)
{
	relinquishment_free((struct relinquishment *)job);
}

static int note(struct txn *t, const struct rec_order *order, const char *url, const struct err *why, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_free_ char *cert_id = xstrndup(order->id, strcspn(order->id, "/"));

	if (rec_cert_get(t, &cert, cert_id, e) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .object = cert.id, .name = cert.name,
						  .action = why ? "certificate.not-relinquished" :
								  "certificate.relinquished" },
			   e, why ? "the authorization %s: %s" : "the authorization %s is given up%s", url,
			   why ? why->message : "");
}

static void drop_url(struct rec_order *order, const char *url)
{
	char **left = NULL;

	for (char **one = order->authorizations; one && *one; one++)
		if (!str_eq(*one, url))
			strv_add(&left, *one);
	strv_free(order->authorizations);
	order->authorizations = left;
	order->relinquish_failures = 0;
}

/* The row is due again: at once for the next one, or later for this one. */
static int finish(struct engine *g, const char *order_id, const char *url, const struct err *why, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int64_t again = clock_now();

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if (rec_order_get(t, &order, order_id, e) < 0) {	/* deleted meanwhile, with its certificate */
		if (e->kind != ERR_MISSING || agenda_delete(t, AGENDA_relinquish, order_id, e) < 0)
			return -1;
		return txn_commit(TAKE(t), e);
	}
	if (why)
		log_warn("%s", why->message);
	if (why && renewal_may_pass(why))	/* every other refusal means that there is nothing to give up */
		again = renewal_retry(++order.relinquish_failures, why, again);
	else if (url)
		drop_url(&order, url);
	if ((url && note(t, &order, url, why, e) < 0) || rec_order_put(t, &order, e) < 0 ||
	    (strv_len(order.authorizations) ? agenda_set(t, AGENDA_relinquish, order_id, again, e)
					    : agenda_delete(t, AGENDA_relinquish, order_id, e)) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void relinquishment_done(void *arg, const json_t *answer, const struct err *why)
{
	struct relinquishment *r = arg;
	struct err e = { 0 };

	r->acme = NULL;
	if (finish(r->job.engine, r->job.id, r->order.authorizations[0], why, &e) < 0)
		engine_hold(r->job.engine, &e);
	engine_end(&r->job);
	relinquishment_free(r);
}

static int start(struct relinquishment *r, struct txn *t, struct err *e)
{
	struct acme_account who = { 0 };

	if (rec_account_get(t, &r->account, r->order.account_id, e) < 0 ||
	    ca_account(r->job.engine, t, &r->account, &who, e) < 0)
		return err_prefix(e, "the account that ordered it");
	r->acme = acme_relinquish_start(ca_client(r->job.engine, &r->account), &who, r->order.authorizations[0],
					relinquishment_done, r);
	return 0;
}

int relinquish_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct relinquishment *r = xcalloc(1, sizeof(*r));
	_cleanup_txn_ struct txn *t = NULL;
	struct err why = { 0 };
	const char *url = NULL;
	int failed = -1;

	engine_begin(g, &r->job, row, relinquishment_cancel);
	if (store_read(g->store, &t, &why) == 0 && rec_order_get(t, &r->order, row->id, &why) == 0) {
		url = strv_len(r->order.authorizations) ? r->order.authorizations[0] : NULL;
		if (url && start(r, t, &why) == 0)
			return 0;
	}
	txn_abort(TAKE(t));
	if (why.kind == ERR_STORAGE)
		*e = why;
	else
		failed = finish(g, row->id, url, err_is_set(&why) ? &why : NULL, e);
	engine_end(&r->job);
	relinquishment_free(r);
	return failed;
}
