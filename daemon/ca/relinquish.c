/* Giving up the authorizations of an order, one at a time: its row of the agenda stays due until none is left. */
#include "daemon/ca/relinquish.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/event/history.h"

#include "daemon/ca/ca.h"
#include "daemon/engine/retry.h"

#define ATTEMPTS 8	/* after that, it is left to the CA to let it expire */

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

/* Of a certificate that was removed, its events have the name. */
static int relinquish_note(struct txn *t, const struct rec_order *order, const char *url, const struct err *why,
			   struct err *e)
{
	_cleanup_free_ char *cert_id = record_parent_id(order->id), *name = history_name(t, cert_id);

	return history_add(t, &(struct event_of){ .actor = "engine", .object = cert_id, .name = name,
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

/* 1: yes; -1: the store failed. */
static int is_orphan(struct txn *t, const char *order_id, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_free_ char *cert_id = record_parent_id(order_id);
	struct err why = { 0 };

	if (rec_cert_get(t, &cert, cert_id, &why) == 0)
		return 0;
	if (why.kind == ERR_MISSING)
		return 1;
	*e = why;
	return -1;
}

/* Every other refusal means that there is nothing to give up.  What nobody waits for is not tried for ever. */
static bool is_tried_again(const struct rec_order *order, const struct err *why, bool orphan)
{
	return why && retry_may_help(why) && !(orphan && order->relinquish_failures >= ATTEMPTS);
}

/* The order of a certificate that was removed stays only for this. */
static int put_left(struct txn *t, struct rec_order *order, int64_t again, bool orphan, struct err *e)
{
	bool left = strv_len(order->authorizations);

	if (!left && agenda_delete(t, AGENDA_relinquish, order->id, e) < 0)
		return -1;
	if (!left && orphan)
		return rec_order_delete(t, order->id, e);
	if (left && agenda_set(t, AGENDA_relinquish, order->id, again, e) < 0)
		return -1;
	return rec_order_put(t, order, e);
}

/* The row is due again: at once for the next one, or later for this one. */
static int relinquish_finish(struct engine *g, const char *order_id, const char *url, const struct err *why,
			     struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int64_t again = clock_now();
	int orphan;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if (rec_order_get(t, &order, order_id, e) < 0) {	/* deleted meanwhile, with its certificate */
		if (e->kind != ERR_MISSING || agenda_delete(t, AGENDA_relinquish, order_id, e) < 0)
			return -1;
		return txn_commit(TAKE(t), e);
	}
	orphan = is_orphan(t, order_id, e);
	if (orphan < 0)
		return -1;
	if (why)
		log_warn("the authorization %s is not given up: %s", url ? url : "of an order", why->message);
	if (is_tried_again(&order, why, orphan))
		again = retry_at(++order.relinquish_failures, why, again);
	else if (url)
		drop_url(&order, url);
	if ((url && relinquish_note(t, &order, url, why, e) < 0) || put_left(t, &order, again, orphan, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void relinquishment_done(void *arg, const json_t *answer, const struct err *why)
{
	struct relinquishment *r = arg;
	struct err e = { 0 };

	r->acme = NULL;
	if (relinquish_finish(r->job.engine, r->job.id, r->order.authorizations[0], why, &e) < 0)
		engine_hold(r->job.engine, &e);
	engine_end(&r->job);
	relinquishment_free(r);
}

/*
 * CAs use an authorization for several orders.  The person who gives it up means all of them; who removes a certificate
 * does not mean the others.
 */

struct need {
	struct txn *txn;
	const char *url;
	bool found;
};

static int look_for_need(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	const struct rec_cert *cert = rec;
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *cert_id = NULL, *id = NULL;
	struct need *n = arg;

	if (!cert->open_order)
		return 0;
	cert_id = xstrndup(value[REC_cert_id].data, value[REC_cert_id].len);
	id = record_child_id(cert_id, cert->open_order);
	n->found |= rec_order_get(n->txn, &order, id, NULL) == 0 && strv_has(order.authorizations, n->url);
	return 0;
}

/* 1: another order needs it. */
static int is_needed(struct txn *t, const char *order_id, const char *url, struct err *e)
{
	struct need n = { t, url, false };
	int orphan = is_orphan(t, order_id, e);

	if (orphan <= 0)
		return orphan;
	return record_skim(t, &rec_cert_type, look_for_need, &n, e) < 0 ? -1 : n.found;
}

static int relinquish_start(struct relinquishment *r, struct txn *t, struct err *e)
{
	struct acme_account who = { 0 };
	int needed = is_needed(t, r->order.id, r->order.authorizations[0], e);

	if (needed)
		return needed < 0 ? -1 : err_set(e, ERR_CONFLICT, "a different order needs it");
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
		if (url && relinquish_start(r, t, &why) == 0)
			return 0;
	}
	txn_abort(TAKE(t));
	if (why.kind == ERR_STORAGE)
		*e = why;
	else
		failed = relinquish_finish(g, row->id, url, err_is_set(&why) ? &why : NULL, e);
	engine_end(&r->job);
	relinquishment_free(r);
	return failed;
}
