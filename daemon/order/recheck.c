/* Once a day, at a time people choose: whatever failed, was never issued or has expired is tried again. */
#include "daemon/order/recheck.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "store/cert_plan.h"
#include "store/ledger.h"

#include "daemon/config/window.h"

#define ID "daily"
#define SPREAD 600	/* seconds */

struct recheck {
	int64_t now;
	size_t count;
};

/* Those whose next attempt is known and near, or waits for a limit, are left alone. */
static int recheck_one(void *arg, struct txn *t, void *rec, struct err *e)
{
	struct rec_cert *cert = rec;
	struct recheck *r = arg;
	int64_t due;
	int planned;

	if (cert->disabled || cert->open_order || (cert->waits_for && *cert->waits_for))
		return 0;
	if (!cert->failures && cert->current && cert->not_after > r->now)
		return 0;
	planned = agenda_due(t, AGENDA_issue, cert->id, &due, e);
	/* Without a row nobody wished for it: added with "issue": false. */
	if (planned < 0 || (!planned && !cert->failures && !cert->current))
		return planned;
	if (planned && due <= r->now + SPREAD)
		return 0;
	r->count++;
	return cert_plan_at(t, cert, CERT_again, r->now + (int64_t)random_below(SPREAD), NULL, e);
}

static int recheck(struct engine *g, struct err *e)
{
	struct recheck r = { .now = clock_now() };

	if (record_each_in_steps(g->store, &rec_cert_type, recheck_one, &r, e) < 0)
		return -1;
	if (r.count)
		log_info("the daily recheck retries %zu certificates", r.count);
	return ledger_prune(g->store, r.now, e);
}

static int recheck_plan_next(struct engine *g, struct txn *t, struct err *e)
{
	const char *time = g->config->renewal_recheck;

	if (!*time)
		return agenda_delete(t, AGENDA_recheck, ID, e);
	return agenda_set(t, AGENDA_recheck, ID, daytime_next(time, clock_now()), e);
}

int recheck_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (*g->config->renewal_recheck && recheck(g, e) < 0)
		return -1;
	if (store_write(g->store, &t, e) < 0 || recheck_plan_next(g, t, e) < 0 || txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_wake(g);
	return 0;
}

void recheck_plan(struct engine *g)
{
	engine_plan(g, AGENDA_recheck, ID, recheck_plan_next);
}
