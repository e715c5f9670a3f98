#include "daemon/engine/engine.h"

#include "base/clock.h"
#include "base/log.h"

#define LONGEST_SLEEP 3600	/* seconds; the clock may jump */
#define HOLD_MS 10000		/* after the store failed */
#define PATIENCE_MS 500		/* that what waits for the disk can wait for company */
#define STARTS_AT_ONCE 64	/* in one turn */
#define WAITS_AT_ONCE 256	/* in one transaction */

static const struct kind *kind_of(const struct engine *g, enum agenda_kind kind)
{
	for (size_t i = 0; i < g->kind_count; i++)
		if (g->kinds[i].kind == kind)
			return &g->kinds[i];
	return NULL;	/* of a newer program: left alone */
}

static int at_once(const struct engine *g, const struct kind *kind)
{
	return kind->limit ? kind->limit(g) : kind->at_once;
}

static bool under_way(const struct engine *g, const struct agenda_row *row)
{
	for (const struct job *job = g->jobs; job; job = job->next)
		if (job->kind == row->kind && str_eq(job->id, row->id))
			return true;
	return false;
}

/* What one look at the agenda finds.  However many rows are due, it holds no more. */
struct engine_look {
	struct engine *engine;
	struct txn *txn;
	int64_t now;
	int taken[KINDS_MOST];		/* under way or to be started, by kind */
	struct agenda_row start[STARTS_AT_ONCE];
	struct put_off wait[WAITS_AT_ONCE];
	size_t starts, waits;
};

/* Rows of one lane go one after the other. */
static bool lane_is_taken(const struct engine_look *look, const struct agenda_row *row, const struct kind *kind)
{
	for (const struct job *job = look->engine->jobs; job; job = job->next)
		if (job->kind == row->kind && kind->same_lane(job->id, row->id))
			return true;
	for (size_t i = 0; i < look->starts; i++)
		if (look->start[i].kind == row->kind && kind->same_lane(look->start[i].id, row->id))
			return true;
	return false;
}

static int engine_judge(struct engine_look *look, const struct agenda_row *row, const struct kind *kind, struct err *e)
{
	if (kind->judge)
		return kind->judge(look->engine, look->txn, row->id, look->now, &look->wait[look->waits], e);
	if (kind->same_lane && lane_is_taken(look, row, kind))
		return VERDICT_LEAVE;
	look->taken[kind - look->engine->kinds]++;
	return VERDICT_START;
}

/* One due row.  Every row is looked at, so that a herd of one kind hides no other. */
static int engine_look_at(void *arg, const struct agenda_row *row, struct err *e)
{
	struct engine_look *look = arg;
	const struct engine *g = look->engine;
	const struct kind *kind = kind_of(g, row->kind);
	int verdict;

	/* Full is full: ten thousand rows of a kind are passed over without a look at each. */
	if (kind && !kind->judge && look->taken[kind - g->kinds] >= at_once(g, kind))
		return AGENDA_PASS;
	if (!kind || under_way(g, row))
		return 0;
	verdict = engine_judge(look, row, kind, e);
	if (verdict == VERDICT_START)
		look->start[look->starts++] = *row;
	if (verdict == VERDICT_PUT_OFF)
		look->waits++;
	return verdict < 0 ? -1 : look->starts == STARTS_AT_ONCE || look->waits == WAITS_AT_ONCE;
}

static int look_around(struct engine_look *look, int64_t *next, struct err *e)
{
	struct engine *g = look->engine;
	_cleanup_txn_ struct txn *t = NULL;

	for (size_t i = 0; i < g->kind_count; i++)
		if (g->kinds[i].count)
			g->kinds[i].count(g);
	for (const struct job *job = g->jobs; job; job = job->next)
		look->taken[kind_of(g, job->kind) - g->kinds] += !job->slow;
	if (store_read(g->store, &t, e) < 0)
		return -1;
	look->txn = t;
	return agenda_each_due(t, look->now, engine_look_at, look, next, e);
}

static int engine_put_off(struct engine_look *look, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (!look->waits)
		return 0;
	if (store_write(look->engine->store, &t, e) < 0)
		return -1;
	for (size_t i = 0; i < look->waits; i++)
		if (kind_of(look->engine, look->wait[i].kind)->put_off(t, &look->wait[i], e) < 0)
			return -1;
	return txn_commit(TAKE(t), e);
}

/* Does what is due and may begin.  Returns the seconds until something else will be, or -1 if the store failed. */
static int64_t work_off(struct engine *g, struct err *e)
{
	_cleanup_free_ struct engine_look *look = xcalloc(1, sizeof(*look));
	int64_t next;

	look->engine = g;
	look->now = clock_now();
	if (look_around(look, &next, e) < 0 || engine_put_off(look, e) < 0)
		return -1;
	for (size_t i = 0; i < look->starts; i++)
		if (kind_of(g, look->start[i].kind)->due(g, &look->start[i], e) < 0)
			return -1;
	if (look->starts == STARTS_AT_ONCE || look->waits)
		return 0;
	return MIN(MAX(next - look->now, 0), LONGEST_SLEEP);
}

/* The first time, and when what was planned may be lost. */
static void plan_all(struct engine *g)
{
	for (size_t i = 0; i < g->kind_count; i++)
		if (g->kinds[i].plan)
			g->kinds[i].plan(g);
	if (g->plan_records)
		g->plan_records(g);
}

