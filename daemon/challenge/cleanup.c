/* Removing a TXT record when the order it was set for is over, however that ended. */
#include "daemon/challenge/cleanup.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/event/history.h"

#include "daemon/challenge/publish.h"
#include "daemon/challenge/txt.h"
#include "daemon/engine/order_log.h"
#include "daemon/engine/retry.h"
#include "daemon/hook/hook_script.h"

#define DAY 86400
#define ATTEMPTS 8	/* then a person has to */

struct removal {
	struct job job;
	struct rec_txt txt;
	struct txt_run *run;
};

static void removal_free(struct removal *c)
{
	if (c->run)
		txt_cancel(c->run);
	rec_txt_release(&c->txt);
	free(c);
}

static void removal_cancel(struct job *job)
{
	removal_free((struct removal *)job);
}

/* The last record of a trial that is gone, or stays, ends the trial. */
static int end_trial(struct txn *t, const char *owner, const struct err *why, struct err *e)
{
	_cleanup_(rec_trial_release) struct rec_trial trial = { 0 };
	_cleanup_free_ char *problem = why ? error_text(why) : NULL;

	if (strchr(owner, '/'))
		return 0;
	if (rec_trial_get(t, &trial, owner, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (!str_eq(trial.state, "removing"))
		return 0;
	if (problem && !trial.error)
		record_set(&trial.error, problem);
	record_set(&trial.state, trial.error ? "failed" : "passed");
	return rec_trial_put(t, &trial, e);
}

static int give_up(struct txn *t, const struct rec_txt *txt, const struct err *why, struct err *e)
{
	log_error("the TXT record %s \"%s\" could not be removed and is left: remove it by hand", txt->record,
		  txt->value);
	if (history_add(t, &(struct event_of){ .actor = "engine", .action = "record.left", .object = txt->cert_id,
					       .name = txt->cert },
			e, "the TXT record %s \"%s\" could not be removed: %s", txt->record, txt->value,
			why->message) < 0 ||
	    rec_txt_delete(t, txt->id, e) < 0)
		return -1;
	return agenda_delete(t, AGENDA_cleanup, txt->id, e);
}

static int plan_again(struct txn *t, struct rec_txt *txt, const struct err *why, struct err *e)
{
	char when[CLOCK_RFC3339_SIZE];
	int64_t at = retry_at(++txt->failures, why, clock_now());

	if (txt->failures >= ATTEMPTS)
		return give_up(t, txt, why, e);
	log_warn("removing %s: %s (tried again at %s)", txt->record, why->message, clock_rfc3339(when, at));
	if (rec_txt_put(t, txt, e) < 0)
		return -1;
	return agenda_set(t, AGENDA_cleanup, txt->id, at, e);
}

static int cleanup_forget(struct txn *t, const struct rec_txt *txt, struct err *e)
{
	return rec_txt_delete(t, txt->id, e) < 0 ? -1 : agenda_delete(t, AGENDA_cleanup, txt->id, e);
}

static int cleanup_finish(struct removal *c, const struct hook_end *end, struct err *e)
{
	_cleanup_free_ char *owner = record_parent_id(c->txt.id);
	_cleanup_free_ char *sentence = xasprintf("%s %s%s%s", end->err ? "removing" : "removed", c->txt.record,
						  end->err ? ": " : "", end->err ? end->err->message : "");
	_cleanup_strv_ char **lines = hook_lines(c->txt.hook_cleanup, end->output);
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(c->job.engine->store, &t, e) < 0 || order_log_add(t, owner, STEPS_PRINTED, lines, e) < 0 ||
	    order_log_add(t, owner, STEPS_OURS, (char *[]){ sentence, NULL }, e) < 0 ||
	    (end->err ? plan_again(t, &c->txt, end->err, e) : cleanup_forget(t, &c->txt, e)) < 0 ||
	    end_trial(t, owner, end->err, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void cleanup_ended(void *arg, const struct hook_end *end)
{
	struct removal *c = arg;
	struct err e = { 0 };

	c->run = NULL;
	if (cleanup_finish(c, end, &e) < 0)
		engine_hold(c->job.engine, &e);
	engine_end(&c->job);
	removal_free(c);
}

/* Another order may have been given the very same challenge, and need the record still. */
struct sharing {
	const struct rec_txt *txt;
	struct txn *txn;
	bool shared;
};

static int find_shared(void *arg, void *rec, struct err *e)
{
	struct sharing *s = arg;
	const struct rec_txt *other = rec;
	_cleanup_free_ char *owner = NULL;
	int open;

	if (str_eq(other->id, s->txt->id) || !str_eq(other->record, s->txt->record) ||
	    !str_eq(other->value, s->txt->value))
		return 0;
	owner = record_parent_id(other->id);
	open = order_log_is_open(s->txn, owner, e);
	s->shared = s->shared || open > 0;
	return open < 0 ? -1 : 0;
}

/* 1: the hook is to run; 0: the row is dealt with. */
static int cleanup_look_up(struct txn *t, const char *id, struct rec_txt *txt, struct err *e)
{
	struct sharing sharing = { .txt = txt, .txn = t };
	_cleanup_free_ char *owner = record_parent_id(id);
	int open;

	if (rec_txt_get(t, txt, id, e) < 0)
		return e->kind == ERR_MISSING ? agenda_delete(t, AGENDA_cleanup, id, e) : -1;
	open = order_log_is_open(t, owner, e);
	if (open < 0)
		return -1;
	if (open)
		return agenda_set(t, AGENDA_cleanup, id, clock_now() + DAY, e);
	if (record_each(t, &rec_txt_type, NULL, false, find_shared, &sharing, e) < 0)
		return -1;
	if (sharing.shared)
		return cleanup_forget(t, txt, e) < 0 ? -1 : end_trial(t, owner, NULL, e);
	return 1;
}

int cleanup_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct removal *c = xcalloc(1, sizeof(*c));
	_cleanup_txn_ struct txn *t = NULL;
	int go = store_write(g->store, &t, e);

	if (go == 0)
		go = cleanup_look_up(t, row->id, &c->txt, e);
	if (go >= 0 && txn_commit(TAKE(t), e) < 0)
		go = -1;
	if (go <= 0)
		return removal_free(c), go;
	engine_begin(g, &c->job, row, removal_cancel);
	c->run = txt_run(g, &c->txt, false, cleanup_ended, c);
	return 0;
}
