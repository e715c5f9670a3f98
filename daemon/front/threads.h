/* The threads of the front: each a loop with its sockets and connections, and a line to its desk. */
#ifndef DAEMON_FRONT_THREADS_H
#define DAEMON_FRONT_THREADS_H

#include "daemon/front/challenges.h"
#include "daemon/front/sockets.h"

struct threads;

struct threads_options {
	int count;
	const int *line;		/* sockets, one a thread; taken */
	struct listeners *listeners;
	struct tls *tls;
	struct doors *doors;
	struct challenges *challenges;
	struct loop *loop;		/* of the caller; what follows is called there */
	void (*closed)(void *arg);	/* a desk is gone */
	void (*beaten)(void *arg);	/* threads_beat(): every thread has turned its loop */
	void (*drained)(void *arg);	/* threads_drain() has come to its end */
	void *arg;
};

/* Accepts from now on.  NULL: a thread cannot be started. */
struct threads *threads_start(const struct threads_options *, int64_t hsts);
void threads_configure(struct threads *, int64_t hsts);	/* and the limits of the doors */
void threads_beat(struct threads *);
void threads_drain(struct threads *, int64_t patience_ms);
void threads_stop(struct threads *);		/* now; drops all connections; NULL is fine */

#endif
