#include "daemon/engine.h"

#include "base/clock.h"
#include "base/log.h"

#define ROWS_AT_ONCE 1000
#define LONGEST_SLEEP 3600	/* seconds; the clock may jump */
#define HOLD_MS 10000		/* after the store failed */

/* Another version of a certificate of our own site was put in force: by import or by rolling back. */
static int site_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || agenda_delete(t, AGENDA_site, row->id, e) < 0 || txn_commit(TAKE(t), e) < 0)
		return -1;
	g->site_changed(g->arg);
	return 0;
}

/* What is done for each kind of row. */
static const struct {
	enum agenda_kind kind;
	int (*due)(struct engine *, const struct agenda_row *, struct err *);
	bool is_order;		/* counts towards acme.orders_at_once */
} kinds[] = {
	{ AGENDA_issue,    issue_due,    true },
	{ AGENDA_register, register_due, false },
	{ AGENDA_site,     site_due,     false },
	{ AGENDA_account,  account_due,  false },
	{ AGENDA_revoke,   revoke_due,   false },
};

static bool is_order(enum agenda_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].is_order;
	return false;
}

static bool under_way(const struct engine *g, const struct agenda_row *row)
{
	for (const struct job *job = g->jobs; job; job = job->next)
		if (job->kind == row->kind && str_eq(job->id, row->id))
			return true;
	return false;
}

static int do_row(struct engine *g, const struct agenda_row *row, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == row->kind)
			return kinds[i].due(g, row, e);
	return 0;	/* a kind of a newer program: left alone */
}

/* Does what is due and may begin.  Returns the seconds until something else will be, or -1 if the store failed. */
static int64_t work_off(struct engine *g, struct err *e)
{
	_cleanup_free_ struct agenda_row *rows = xcalloc(ROWS_AT_ONCE, sizeof(*rows));
	_cleanup_txn_ struct txn *t = NULL;
	int64_t now = clock_now();
	int count;

	if (store_read(g->store, &t, e) < 0)
		return -1;
	count = agenda_first(t, rows, ROWS_AT_ONCE, e);
	txn_abort(TAKE(t));
	for (int i = 0; i < count; i++) {
		if (rows[i].due > now)
			return MIN(rows[i].due - now, LONGEST_SLEEP);
		if (under_way(g, &rows[i]) || (is_order(rows[i].kind) && g->orders >= g->config->acme_orders_at_once))
			continue;
		if (do_row(g, &rows[i], e) < 0)
			return -1;
	}
	return count < 0 ? -1 : LONGEST_SLEEP;
}

static void turn(void *arg)
{
	struct engine *g = arg;
	struct err e = { 0 };
	int64_t wait = work_off(g, &e);

	if (wait < 0)
		engine_hold(g, &e);
	else
		timer_start(&g->turn, g->loop, wait * 1000, turn, g);
}

void engine_wake(struct engine *g)
{
	timer_start(&g->turn, g->loop, 0, turn, g);
}

void engine_hold(struct engine *g, const struct err *e)
{
	log_err(LOG_LEVEL_ERROR, e);
	g->held_until = clock_mono_ms() + HOLD_MS;
	timer_start(&g->turn, g->loop, HOLD_MS, turn, g);
}

void engine_begin(struct engine *g, struct job *job, const struct agenda_row *row, void (*cancel)(struct job *))
{
	job->engine = g;
	job->kind = row->kind;
	snprintf(job->id, sizeof(job->id), "%s", row->id);
	job->cancel = cancel;
	job->next = g->jobs;
	g->jobs = job;
	g->orders += is_order(job->kind);
}

void engine_end(struct job *job)
{
	struct engine *g = job->engine;
	struct job **link = &g->jobs;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	g->orders -= is_order(job->kind);
	if (clock_mono_ms() >= g->held_until)
		engine_wake(g);
}

void engine_init(struct engine *g)
{
	g->fetcher = fetcher_new(g->loop, "Certera/" VERSION);
	engine_wake(g);
}

void engine_release(struct engine *g)
{
	timer_stop(&g->turn);
	while (g->jobs) {
		struct job *job = g->jobs;

		g->jobs = job->next;
		job->cancel(job);
	}
	ca_release(g);
	fetcher_free(g->fetcher);
}

char *error_text(const struct err *e)
{
	_cleanup_json_ json_t *problem = json_problem(e);

	return json_write(problem);
}
