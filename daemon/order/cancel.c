/*
 * An order is canceled while it is under way: only the engine can stop it.  Its answers are served no longer, its TXT
 * records are removed, its authorizations given up (daemon/ca/relinquish.c); no other order follows until it is wished.
 * One that waits for a person is nobody's job, and ends where it is canceled (webui/order/by_hand.c).
 */
#include "daemon/order/cancel.h"

#include "acme/acme.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/cert_plan.h"
#include "store/event/history.h"

#include "daemon/order/resume.h"

/* The number of the order that is under way, or kept; 0: none has begun. */
static int64_t number_of(const struct rec_cert *cert)
{
	return cert->open_order ? cert->open_order : cert->kept_order;
}

static int close_order(struct txn *t, const struct rec_cert *cert, bool *sent, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, number_of(cert));

	if (rec_order_get(t, &order, id, e) < 0)
		return -1;
	*sent = order_step_index(order.step) >= order_step_index("finalize");
	if (resume_close(t, &order, "canceled", e) < 0)
		return -1;
	return strv_len(order.authorizations) ? agenda_set(t, AGENDA_relinquish, order.id, clock_now(), e) : 0;
}

static int cancel(struct txn *t, struct rec_cert *cert, struct err *e)
{
	bool sent = false;

	if (number_of(cert) && close_order(t, cert, &sent, e) < 0)
		return -1;
	log_info("certificate %s: its order is canceled", cert->name);
	if (cert_plan(t, cert, CERT_canceled, e) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "order.canceled", .object = cert->id,
						  .name = cert->name },
			   e, "the order is canceled%s; order it again to start a new one",
			   sent ? ". The CA has its request, and may still issue a certificate that nobody uses" : "");
}

int cancel_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int there;

	engine_cancel(g, AGENDA_issue, row->id);
	there = cert_reread(g->store, row->id, &t, &cert, e);
	if (there < 0 || agenda_delete(t, AGENDA_cancel, row->id, e) < 0 || (there && cancel(t, &cert, e) < 0) ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_wake(g);
	return 0;
}
