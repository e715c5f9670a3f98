/*
 * Before an order goes on whose http-01 answers a person publishes: do the web servers show them?  As with the check
 * before ordering, what cannot be found out from here is no failure, and with that check switched off nobody looks.
 */
#ifndef DAEMON_ORDER_BY_HAND_LOOK_H
#define DAEMON_ORDER_BY_HAND_LOOK_H

#include "daemon/engine/engine.h"

struct by_hand_look;
/* why: the first URL that does not show its content; NULL: they all do.  Called once, later. */
typedef void by_hand_look_cb(void *arg, const struct err *why);
/* todo: what is to be published (by_hand_todo()).  NULL: the store failed. */
struct by_hand_look *by_hand_look_start(struct engine *, const struct rec_cert *, const char *todo, by_hand_look_cb *,
					void *arg, struct err *);
void by_hand_look_cancel(struct by_hand_look *);

#endif
