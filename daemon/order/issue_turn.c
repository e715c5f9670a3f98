/*
 * The turn of an order to ask its CA for one: when it is durable, and no other of the account asks.  What these have
 * met meanwhile counts: so it may be put off instead, and nothing is left of it.
 */
#include "base/clock.h"
#include "store/cert_plan.h"
#include "store/event/history.h"

#include "daemon/order/issue_type.h"
#include "daemon/order/queue.h"

static int note_order(struct issue *is, struct txn *t, const struct rec_cert *cert, struct err *e)
{
	struct ledger_order order = queue_order(t, cert, &is->account);

	record_set(&is->order.activity, order_step_text(is->order.step));
	if (ledger_sent(t, &order, clock_now(), e) < 0 || rec_order_put(t, &is->order, e) < 0)
		return -1;
	if (!is->fresh)		/* that was said before a restart */
		return 0;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "order.started", .object = cert->id,
						  .name = cert->name },
			   e, "order %lld started with account %s", (long long)cert->orders, is->account.name);
}

/* The CA has not heard of it. */
static int unmake_order(struct issue *is, struct txn *t, struct rec_cert *cert, const struct put_off *w, struct err *e)
{
	if (rec_order_delete(t, is->order.id, e) < 0)
		return -1;
	cert->orders--;
	if (cert_plan(t, cert, CERT_closed, e) < 0 || (is->wished && cert_plan(t, cert, CERT_wished, e) < 0))
		return -1;
	return queue_put_off(t, w, e);
}

/* 1: it may ask; 0: it is put off; -1. */
static int come_in(struct issue *is, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	struct put_off wait = { 0 };
	int verdict, found = cert_reread(is->job.engine->store, is->cert.id, &t, &cert, e);

	if (found <= 0 || cert.open_order != record_child_number(is->order.id))
		return MIN(found, 0);
	verdict = queue_judge_again(&is->job, t, &cert, is->wished, clock_now(), &wait, e);
	if (verdict < 0 || (verdict == VERDICT_START ? note_order(is, t, &cert, e) :
							unmake_order(is, t, &cert, &wait, e)) < 0)
		return -1;
	return txn_commit(TAKE(t), e) < 0 ? -1 : verdict == VERDICT_START;
}

static void answer_turn(struct issue *is, const struct err *err)
{
	acme_bytes_cb *cb = TAKE(is->promised);

	cb(is->promised_arg, NULL, err);
}

static void issue_come_in(struct job *job)
{
	struct issue *is = (struct issue *)job;
	struct err e = { 0 };
	int may = come_in(is, &e);

	if (may > 0)
		answer_turn(is, NULL);
	else
		issue_end(is, may, &e);
}

static void ready_to_ask(void *arg, const struct err *lost)
{
	struct issue *is = arg;

	if (lost)
		answer_turn(is, lost);
	else
		queue_at_door(&is->job, issue_come_in);
}

static void wait_for_turn(void *arg)
{
	struct issue *is = arg;

	barrier_pass(&is->job.engine->barrier, &is->told, ready_to_ask, is);
}

void issue_turn(void *engine, struct order *o, acme_bytes_cb *cb, void *cb_arg)
{
	struct issue *is = order_owner(o);

	is->promised = cb;
	is->promised_arg = cb_arg;
	timer_start(&is->pause, is->job.engine->loop, 0, wait_for_turn, is);
}
