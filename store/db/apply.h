/* What replica.h has of transactions. */
#ifndef STORE_DB_APPLY_H
#define STORE_DB_APPLY_H

#include "base/buf.h"
#include "base/err.h"

struct store;
struct txn;

/*
 * Takes the entry, which is the next one.  1: not now: what was ours is not decided yet, or the disk is behind; ask
 * again soon (a bell rings if the store could not be written).  -1: it cannot be read.
 */
int store_apply(struct store *, uint64_t position, struct slice entry, struct err *);

/* A transaction for the table `node` alone, which is written at each store for itself. */
int store_write_local(struct store *, struct txn **, struct err *);

#endif
