/* A dry run of the hooks: sets a record, waits for it, and has it removed; the trial's record tells each step. */
#include "daemon/challenge/trial.h"

#include "base/clock.h"
#include "base/log.h"

#include "daemon/challenge/publish.h"
#include "daemon/challenge/txt.h"
#include "daemon/engine/order_log.h"

#define KEPT 86400	/* seconds a trial can be looked at */

struct trial {
	struct job job;
	struct rec_trial trial;
	struct rec_cert cert;
	struct rec_account account;	/* that orders it */
	struct publication *publication;
};

static void trial_free(struct trial *tr)
{
	if (tr->publication)
		publish_cancel(tr->publication);
	rec_trial_release(&tr->trial);
	rec_cert_release(&tr->cert);
	rec_account_release(&tr->account);
	free(tr);
}

static void trial_cancel(struct job *job)
{
	trial_free((struct trial *)job);
}

static void noted(void *arg, enum steps_of of, char *const *lines)
{
	struct trial *tr = arg;
	_cleanup_txn_ struct txn *t = NULL;
	struct err e = { 0 };

	steps_add(&tr->trial.log, of, lines);
	if (store_write(tr->job.engine->store, &t, &e) < 0 || rec_trial_put(t, &tr->trial, &e) < 0 ||
	    txn_commit(TAKE(t), &e) < 0)
		log_err(LOG_LEVEL_ERROR, &e);
}

static int has_record(void *arg, void *rec, struct err *e)
{
	*(bool *)arg = true;
	return 1;
}

static int trial_finish(struct trial *tr, const struct err *why, struct err *e)
{
	struct rec_trial *trial = &tr->trial;
	_cleanup_free_ char *problem = why ? error_text(why) : NULL, *prefix = xasprintf("%s/", trial->id);
	_cleanup_txn_ struct txn *t = NULL;
	char *lines[] = { why ? (char *)why->message : "every server shows the record; removing it", NULL };
	bool left = false;

	steps_add(&trial->log, STEPS_OURS, lines);
	record_set(&trial->error, problem);
	if (store_write(tr->job.engine->store, &t, e) < 0 ||
	    record_each(t, &rec_txt_type, prefix, false, has_record, &left, e) < 0)
		return -1;
	record_set(&trial->state, left ? "removing" : "failed");	/* the removal ends it */
	if (rec_trial_put(t, trial, e) < 0 || txt_discard(t, trial->id, e) < 0 ||
	    agenda_set(t, AGENDA_trial, trial->id, clock_now() + KEPT, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void trial_ended(void *arg, const struct err *why)
{
	struct trial *tr = arg;
	struct err e = { 0 };

	tr->publication = NULL;
	if (trial_finish(tr, why, &e) < 0)
		engine_hold(tr->job.engine, &e);
	engine_end(&tr->job);
	trial_free(tr);
}

/* Its time is over. */
static int trial_forget(struct engine *g, const char *id, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || rec_trial_delete(t, id, e) < 0 ||
	    agenda_delete(t, AGENDA_trial, id, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static int trial_look_up(struct engine *g, const char *id, struct trial *tr, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(g->store, &t, e) < 0 || rec_trial_get(t, &tr->trial, id, e) < 0)
		return -1;
	if (!tr->trial.cert_id || !*tr->trial.cert_id)
		return 0;
	if (rec_cert_get(t, &tr->cert, tr->trial.cert_id, e) < 0)
		return -1;
	if (!tr->cert.account_id || !*tr->cert.account_id)
		return 0;
	return rec_account_get(t, &tr->account, tr->cert.account_id, e);
}

/* The certificate may be proved otherwise than by the type that hooks serve first. */
static const char *type_of(const struct trial *tr)
{
	bool by_account = str_eq(tr->cert.challenge, "dns-account-01") && tr->account.kid;

	return by_account ? tr->cert.challenge : "dns-01";
}

int trial_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct trial *tr = xcalloc(1, sizeof(*tr));
	struct publish_of of = { .cert = &tr->cert, .note = noted, .done = trial_ended, .arg = tr };
	struct acme_answer answer = { 0 };

	if (trial_look_up(g, row->id, tr, e) < 0) {
		trial_free(tr);
		return e->kind == ERR_MISSING ? trial_forget(g, row->id, e) : -1;
	}
	if (!str_eq(tr->trial.state, "open")) {
		trial_free(tr);
		return trial_forget(g, row->id, e);
	}
	of.owner = tr->trial.id;
	of.account_url = tr->account.kid;
	answer.type = type_of(tr);
	answer.name = tr->trial.subject;
	answer.key_auth = answer.token = tr->trial.value;
	engine_begin(g, &tr->job, row, trial_cancel);
	tr->publication = publish_start(g, &of, &answer, 1);
	return 0;
}
