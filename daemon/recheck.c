/* Once a day, at a time people choose: whatever failed, was never issued or has expired is tried again. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "store/ledger.h"

#include "daemon/engine.h"
#include "daemon/window.h"

#define ID "daily"
#define SPREAD 600	/* seconds */

struct recheck {
	struct txn *txn;
	int64_t now;
	char **ids;
};

/* Those whose next attempt is known and near, or waits for a limit, are left alone. */
static int collect(void *arg, void *rec, struct err *e)
{
	const struct rec_cert *cert = rec;
	struct recheck *r = arg;
	int64_t due;
	int planned;

	if (cert->disabled || cert->open_order || (cert->waits_for && *cert->waits_for))
		return 0;
	if (!cert->failures && cert->current && cert->not_after > r->now)
		return 0;
	planned = agenda_due(r->txn, AGENDA_issue, cert->id, &due, e);
	/* Without a row nobody wished for it: added with "issue": false. */
	if (planned < 0 || (!planned && !cert->failures && !cert->current))
		return planned;
	if (!planned || due > r->now + SPREAD)
		strv_add(&r->ids, cert->id);
	return 0;
}

static int recheck(struct engine *g, struct txn *t, struct err *e)
{
	struct recheck r = { .txn = t, .now = clock_now() };
	int failed = record_each(t, &rec_cert_type, "", false, collect, &r, e);

	for (size_t i = 0; !failed && i < strv_len(r.ids); i++)
		failed = agenda_set(t, AGENDA_issue, r.ids[i], r.now + (int64_t)random_below(SPREAD), e);
	if (!failed && strv_len(r.ids))
		log_info("the daily recheck tries %zu certificates again", strv_len(r.ids));
	strv_free(r.ids);
	return failed < 0 ? -1 : ledger_prune(t, r.now, e);
}

static int plan_next(struct engine *g, struct txn *t, struct err *e)
{
	const char *time = g->config->renewal_recheck;

	if (!*time)
		return agenda_delete(t, AGENDA_recheck, ID, e);
	return agenda_set(t, AGENDA_recheck, ID, daytime_next(time, clock_now()), e);
}

int recheck_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if (*g->config->renewal_recheck && recheck(g, t, e) < 0)
		return -1;
	if (plan_next(g, t, e) < 0 || txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_wake(g);
	return 0;
}

/* One that is overdue stays so: it is made up for. */
static int plan(struct engine *g, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	int64_t due;
	int planned;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	planned = agenda_due(t, AGENDA_recheck, ID, &due, e);
	if (planned < 0 || (planned && due <= clock_now()))
		return planned < 0 ? -1 : 0;
	return plan_next(g, t, e) < 0 ? -1 : txn_commit(TAKE(t), e);
}

void recheck_plan(struct engine *g)
{
	struct err e = { 0 };

	if (plan(g, &e) < 0)
		log_err(LOG_LEVEL_ERROR, &e);
}
