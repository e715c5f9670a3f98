/*
 * The answers to http-01 challenges on their way from the store to the front: what is durable is told, and what tells a
 * CA to look waits at a barrier until the front has said that it has the answer.  On the engine's loop.
 */
#ifndef DAEMON_DESK_PUBLISHED_H
#define DAEMON_DESK_PUBLISHED_H

#include "base/barrier.h"
#include "daemon/cluster/fronts.h"
#include "daemon/desk/outside.h"
#include "store/db/store.h"

struct published;
struct published *published_new(struct loop *, struct store *, struct outside *);
/*
 * With several machines: from now on the barrier is about the fronts of all nodes that are alive, and tickets are
 * positions in the cluster's log.  published_moved() when fronts_have() may answer differently.
 */
void published_cluster(struct published *, const struct cluster *, struct fronts *);
/* Up to which entry of the log the answers are in force at this node's front. */
uint64_t published_in_force(struct published *);
void published_moved(struct published *);
void published_free(struct published *);	/* NULL is fine */
/* A new front: it is told all there are. */
void published_begin(struct published *);
/* What was told before outside_sync(number) is in force. */
void published_synced(struct published *, int64_t number);
struct barrier *published_barrier(struct published *);

#endif
