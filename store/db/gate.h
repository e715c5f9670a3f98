/*
 * The gate of the store.  LMDB's map may be replaced only while no transaction uses it, so every
 * transaction passes here on its way in and out, and who replaces the map closes the gate meanwhile.
 *
 * Nobody waits forever: a thread that is inside may enter again while the gate is closing, and the
 * closer gives up if a thread inside is itself waiting for the closer (gate_pin).
 */
#ifndef STORE_DB_GATE_H
#define STORE_DB_GATE_H

#include "base/base.h"

#include <pthread.h>

/* A transaction, as the gate sees it. */
struct guest {
	pthread_t owner;
	bool writes, pinned;
	struct guest *next;
};

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;	/* somebody left, was pinned, or the gate opened */
	struct guest *inside;
	bool closed;
};

void gate_init(struct gate *);
void gate_release(struct gate *);		/* nobody is inside */

void gate_enter(struct gate *, struct guest *, bool writes);
void gate_leave(struct gate *, struct guest *);	/* on any thread */
/* This thread is about to wait for the closer: its guests must not be waited for; or it has done so. */
void gate_pin(struct gate *, bool on);

/*
 * Keeps everybody out, from the moment nobody is inside.  With wait, waits for that.  False, and the gate
 * is open again, if somebody is inside and should not be waited for.
 */
bool gate_close(struct gate *, bool wait);
void gate_open(struct gate *);

#endif
