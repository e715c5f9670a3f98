/*
 * Transactions: how the store is read and written.
 *
 * Reads are snapshots and never wait.  Writes wait for each other; a write transaction begins
 * and ends on one thread and is short (no waiting for anything else inside).  A write is a list
 * of puts and deletes.  What txn_get() and walks return is borrowed until the transaction ends
 * or, in a write, until the next change.
 *
 * The map grows by itself, before a write and while nobody reads: keep reads short.  A thread may read
 * while it reads or writes, and write while it reads, but must not begin a write inside its own write.
 * A full disk is ERR_STORAGE from txn_commit() (or a put), nothing is half written, and the next
 * transaction may succeed again.
 */
#ifndef STORE_TXN_H
#define STORE_TXN_H

#include "base/buf.h"
#include "base/err.h"

enum table {
#define TABLE(name, doc) TABLE_##name,
#include "store/tables.def"
#undef TABLE
	TABLES
};

struct store;
struct txn;

int store_read(struct store *, struct txn **, struct err *);
int store_write(struct store *, struct txn **, struct err *);
int txn_commit(struct txn *, struct err *);		/* ends it, whatever the result */
void txn_abort(struct txn *);				/* NULL is fine */
/* For `_cleanup_txn_ struct txn *t = NULL;`: aborts what is not committed; commit as txn_commit(TAKE(t), e). */
#define _cleanup_txn_ _cleanup_(cleanup_txn)
void cleanup_txn(struct txn **);

/*
 * How many transactions of this process have changed the table.  Read before a transaction begins, it tells later
 * whether what was read in it still holds.
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
