/* Whom a failure is told, and how often: once, then when its reason changes, or daily. */
#ifndef DAEMON_ORDER_FAILURE_H
#define DAEMON_ORDER_FAILURE_H

#include "base/err.h"
#include "store/record/record.h"

/* An attempt to issue it failed; again: the next one.  The caller puts the record afterwards. */
int failure_tell(struct txn *, struct rec_cert *, const struct err *why, int64_t again, struct err *);
/* It was issued: the next failure is a new one. */
void failure_forget(struct rec_cert *);

#endif
