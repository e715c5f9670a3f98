/*
 * One store of several that are equal.  A log outside has everything that was ever written, as entries with positions
 * 1, 2, 3, ... At one store a batch of the commit queue is appended to the log before it is written to LMDB; the others
 * apply its entries, whole and in order.  A store writes the position of the last entry it has in the same transaction
 * of LMDB: so after a crash it goes on there.
 *
 * Without a log nothing of this is there.  The table `node` is never in an entry.
 */
#ifndef STORE_DB_REPLICA_H
#define STORE_DB_REPLICA_H

#include "store/db/apply.h"
#include "store/db/store_log.h"

struct store;
struct txn;

/*
 * From now on there is this log (borrowed), and the store follows.  All transactions are over and durable.  The
 * position is read from the store.
 */
int store_replicate(struct store *, const struct store_log *, struct err *);
/* Its own changes are taken from now on.  It has taken the log's last entry. */
void store_lead(struct store *);
/*
 * Nothing more of its own is taken (this error says why), but what was taken goes to the log.  store_retired(): all is
 * there.
 */
void store_retire(struct store *, const struct err *why);
bool store_retired(struct store *);
/* They are refused, with this error; those that are not in the log are lost. */
void store_follow(struct store *, const struct err *why);
#define STORE_NOWHERE UINT64_MAX              /* a position: it needs a copy of a store that has one */
uint64_t store_position(struct store *);      /* of the last entry that was taken */
uint64_t store_applied(const struct store *); /* of the last that is durable; any thread, no waiting */

/*
 * The table `node`: which cluster this store is of.  *id: owned, NULL if of none.  store_join() waits until that is
 * durable (never while it leads): the store has all up to this position.  NULL: of none any more.
 */
int store_cluster(struct store *, char **id, struct err *);
int store_join(struct store *, const char *id, uint64_t position, struct err *);

#endif
