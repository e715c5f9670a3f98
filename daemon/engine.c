#include "daemon/engine.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/check.h"
#include "daemon/dns_query.h"
#include "daemon/forget.h"
#include "daemon/forgot.h"
#include "daemon/hook.h"
#include "daemon/outbox.h"
#include "daemon/queue.h"
#include "daemon/track.h"

#define LONGEST_SLEEP 3600	/* seconds; the clock may jump */
#define HOLD_MS 10000		/* after the store failed */
#define STARTS_AT_ONCE 64	/* in one turn */
#define WAITS_AT_ONCE 256	/* in one transaction */

/* Another version of a certificate of our own site was put in force: by import or by rolling back. */
static int site_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || agenda_delete(t, AGENDA_site, row->id, e) < 0 ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	g->site_changed(g->arg);
	return 0;
}

/*
 * What is done for each kind of row, and how many of it at one time;
 * orders have limits of their own (queue.c), scans as configured.
 */
static const struct kind {
	enum agenda_kind kind;
	int (*due)(struct engine *, const struct agenda_row *, struct err *);
	int at_once;
} kinds[] = {
	{ AGENDA_issue,    issue_due,    0 },
	{ AGENDA_register, register_due, 10 },
	{ AGENDA_renewal,  renewal_due,  10 },
	{ AGENDA_check,    check_due,    5 },
	{ AGENDA_recheck,  recheck_due,  1 },
	{ AGENDA_cleanup,  cleanup_due,  20 },
	{ AGENDA_trial,    trial_due,    5 },
	{ AGENDA_account,  account_due,  10 },
	{ AGENDA_revoke,   revoke_due,   10 },
	{ AGENDA_relinquish, relinquish_due, 10 },
	{ AGENDA_site,     site_due,     1 },
	{ AGENDA_deploy,   deploy_due,   20 },
	{ AGENDA_revocation, revocation_due, 10 },
	{ AGENDA_rotation, rotation_due, 1 },
	{ AGENDA_mail,     outbox_due,   8 },
	{ AGENDA_post,     outbox_due,   40 },
	{ AGENDA_expiry,   expiry_due,   20 },
	{ AGENDA_scan,     scan_due,     0 },
	{ AGENDA_live,     live_due,     0 },
	{ AGENDA_backup,   upkeep_due,   1 },
	{ AGENDA_verify,   upkeep_due,   1 },
	{ AGENDA_session,  session_due,  10 },
	{ AGENDA_caller,   caller_due,   10 },
	{ AGENDA_forgot,   forgot_due,   4 },
};

static const struct kind *kind_of(enum agenda_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind)
			return &kinds[i];
	return NULL;	/* of a newer program: left alone */
}

static int at_once(const struct engine *g, const struct kind *kind)
{
	if (kind->kind == AGENDA_scan || kind->kind == AGENDA_live)
		return (int)g->config->tracking_at_once;
	return kind->at_once;
}

static bool under_way(const struct engine *g, const struct agenda_row *row)
{
	for (const struct job *job = g->jobs; job; job = job->next)
		if (job->kind == row->kind && str_eq(job->id, row->id))
			return true;
	return false;
}

/* What one look at the agenda finds.  However many rows are due, it holds no more. */
struct look {
	struct engine *engine;
	struct txn *txn;
	int64_t now;
	int taken[ARRAY_SIZE(kinds)];	/* under way or to be started, by kind */
	struct agenda_row start[STARTS_AT_ONCE];
	struct queue_wait wait[WAITS_AT_ONCE];
	size_t starts, waits;
};

/* Messages of one channel go one after the other. */
static bool has_to_wait(const struct look *look, const struct agenda_row *row)
{
	for (const struct job *job = look->engine->jobs; job; job = job->next)
		if (job->kind == row->kind && outbox_same_channel(job->id, row->id))
			return true;
	for (size_t i = 0; i < look->starts; i++)
		if (look->start[i].kind == row->kind && outbox_same_channel(look->start[i].id, row->id))
			return true;
	return false;
}

