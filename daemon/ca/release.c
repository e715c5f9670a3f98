/* What an account held up goes on: its certificates, in steps, as a row of the agenda. */
#include "base/clock.h"
#include "daemon/ca/account.h"
#include "store/agenda.h"
#include "store/cert_plan.h"

int account_release_certs(struct txn *t, const char *account_id, enum account_release which, struct err *e)
{
	_cleanup_free_ char *id = record_child_id(account_id, which);

	return agenda_set(t, AGENDA_release, id, clock_now(), e);
}

struct releasing {
	char *account_id;
	enum account_release which;
	int64_t now;
};

/* Without a row nobody wished for it. */
static int try_now(const struct releasing *r, struct txn *t, struct rec_cert *cert, struct err *e)
{
	int64_t due;
	int planned = agenda_due(t, AGENDA_issue, cert->id, &due, e);

	if (planned <= 0 || due <= r->now)
		return MIN(planned, 0);
	return cert_plan_at(t, cert, CERT_again, r->now, NULL, e);
}

static int release_one(void *arg, struct txn *t, void *rec, struct err *e)
{
	const struct releasing *r = arg;
	struct rec_cert *cert = rec;

	if (!str_eq(cert->account_id, r->account_id))
		return 0;
	if (r->which == ACCOUNT_FAILED)
		return (!cert->current || cert->failures) && !cert->disabled ? try_now(r, t, cert, e) : 0;
	return cert->waits_for && *cert->waits_for ? cert_plan(t, cert, CERT_released, e) : 0;
}

int release_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_free_ char *account_id = record_parent_id(row->id);
	struct releasing r = { account_id, (enum account_release)record_child_number(row->id), clock_now() };
	_cleanup_txn_ struct txn *t = NULL;

	if (record_each_in_steps(g->store, &rec_cert_type, release_one, &r, e) < 0 ||
	    store_write(g->store, &t, e) < 0 || agenda_delete(t, AGENDA_release, row->id, e) < 0 ||
	    txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_wake(g);
	return 0;
}
