#include "daemon/forget.h"

static int forget(struct engine *g, const struct record_type *type, const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || record_delete(t, type, row->id, e) < 0 ||
	    agenda_delete(t, row->kind, row->id, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

int session_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	return forget(g, &rec_session_type, row, e);
}

int caller_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	return forget(g, &rec_caller_type, row, e);
}
