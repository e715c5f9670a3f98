/*
 * What connections are waiting for, and since when: a list for each wait, the one that waits longest first.  All in one
 * list have the same patience, so whose is at its end, and whom to close when too many are open, is found in front.
 */
#ifndef DAEMON_FRONT_WAITS_H
#define DAEMON_FRONT_WAITS_H

#include "base/base.h"

enum wait {
	WAIT_ANSWER,	/* for ours: no time limit */
	WAIT_HANDSHAKE,
	WAIT_HEAD,
	WAIT_BODY,
	WAIT_IDLE,	/* between two requests */
	WAIT_READER,	/* until the other side takes what is sent to it */
	WAIT_FAREWELL,	/* until the other side has closed, too */
	WAITS
};

/* Part of what waits. */
struct waiting {
	struct waiting *before, *after;
	enum wait wait;
	int64_t since;		/* ms */
};
struct waits {
	struct waiting end[WAITS];	/* of a ring each */
};

void waits_init(struct waits *);
void waits_add(struct waits *, struct waiting *, enum wait, int64_t now);
void waits_remove(struct waiting *);
/* Another wait begins. */
void waits_move(struct waits *, struct waiting *, enum wait, int64_t now);
struct waiting *waits_first(struct waits *, enum wait);			/* NULL: nobody */
struct waiting *waits_next(struct waits *, struct waiting *);		/* of the same wait; NULL: nobody */
struct waiting *waits_late(struct waits *, int64_t now);		/* one whose time is over; NULL: nobody */
/* Who is closed to make room: the oldest without a whole request, else the slowest to take its answer; NULL: nobody. */
struct waiting *waits_victim(struct waits *);

#endif