static int judge(struct look *look, const struct agenda_row *row, const struct kind *kind, struct err *e)
{
	if (kind->kind == AGENDA_issue)
		return queue_judge(look->engine, look->txn, row->id, look->now, &look->wait[look->waits], e);
	if (kind->due == outbox_due && has_to_wait(look, row))
		return QUEUE_LEAVE;
	look->taken[kind - kinds]++;
	return QUEUE_START;
}

/* One due row.  Every row is looked at, so that a herd of one kind hides no other. */
static int look_at(void *arg, const struct agenda_row *row, struct err *e)
{
	struct look *look = arg;
	const struct kind *kind = kind_of(row->kind);
	int verdict;

	/* Full is full: ten thousand rows of a kind are passed over without a look at each. */
	if (!kind || (kind->kind != AGENDA_issue && look->taken[kind - kinds] >= at_once(look->engine, kind)) ||
	    under_way(look->engine, row))
		return 0;
	verdict = judge(look, row, kind, e);
	if (verdict == QUEUE_START)
		look->start[look->starts++] = *row;
	if (verdict == QUEUE_PUT_OFF)
		look->waits++;
	return verdict < 0 ? -1 : look->starts == STARTS_AT_ONCE || look->waits == WAITS_AT_ONCE;
}

static int look_around(struct look *look, int64_t *next, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	queue_count(look->engine);
	for (const struct job *job = look->engine->jobs; job; job = job->next)
		look->taken[kind_of(job->kind) - kinds] += !job->slow;
	if (store_read(look->engine->store, &t, e) < 0)
		return -1;
	look->txn = t;
	return agenda_each_due(t, look->now, look_at, look, next, e);
}

static int put_off(struct look *look, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (!look->waits)
		return 0;
	if (store_write(look->engine->store, &t, e) < 0 || queue_put_off(t, look->wait, look->waits, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

/* Does what is due and may begin.  Returns the seconds until something else will be, or -1 if the store failed. */
static int64_t work_off(struct engine *g, struct err *e)
{
	_cleanup_free_ struct look *look = xcalloc(1, sizeof(*look));
	int64_t next;

	look->engine = g;
	look->now = clock_now();
	if (look_around(look, &next, e) < 0 || put_off(look, e) < 0)
		return -1;
	for (size_t i = 0; i < look->starts; i++)
		if (kind_of(look->start[i].kind)->due(g, &look->start[i], e) < 0)
			return -1;
	if (look->starts == STARTS_AT_ONCE || look->waits)
		return 0;
	return MIN(MAX(next - look->now, 0), LONGEST_SLEEP);
}

static void turn(void *arg)
{
	struct engine *g = arg;
	struct err e = { 0 };
	int64_t wait;

	g->woken = false;
	wait = work_off(g, &e);
	if (wait < 0)
		engine_hold(g, &e);
	else	/* what was done at once may have planned something sooner than what was seen at its begin */
		timer_start(&g->turn, g->loop, g->woken ? 0 : wait * 1000, turn, g);
}

void engine_wake(struct engine *g)
{
	g->woken = true;
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

void engine_init(struct engine *g)
{
	g->fetcher = fetcher_new(g->loop, "Certera/" VERSION);
	g->hooks = hooks_new(g->loop);
	g->dns = dns_new(g->loop);
	g->mailer = mailer_new(g->loop);
	track_init(g);
	recheck_plan(g);
	upkeep_plan(g);
	revocation_plan(g);
	rotation_plan(g);
	expiry_plan(g);
	engine_wake(g);
}

void engine_release(struct engine *g)
{
	timer_stop(&g->turn);
	hooks_close(g->hooks);
	while (g->jobs) {
		struct job *job = g->jobs;

		g->jobs = job->next;
		job->cancel(job);
	}
	mailer_free(g->mailer);
	ca_release(g);
	queue_release(g);
	check_release(g);
	track_release(g);
	fetcher_free(g->fetcher);
	dns_free(g->dns);
	hooks_free(g->hooks);
}

char *error_text(const struct err *e)
{
	_cleanup_json_ json_t *problem = json_problem(e);

	return json_write(problem);
}
