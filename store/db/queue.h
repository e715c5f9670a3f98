/*
 * The commit queue, from inside the store.  What transactions have changed is gathered in the open batch; the writer, a
 * thread of its own, makes one batch after the other durable, each in one transaction of LMDB and with one sync.  So
 * batches grow with the slowness of the disk, and nobody else waits for it.
 *
 * A batch that fails is dropped, and so are all behind it: they build on it.  Then nothing is taken until a trial
 * write has succeeded.  The numbers of batches are never used again.
 */
#ifndef STORE_DB_QUEUE_H
#define STORE_DB_QUEUE_H

#include "store/db/env.h"

int queue_begin(struct store *, struct err *);
void queue_end(struct store *);		/* writes what is there; harmless if it has not begun, or has ended */

/* With the lock held. */

/* Takes over all that the layer has; returns the batch it is in.  within: ms until it is written in any case. */
uint64_t queue_add(struct store *, struct layer *, bool makes_tables, int64_t within);
/*
 * Pins the layers that a snapshot of LMDB lacks, the oldest first (owned).  snapshot: the number of the last
 * transaction of LMDB that it has.  *newest: the last batch that is in them, or stays if there are none.
 */
struct layer **queue_pin(struct store *, size_t snapshot, size_t *count, uint64_t *newest);
void queue_unpin(struct layer **, size_t count);
void queue_follow(struct store *, const struct err *why);	/* replica.h: what is ours and not in the log is lost */

#endif
