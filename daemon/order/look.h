/*
 * Is there what a person is to publish?  Looks at each answer by itself, from outside, and says what it found; knows of
 * no certificate, so whoever has such a list can ask.
 */
#ifndef DAEMON_ORDER_LOOK_H
#define DAEMON_ORDER_LOOK_H

#include "daemon/engine/engine.h"
#include "store/record/reach.h"

struct look;

/*
 * items: as by_hand_todo() makes them, now each with "state" (found, missing, or unknown: it cannot be seen from here)
 * and "says"; borrowed.  all: each of them was found.  Called once, later.
 */
typedef void look_cb(void *arg, json_t *items, bool all);
/* urls: may web servers be asked, at which addresses; else what they show is unknown. */
struct look *look_start(struct engine *, const char *todo, bool urls, enum reach, look_cb *, void *arg, struct err *);
void look_cancel(struct look *);

/* The job: for an order that waits for a person.  If everything is found, the order goes on. */
int look_due(struct engine *, const struct agenda_row *, struct err *);

#endif
