/*
 * The audit log.  Events are numbered from 1 without gaps; each carries the SHA-256 of its predecessor's
 * chain value and its own fields, so that a changed, removed or inserted event is found.
 */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "store/record.h"

struct event_of {		/* all borrowed; NULL reads as "" */
	const char *actor, *address, *action, *object, *name;
};
/* Adds an event to the transaction that makes the change. */
int history_add(struct txn *, const struct event_of *, struct err *, const char *fmt, ...) PRINTF_LIKE(4, 5);
/*
 * Events, newest first, of one object (or all if NULL), with numbers below `before` (0: from the newest).
 * fn is given a struct rec_event, as in record_each().
 */
int history_each(struct txn *, const char *object, int64_t before, record_each_fn *fn, void *arg, struct err *);
/* Walks the whole chain and counts it.  -1 and the number of the first bad event in the message. */
int history_verify(struct txn *, int64_t *events, struct err *);

#endif
