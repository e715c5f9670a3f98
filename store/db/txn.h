/*
 * Transactions: how the store is read and written.
 *
 * Reads are snapshots and never wait.  They show what is durable; a thread that has written sees its own changes at
 * once, and whatever else there is (bell.h).  Writes wait for each other, never for the disk: a write transaction
 * begins and ends on one thread and is short (no waiting for anything else inside).  A write is a list of puts and
 * deletes, all or nothing.  What txn_get() and walks return is borrowed until the transaction ends or, in a write,
 * until the next change.
 *
 * txn_commit() puts the changes into the commit queue and returns at once.  Soon they are durable, or lost with all
 * that builds on them: a disk that is full, say.  Before anybody outside is told of them, that is waited for
 * (bell.h).
 *
 * A thread may read while it reads or writes, and write while it reads, but must not begin a write inside its own
 * write.  Keep reads short: the map grows while nobody reads.  ERR_STORAGE: the store cannot be written now, and
 * nothing is half written; the next transaction may succeed again.
 */
#ifndef STORE_DB_TXN_H
#define STORE_DB_TXN_H

#include "base/buf.h"
#include "base/err.h"
#include "store/db/table.h"

struct store;
struct txn;

int store_read(struct store *, struct txn **, struct err *);
int store_read_durable(struct store *, struct txn **, struct err *);	/* whatever this thread has seen */
int store_write(struct store *, struct txn **, struct err *);
/*
 * What is put from now on is changed by this person: records note it (MADE_BY and the like in record.def).  Borrowed
 * for as long as the transaction lasts.  NULL: by nobody in particular, as at the beginning.
 */
void txn_act_for(struct txn *, const char *actor);
const char *txn_actor(const struct txn *);
int txn_commit(struct txn *, struct err *);		/* ends it, whatever the result */
/* The same for what may wait for company so long: a crash may take it. */
int txn_commit_within(struct txn *, int64_t ms, struct err *);
void txn_abort(struct txn *);				/* NULL is fine */
/*
 * A transaction has at most so many changes (keys that it puts or deletes): others wait for it, and one entry of a log
 * has to hold it.  The next one is refused (ERR_INTERNAL), and so is txn_commit(): nothing is half written.  What may
 * change more than that goes in steps, each a transaction that ends when txn_is_large(); the row of the agenda that it
 * is done for stays due until the last one, as a crash may come between any two.
 */
#define TXN_MOST 4096
bool txn_is_large(const struct txn *);
/* For `_cleanup_txn_ struct txn *t = NULL;`: aborts what is not committed; commit as txn_commit(TAKE(t), e). */
#define _cleanup_txn_ _cleanup_(cleanup_txn)
void cleanup_txn(struct txn **);

/*
 * How many batches of this process have changed the table, when they were durable.  Read before a transaction begins,
 * it tells later whether what was read in it still holds.
 */
uint64_t store_changes(const struct store *, enum table);

/* Keys have 1 to 511 bytes. */
int txn_get(struct txn *, enum table, struct slice key, struct slice *value, struct err *);	/* 1 found, 0 not, -1 */
int txn_put(struct txn *, enum table, struct slice key, struct slice value, struct err *);
int txn_delete(struct txn *, enum table, struct slice key, struct err *);			/* absent is fine */

/*
 * Walks the keys that start with `prefix` (empty: all), in order or backwards; or those from `first` on
 * and before `end` (empty: no bound).  Return of fn: 0 go on, 1 stop (the walk returns 0), -1 fail with e.
 * In a write, fn may change the table: deleting the row it was given is fine, rows put ahead are met.
 */
typedef int txn_walk_fn(void *arg, struct slice key, struct slice value, struct err *);
int txn_range(struct txn *, enum table, struct slice first, struct slice end, bool backwards, txn_walk_fn *, void *arg,
	      struct err *);
int txn_walk(struct txn *, enum table, struct slice prefix, bool backwards, txn_walk_fn *, void *arg, struct err *);
size_t txn_count(struct txn *, enum table);

#endif
