/* The job that looks for what a person publishes for an order that waits. */
#include "base/clock.h"
#include "base/log.h"
#include "daemon/order/look.h"
#include "store/cert_plan.h"
#include "store/event/history.h"

struct looking {
	struct job job;
	char *cert_id;
	int64_t order;		/* its number */
	struct look *look;
};

static void looking_free(struct looking *w)
{
	if (w->look)
		look_cancel(w->look);
	free(w->cert_id);
	free(w);
}

static void looking_cancel(struct job *job)
{
	looking_free((struct looking *)job);
}

/* Everything is there, and nobody has said so yet. */
static int let_go_on(struct txn *t, struct rec_cert *cert, struct err *e)
{
	struct event_of event = {
		.actor = "engine", .action = "order.verified", .object = cert->id, .name = cert->name
	};

	log_info("certificate %s: everything is published", cert->name);
	return cert_plan(t, cert, CERT_verify, e) < 0
		       ? -1
		       : history_add(t, &event, e, "everything is published: the order continues");
}

/* A "verify" under way has the order, and says itself what is missing. */
static int write_down(struct looking *w, const json_t *items, bool all, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(w->cert_id, w->order);
	_cleanup_txn_ struct txn *t = NULL;
	int there = cert_reread(w->job.engine->store, w->cert_id, &t, &cert, e);

	if (there < 0 || agenda_delete(t, AGENDA_look, w->cert_id, e) < 0)
		return -1;
	if (there && cert.waiting && !cert.verify && cert.open_order == w->order) {
		if (rec_order_get(t, &order, id, e) < 0)
			return -1;
		free(order.found);
		order.found = json_write(items);
		order.looked = clock_now();
		order.looks++;
		if (rec_order_put(t, &order, e) < 0 || (all && !cert.disabled && let_go_on(t, &cert, e) < 0))
			return -1;
	}
	return txn_commit(TAKE(t), e);
}

static void looking_ended(void *arg, json_t *items, bool all)
{
	struct looking *w = arg;
	struct engine *g = w->job.engine;
	struct err e = { 0 };

	w->look = NULL;
	if (write_down(w, items, all, &e) < 0)
		engine_hold(g, &e);
	engine_end(&w->job);
	looking_free(w);
	engine_wake(g);
}

/* 1: it is under way; 0: nothing waits for a person. */
static int looking_begin(struct looking *w, struct err *e)
{
	struct engine *g = w->job.engine;
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	enum reach reach;
	int there = cert_reread(g->store, w->cert_id, &t, &cert, e);

	if (there < 0)
		return -1;
	if (!there || !cert.waiting)
		return agenda_delete(t, AGENDA_look, w->cert_id, e) < 0 ? -1 : txn_commit(TAKE(t), e);
	w->order = cert.open_order;
	id = record_child_id(cert.id, cert.open_order);
	if (rec_order_get(t, &order, id, e) < 0 || reach_of_cert(t, &cert, &reach, e) < 0)
		return -1;
	w->look = look_start(g, order.todo, g->config->preflight_enabled && !cert.no_preflight, reach, looking_ended, w,
			     e);
	return w->look ? 1 : -1;
}

int look_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct looking *w = xcalloc(1, sizeof(*w));
	int begun;

	w->cert_id = xstrdup(row->id);
	engine_begin(g, &w->job, row, looking_cancel);
	begun = looking_begin(w, e);
	if (begun > 0)
		return 0;
	engine_end(&w->job);
	looking_free(w);
	return begun;
}
