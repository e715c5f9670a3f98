/*
 * The answers to http-01 challenges on their way from the store to the front: what is durable is told, and what tells a CA
 * to look waits at a barrier until the front has said that it has the answer.  On the engine's loop.
 */
#ifndef DAEMON_DESK_PUBLISHED_H
#define DAEMON_DESK_PUBLISHED_H

#include "base/barrier.h"
#include "daemon/desk/outside.h"
#include "store/db/store.h"

struct published;
struct published *published_new(struct loop *, struct store *, struct outside *);
void published_free(struct published *);	/* NULL is fine */
/* A new front: it is told all there are. */
void published_begin(struct published *);
/* What was told before outside_sync(number) is in force. */
void published_synced(struct published *, int64_t number);
struct barrier *published_barrier(struct published *);

#endif
