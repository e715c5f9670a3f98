/*
 * One event loop: a libevent base with the two things every loop of ours needs, a way in
 * from other threads, and timers that own nothing.  Each loop belongs to one thread; only
 * loop_post() and loop_stop() may be called from others.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/base.h"

struct event;
struct event_base;
struct loop;

struct loop *loop_new(void);
/*
 * For many connections: what is waited for is told to the kernel once a turn.
 * No descriptor in it may be a dup(2) of another.
 */
struct loop *loop_new_serving(void);
void loop_free(struct loop *);			/* NULL is fine */
struct event_base *loop_base(struct loop *);
void loop_run(struct loop *);			/* until loop_stop() */
void loop_stop(struct loop *);			/* any thread */
/* Runs fn(arg) on the loop soon, in the order posted.  Any thread.  What waits when the loop is freed is not run. */
void loop_post(struct loop *, void (*fn)(void *arg), void *arg);

/* A timer lives inside its owner's struct.  Zeroed memory is an idle timer; timer_stop() is always safe. */
struct timer {
	struct event *event;
	void (*fn)(void *arg);
	void *arg;
};
/* (Re)arms: fn(arg) once after `ms` (0: as soon as the loop turns). */
void timer_start(struct timer *, struct loop *, int64_t ms, void (*fn)(void *arg), void *arg);
void timer_stop(struct timer *);		/* and releases what it holds */

#endif
