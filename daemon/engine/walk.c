#include "daemon/engine/walk.h"

#include "base/clock.h"
#include "base/log.h"

#define STEPS_AHEAD 16	/* of the disk */
#define RETRY_MS 10000	/* after the store failed */

struct engine_walk {
	struct engine *engine;
	struct walk_of of;
	struct record_steps *steps;
	int ahead;
	struct timer turn;
	struct held held;
};

void walk_cancel(struct engine_walk *w)
{
	if (!w)
		return;
	timer_stop(&w->turn);
	barrier_leave(&w->held);
	record_steps_free(w->steps);
	free(w);
}

static void walk_end(struct engine_walk *w, const struct err *failed)
{
	struct walk_of of = w->of;

	walk_cancel(w);
	of.done(of.arg, failed);
}

static void walk_turn(void *arg);

static void walk_durable(void *arg, const struct err *lost)
{
	struct engine_walk *w = arg;

	if (lost)
		walk_end(w, lost);
	else
		timer_start(&w->turn, w->engine->loop, 0, walk_turn, w);
}

static void walk_turn(void *arg)
{
	struct engine_walk *w = arg;
	struct err e = { 0 };
	int more = record_steps_next(w->engine->store, w->steps, &e);

	if (more <= 0) {
		walk_end(w, more < 0 ? &e : NULL);
	} else if (++w->ahead % STEPS_AHEAD) {
		timer_start(&w->turn, w->engine->loop, 0, walk_turn, w);
	} else {
		barrier_leave(&w->held);
		barrier_pass(&w->engine->barrier, &w->held, walk_durable, w);
	}
}

struct engine_walk *walk_start(struct engine *g, const struct walk_of *of)
{
	struct engine_walk *w = xcalloc(1, sizeof(*w));

	w->engine = g;
	w->of = *of;
	w->steps = record_steps_new(of->type, of->fn, of->arg);
	timer_start(&w->turn, g->loop, 0, walk_turn, w);
	return w;
}

/*
 * Planners.
 */

struct planning {
	struct engine *engine;
	size_t next;			/* of the kinds */
	const struct planner *planner;	/* under way */
	void *arg;			/* its own */
	struct buf mark;
	struct engine_walk *walk;
	struct timer again;
};

static void planning_stop(struct planning *p)
{
	walk_cancel(TAKE(p->walk));
	timer_stop(&p->again);
	free(TAKE(p->arg));
	buf_clear(&p->mark);
}

static struct slice mark_key(const struct planner *planner, struct buf *key)
{
	buf_addf(key, "planned/%s", planner->id);
	return slice_buf(key);
}

static int put_mark(struct planning *p, struct slice mark, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_buf_ struct buf key = BUF_INIT;

	if (store_write(p->engine->store, &t, e) < 0 || txn_put(t, TABLE_meta, mark_key(p->planner, &key), mark, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

/* 1: it has work to do; 0: what it would plan is planned. */
static int look_at_mark(struct planning *p, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct slice mark;

	if (store_read(p->engine->store, &t, e) < 0 || p->planner->begin(p->engine, t, &p->arg, &p->mark, e) < 0 ||
	    txn_get(t, TABLE_meta, mark_key(p->planner, &key), &mark, e) < 0)
		return -1;
	return !slice_eq(mark, slice_buf(&p->mark));
}

static void planning_go_on(struct planning *);

static void planning_again(void *arg)
{
	planning_go_on(arg);
}

static void planning_failed(struct planning *p, const struct err *failed)
{
	log_err(LOG_LEVEL_ERROR, failed);
	planning_stop(p);
	timer_start(&p->again, p->engine->loop, RETRY_MS, planning_again, p);
}

static int planning_plan(void *arg, struct txn *t, void *rec, struct err *e)
{
	struct planning *p = arg;

	return p->planner->fn(p->arg, t, rec, e);
}

static void planning_done(void *arg, const struct err *failed)
{
	struct planning *p = arg;
	struct err e = { 0 };

	p->walk = NULL;
	if (!failed && put_mark(p, slice_buf(&p->mark), &e) < 0)
		failed = &e;
	if (failed) {
		planning_failed(p, failed);
		return;
	}
	p->next++;
	engine_wake(p->engine);
	planning_go_on(p);
}

/* Until it is done, nothing says so: after a crash it begins again. */
static int planning_walk(struct planning *p, struct err *e)
{
	struct walk_of of = { p->planner->type, planning_plan, planning_done, p };
	int wanted = look_at_mark(p, e);

	if (wanted <= 0)
		return wanted;
	if (put_mark(p, slice(NULL, 0), e) < 0)
		return -1;
	p->walk = walk_start(p->engine, &of);
	return 0;
}

static void planning_go_on(struct planning *p)
{
	const struct engine *g = p->engine;
	struct err e = { 0 };

	for (; !p->walk && p->next < g->kind_count; p->next += !p->walk) {
		planning_stop(p);
		p->planner = g->kinds[p->next].planner;
		if (p->planner && planning_walk(p, &e) < 0) {
			planning_failed(p, &e);
			return;
		}
	}
}

void planning_begin(struct engine *g)
{
	struct planning *p = g->planning;

	planning_stop(p);
	p->next = 0;
	if (!g->resting)
		planning_go_on(p);
}

void planning_init(struct engine *g)
{
	g->planning = xcalloc(1, sizeof(*g->planning));
	g->planning->engine = g;
	g->plan_records = planning_begin;
}

void planning_release(struct engine *g)
{
	struct planning *p = TAKE(g->planning);

	if (!p)
		return;
	planning_stop(p);
	buf_release(&p->mark);
	free(p);
}
