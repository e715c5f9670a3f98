#include "store/verify.h"

#include "store/event/history.h"

int store_verify(struct store *s, struct verify_count *count, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	*count = (struct verify_count){ 0 };
	if (store_read(s, &t, e) < 0 || record_verify_all(t, &count->records, e) < 0)
		return -1;
	return history_verify(t, &count->events, e);
}
