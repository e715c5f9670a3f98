/*
 * A barrier: what tells somebody outside anything (a request, a script, a mail) waits at it until what it follows from
 * cannot be lost any more.  Whoever keeps the barrier says what that is, by a ticket, and when the ticket is good.
 */
#ifndef BASE_BARRIER_H
#define BASE_BARRIER_H

#include "base/err.h"

struct held;
struct barrier {
	uint64_t (*ticket)(void *arg);		/* what is to be waited for now; later ones are larger; 0: nothing */
	/* 1: the ticket is good; 0: not yet; -1: it never will be, and why. */
	int (*fate)(void *arg, uint64_t ticket, struct err *why);
	void *arg;
	struct held *first, **end;
};

/* One that waits; it lives inside its owner's struct.  Zeroed memory waits for nothing. */
struct held {
	struct barrier *barrier;		/* NULL: it does not wait */
	uint64_t ticket;
	void (*fn)(void *arg, const struct err *lost);
	void *arg;
	struct held *next;
};

void barrier_init(struct barrier *);		/* ticket, fate and arg are the caller's to set */
/*
 * fn(arg, NULL) when it may pass, from inside if that is now (or there is no barrier: NULL); fn(arg, why) if it never
 * may.
 */
void barrier_pass(struct barrier *, struct held *, void (*fn)(void *arg, const struct err *lost), void *arg);
void barrier_leave(struct held *);		/* it wants no more; always safe */
/* Some tickets may be decided now.  Returns the ticket that is waited for next; 0: none. */
uint64_t barrier_look(struct barrier *);

#endif