/* After a loss: -1 as long as the store takes nothing. */
static int plan_anew(struct engine *g, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (!g->anew)
		return 0;
	if (store_write(g->store, &t, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	g->anew = false;
	plan_all(g);
	return 0;
}

static void engine_turn(void *arg)
{
	struct engine *g = arg;
	struct err e = { 0 };
	int64_t wait;

	g->woken = false;
	wait = plan_anew(g, &e) < 0 ? -1 : work_off(g, &e);
	if (wait < 0)
		engine_hold(g, &e);
	else	/* what was done at once may have planned something sooner than what was seen at its begin */
		timer_start(&g->turn, g->loop, g->woken ? 0 : wait * 1000, engine_turn, g);
}

void engine_wake(struct engine *g)
{
	g->woken = true;
	if (!g->resting)
		timer_start(&g->turn, g->loop, 0, engine_turn, g);
}

void engine_hold(struct engine *g, const struct err *e)
{
	log_err(LOG_LEVEL_ERROR, e);
	g->held_until = clock_mono_ms() + HOLD_MS;
	if (!g->resting)
		timer_start(&g->turn, g->loop, HOLD_MS, engine_turn, g);
}

void engine_begin(struct engine *g, struct job *job, const struct agenda_row *row, void (*cancel)(struct job *))
{
	job->engine = g;
	job->kind = row->kind;
	snprintf(job->id, sizeof(job->id), "%s", row->id);
	job->cancel = cancel;
	job->next = g->jobs;
	g->jobs = job;
}

void engine_end(struct job *job)
{
	struct engine *g = job->engine;
	struct job **link = &g->jobs;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	if (clock_mono_ms() >= g->held_until)
		engine_wake(g);
}

/*
 * What was written becomes durable, or is lost.
 */

static void cancel_jobs(struct engine *g, bool all)
{
	struct job **link = &g->jobs;

	while (*link) {
		struct job *job = *link;

		if (job->stays && !all) {
			link = &job->next;
			continue;
		}
		*link = job->next;
		job->cancel(job);
	}
}

/* As after a crash: what was under way is due, and goes on from what is durable. */
static void begin_anew(struct engine *g)
{
	cancel_jobs(g, false);
	for (size_t i = 0; i < g->kind_count; i++)
		if (g->kinds[i].forget)
			g->kinds[i].forget(g);
	store_task_ahead(g->store);
	g->anew = true;
	engine_wake(g);
}

void engine_rest(struct engine *g)
{
	if (g->resting)
		return;
	g->resting = true;
	timer_stop(&g->turn);
	if (g->plan_records)
		g->plan_records(g);
	begin_anew(g);
}

void engine_take_up(struct engine *g)
{
	if (!g->resting)
		return;
	g->resting = false;
	begin_anew(g);	/* what it knew is of the time before */
}

static uint64_t ticket(void *arg)
{
	struct engine *g = arg;
	uint64_t seen = store_seen(g->store);

	if (seen)
		bell_await(g->bell, seen);
	return seen;
}

static int fate(void *arg, uint64_t batch, struct err *why)
{
	struct engine *g = arg;

	switch (store_fate(g->store, batch)) {
	case FATE_KEPT:
		return 1;
	case FATE_OPEN:
		return 0;
	case FATE_LOST:
		break;
	}
	return store_lost(g->store, why);
}

static void bell_rang(void *arg)
{
	struct engine *g = arg;
	uint64_t next;

	if (store_fate(g->store, store_seen(g->store)) == FATE_LOST) {
		log_warn("the last writes are lost: work restarts from the store");
		begin_anew(g);
	} else if (g->anew) {	/* the store takes something again */
		engine_wake(g);
	}
	next = barrier_look(&g->barrier);
	if (next)
		bell_await(g->bell, next);
}

static void tell_site(void *arg, const struct err *lost)
{
	struct engine *g = arg;

	if (!lost)
		g->site_changed(g->arg);
}

void engine_site_changed(struct engine *g)
{
	barrier_leave(&g->site);
	barrier_pass(&g->barrier, &g->site, tell_site, g);
}

void engine_cancel(struct engine *g, enum agenda_kind kind, const char *id)
{
	struct job *job = g->jobs;

	while (job && (job->kind != kind || !str_eq(job->id, id)))
		job = job->next;
	if (!job)
		return;
	engine_end(job);
	job->cancel(job);
}

void engine_init(struct engine *g)
{
	store_task_ahead(g->store);
	g->barrier.ticket = ticket;
	g->barrier.fate = fate;
	g->barrier.arg = g;
	barrier_init(&g->barrier);
	g->bell = bell_new(g->store, g->loop, bell_rang, g);
	bell_patience(g->bell, PATIENCE_MS);
	if (!g->resting)
		plan_all(g);
	engine_wake(g);
}

void engine_replan(struct engine *g)
{
	if (g->resting)
		return;
	for (size_t i = 0; i < g->kind_count; i++)
		if (g->kinds[i].replan)
			g->kinds[i].replan(g);
	if (g->plan_records)
		g->plan_records(g);
	engine_wake(g);
}

static int plan(struct engine *g, enum agenda_kind kind, const char *id, plan_next_fn *next, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	int64_t due;
	int planned;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	planned = agenda_due(t, kind, id, &due, e);
	if (planned < 0 || (planned && due <= clock_now()))
		return MIN(planned, 0);
	return next(g, t, e) < 0 ? -1 : txn_commit(TAKE(t), e);
}

void engine_plan(struct engine *g, enum agenda_kind kind, const char *id, plan_next_fn *next)
{
	struct err e = { 0 };

	if (plan(g, kind, id, next, &e) < 0)
		log_err(LOG_LEVEL_ERROR, &e);
}

void engine_release(struct engine *g)
{
	timer_stop(&g->turn);
	cancel_jobs(g, true);
	barrier_leave(&g->site);
	bell_free(g->bell);
}

char *error_text(const struct err *e)
{
	_cleanup_json_ json_t *problem = json_problem(e);

	return json_write(problem);
}
