/*
 * The way of a cluster's store to the format of this program.  It cannot be gone at the start: all nodes must know what
 * it leads to, and all must go it at the same place of the log.  So it is the leader's, before its engine works, in a
 * thread of its own; nobody who knows a newer format leads before all that are alive know it (daemon/cluster/leader.c).
 */
#ifndef DAEMON_MIGRATION_H
#define DAEMON_MIGRATION_H

#include "base/loop.h"
#include "store/db/store.h"

struct migration;
/* fn is called on the loop when it is over; err NULL: the store has this program's format. */
typedef void migration_fn(void *arg, const struct err *);
struct migration *migration_new(struct store *, struct loop *, migration_fn *, void *arg);
/* waits for its end; inside of fn, or when the loop runs no more; NULL is fine */
void migration_free(struct migration *);

#endif
