/*
 * The backup hook.  A backup that was written and verified stays in the state "copying" until the script has taken it
 * elsewhere; its row of the agenda is due again after each failure.  A newer backup takes its place.
 */
#include "daemon/hook/offsite.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/engine/retry.h"
#include "daemon/hook/hook.h"
#include "daemon/hook/hook_script.h"
#include "store/event/history.h"
#include "store/record/steps.h"

struct offsite {
	struct job job;
	struct rec_upkeep rec;	/* as it was when the script began */
	char *script;
	struct hook *hook;
	struct timer timer;
	struct err refusal;	/* it did not begin */
};

static void offsite_free(struct offsite *o)
{
	timer_stop(&o->timer);
	if (o->hook)
		hook_cancel(o->hook);
	rec_upkeep_release(&o->rec);
	free(o->script);
	free(o);
}

static void offsite_cancel(struct job *job)
{
	offsite_free((struct offsite *)job);
}

static bool is_waiting(const struct rec_upkeep *rec)
{
	return str_eq(rec->state, "copying") || (str_eq(rec->state, "failed") && rec->retry_at);
}

/*
 * How it ended.
 */

static void offsite_note(struct rec_upkeep *rec, const struct offsite *o, const struct hook_end *end)
{
	_cleanup_free_ char *problem = end->err ? error_text(end->err) : NULL;
	_cleanup_strv_ char **lines = hook_lines(o->script, end->output);

	strv_free(rec->log);
	rec->log = NULL;
	steps_add(&rec->log, STEPS_PRINTED, lines);
	record_set(&rec->state, end->err ? "failed" : "passed");
	record_set(&rec->error, problem);
	rec->ended = clock_now();
	rec->failures = end->err ? rec->failures + 1 : 0;
	rec->retry_at = end->err ? retry_at(rec->failures, end->err, clock_now()) : 0;
	rec->copied = end->err ? 0 : clock_now();
}

static int offsite_tell(struct txn *t, const struct offsite *o, const struct hook_end *end, struct err *e)
{
	const struct event_of of = { .actor = "engine", .action = end->err ? "store.copy_failed" : "store.copied" };

	if (!end->err)
		return history_add(t, &of, e, "%s: copied elsewhere by %s", o->rec.directory, o->script);
	log_warn("backup %s: %s", o->rec.directory, end->err->message);
	return history_add(t, &of, e, "%s: copying it elsewhere: %s", o->rec.directory, end->err->message);
}

static int offsite_finish(struct offsite *o, const struct hook_end *end, struct err *e)
{
	_cleanup_(rec_upkeep_release) struct rec_upkeep rec = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(o->job.engine->store, &t, e) < 0 || offsite_tell(t, o, end, e) < 0)
		return -1;
	if (rec_upkeep_get(t, &rec, o->job.id, e) < 0 && e->kind != ERR_MISSING)
		return -1;
	if (is_waiting(&rec) && str_eq(rec.directory, o->rec.directory)) {
		offsite_note(&rec, o, end);
		if (rec_upkeep_put(t, &rec, e) < 0 ||
		    (rec.retry_at ? agenda_set(t, AGENDA_offsite, o->job.id, rec.retry_at, e) :
				    agenda_delete(t, AGENDA_offsite, o->job.id, e)) < 0)
			return -1;
	}	/* else a newer backup has its own row, which is due */
	err_clear(e);
	return txn_commit(TAKE(t), e);
}

static void offsite_ended(void *arg, const struct hook_end *end)
{
	struct offsite *o = arg;
	struct err said = { 0 }, e = { 0 };
	struct hook_end prefixed = *end;

	o->hook = NULL;
	if (end->err) {
		said = *end->err;
		err_prefix(&said, "copying the backup elsewhere with the backup hook");
		err_hint(&said, "The backup itself is complete. Correct the hook; it runs again.");
		prefixed.err = &said;
	}
	if (offsite_finish(o, &prefixed, &e) < 0)
		engine_hold(o->job.engine, &e);
	engine_end(&o->job);
	offsite_free(o);
}

static void offsite_refused(void *arg)
{
	struct offsite *o = arg;

	offsite_ended(o, &(struct hook_end){ .err = &o->refusal, .output = "" });
}

/*
 * How it begins.
 */

static void put(char ***environment, const char *name, const char *value)
{
	_cleanup_free_ char *line = xasprintf("%s=%s", name, value);

	hook_put_line(environment, line);
}

static int offsite_start(struct offsite *o, struct err *e)
{
	const struct config *config = o->job.engine->config;
	_cleanup_free_ char *attempt = xasprintf("%lld", (long long)o->rec.failures + 1);
	_cleanup_strv_ char **environment = NULL, **secrets = NULL;
	int failed = hook_environment(config->backup_environment, NULL, &environment, &secrets, e);

	if (!failed) {
		put(&environment, "CERTERA_ACTION", "backup");
		put(&environment, "CERTERA_BACKUP", o->rec.directory);
		put(&environment, "CERTERA_ATTEMPT", attempt);
		o->hook = hook_start(o->job.engine->hooks, &(struct hook_call){
			.script = o->script, .environment = environment,
			.secrets = secrets, .timeout = config->backup_timeout, .at_once = 1,
		}, offsite_ended, o);
	}
	hook_wipe_lines(environment);
	hook_wipe_lines(secrets);
	return failed;
}

/* 1: there is a backup to copy; 0: there is none (any more), and the row is gone. */
static int offsite_look_up(struct engine *g, struct rec_upkeep *rec, const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || (rec_upkeep_get(t, rec, row->id, e) < 0 && e->kind != ERR_MISSING))
		return -1;
	if (is_waiting(rec) && *g->config->backup_hook)
		return 1;	/* nothing was written */
	err_clear(e);
	if (is_waiting(rec) && str_eq(rec->state, "copying")) {	/* the hook was taken out of the configuration */
		record_set(&rec->state, "passed");
		if (rec_upkeep_put(t, rec, e) < 0)
			return -1;
	}
	return agenda_delete(t, row->kind, row->id, e) < 0 ? -1 : txn_commit(TAKE(t), e);
}

int offsite_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct offsite *o = xcalloc(1, sizeof(*o));
	int go = offsite_look_up(g, &o->rec, row, e);

	if (go <= 0)
		return offsite_free(o), go;
	o->script = xstrdup(g->config->backup_hook);
	engine_begin(g, &o->job, row, offsite_cancel);
	if (offsite_start(o, &o->refusal) < 0)
		timer_start(&o->timer, g->loop, 0, offsite_refused, o);
	return 0;
}
