/*
 * What is left to do for a certificate whose record was removed.  What is under way for it stops; nothing of its orders
 * is served any more, and their TXT records are removed.  The orders go, too; one that was not over stays until its
 * authorizations are given up at the CA (daemon/ca/relinquish.c).
 */
#include "daemon/order/removed.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/event/history.h"

#include "daemon/challenge/answers.h"
#include "daemon/challenge/txt.h"
#include "daemon/order/check.h"

static int collect_order(void *arg, void *rec, struct err *e)
{
	strv_add(arg, ((const struct rec_order *)rec)->id);
	return 0;
}

static int removed_stop(struct txn *t, struct rec_order *order, const char *cert_id, struct err *e)
{
	_cleanup_free_ char *name = history_name(t, cert_id);

	order->finished = clock_now();
	record_set(&order->result, "removed");
	record_set(&order->state, NULL);
	record_set(&order->todo, NULL);
	log_info("certificate %s: it was removed, so its order is stopped", name ? name : cert_id);
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "order.stopped", .object = cert_id,
						  .name = name },
			   e, "the certificate was removed, so its order is stopped");
}

/* Is what it was proved with still to be given up?  1 yes, 0 no, -1. */
static int has_to_stay(struct txn *t, const struct rec_order *order, struct err *e)
{
	int64_t due;

	if (!strv_len(order->authorizations))
		return 0;
	return order->finished ? agenda_due(t, AGENDA_relinquish, order->id, &due, e) : 1;
}

static int remove_order(struct txn *t, const char *id, const char *cert_id, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	int stays;

	if (rec_order_get(t, &order, id, e) < 0)
		return -1;
	stays = has_to_stay(t, &order, e);
	if (stays > 0 && order.finished)	/* its row is there */
		return 0;
	if (stays < 0 || (!order.finished && removed_stop(t, &order, cert_id, e) < 0))
		return -1;
	if (!stays)
		return rec_order_delete(t, id, e);
	return rec_order_put(t, &order, e) < 0 ? -1 : agenda_set(t, AGENDA_relinquish, id, clock_now(), e);
}

static int remove_orders(struct txn *t, const char *cert_id, struct err *e)
{
	_cleanup_free_ char *parent = xasprintf("%s/", cert_id);
	_cleanup_strv_ char **ids = NULL;
	int result = record_each(t, &rec_order_type, parent, false, collect_order, &ids, e);

	for (size_t i = 0; result >= 0 && i < strv_len(ids) && !txn_is_large(t); i++)
		result = remove_order(t, ids[i], cert_id, e);
	return result;
}

/* As long as there are more orders than fit, the row stays due, and the next step is a turn later. */
static int remove_row(struct txn *t, const char *cert_id, struct err *e)
{
	return txn_is_large(t) ? 0 : agenda_delete(t, AGENDA_removed, cert_id, e);
}

int removed_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_free_ char *check = check_owner(row->id);
	_cleanup_txn_ struct txn *t = NULL;

	engine_cancel(g, AGENDA_issue, row->id);
	engine_cancel(g, AGENDA_check, row->id);
	engine_cancel(g, AGENDA_look, row->id);
	if (store_write(g->store, &t, e) < 0 || answers_delete(t, row->id, e) < 0 || answers_delete(t, check, e) < 0 ||
	    txt_discard(t, row->id, e) < 0 || remove_orders(t, row->id, e) < 0 ||
	    remove_row(t, row->id, e) < 0 || txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_wake(g);
	return 0;
}
