#include "daemon/engine/sweep.h"

#include "store/key/sharing.h"
#include "store/leftover.h"

static int sweep_forget(struct engine *g, const struct record_type *type, const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || record_delete(t, type, row->id, e) < 0 ||
	    agenda_delete(t, row->kind, row->id, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

int session_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	return sweep_forget(g, &rec_session_type, row, e);
}

int caller_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	return sweep_forget(g, &rec_caller_type, row, e);
}

/* One step; its row may be due again. */
static int sweep_on(struct engine *g, int (*step)(struct txn *, const char *, struct err *),
		    const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || step(t, row->id, e) < 0 || txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_wake(g);
	return 0;
}

int leftover_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	return sweep_on(g, leftover_go_on, row, e);
}

int departed_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	return sweep_on(g, leftover_leave_on, row, e);
}

int follow_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	return sharing_follow_all(g->store, row->id, e);
}
