/*
 * What waits for the disk without stopping: batches of the commit queue, and bells that ring on a loop when one is
 * durable, or lost.
 *
 * A thread works for one thing after the other, and each of these is a task: a request, say, or all of the engine.  The
 * store notes the newest batch whose changes a task has seen: what it wrote itself and what it found not yet durable
 * while it wrote.  Its reads then show that too; other tasks read what is durable.  Before a task tells anything to
 * anybody outside, it waits for that batch.  If the batch was lost, the task cannot go on: the store refuses it
 * everything.
 */
#ifndef STORE_DB_BELL_H
#define STORE_DB_BELL_H

#include "base/err.h"
#include "base/loop.h"
#include "store/db/table.h"

struct store;

/* A task begins, or goes on, on this thread: it has seen this batch.  0: nothing but what is durable. */
void store_task(struct store *, uint64_t seen);
/* The same for a thread that has one task for ever, and whose reads show all there is, durable or not. */
void store_task_ahead(struct store *);
/* The newest batch that the thread's task has seen; 0: all is durable, it may tell. */
uint64_t store_seen(struct store *);

enum fate { FATE_KEPT, FATE_OPEN, FATE_LOST };
enum fate store_fate(struct store *, uint64_t batch);
/* Why batches were lost: fills e, returns -1. */
int store_lost(struct store *, struct err *e);
/* Why our own changes are not taken (replica.h): fills e, returns -1. */
int store_not_ours(struct store *, struct err *e);
/*
 * Waits until what this thread's task has seen is durable; -1: it was lost, and the task begins anew.  For threads that
 * may wait: never on a loop.
 */
int store_settle(struct store *, struct err *);

/* Rings on its loop: fn(arg).  To be freed when that loop runs no more, and before the loop. */
struct bell;
struct bell *bell_new(struct store *, struct loop *, void (*fn)(void *arg), void *arg);
void bell_free(struct bell *);				/* NULL is fine */
/*
 * On the bell's loop.  It rings (once) when the fate of this batch is known, which now has no need of company; and
 * whenever one is lost, and when the store takes something again.
 */
void bell_await(struct bell *, uint64_t batch);
/*
 * While there is a crowd (store_crowd()), what awaits a batch by this bell can wait so many ms for company: then fewer
 * batches carry all.
 */
void bell_patience(struct bell *, int64_t ms);
/* So many things are under way beside each other, each with its waits. */
void store_crowd(struct store *, int count);
/* It rings when the table has changed, from now on or no more. */
void bell_watch(struct bell *, enum table, bool on);

#endif
