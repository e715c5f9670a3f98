/* How the names of a certificate are proved, and orders that wait for a person to publish their answers. */
#ifndef DAEMON_ORDER_BY_HAND_H
#define DAEMON_ORDER_BY_HAND_H

#include "daemon/engine/engine.h"

/* The challenge type of each name, in their order; owned. */
char **by_hand_challenges(const struct rec_cert *);

/* Fills order.todo with what is to be published. */
void by_hand_todo(struct rec_order *, const char *account_url, const struct acme_answer *, size_t count);

/*
 * The order waits from now on; why (may be NULL): what is still not there.  -1: the store failed.
 * cert is as it was when the order was taken up.
 */
int by_hand_begin(struct engine *, const struct rec_cert *, struct rec_order *, const struct err *why, struct err *);

/* What was to be published is there: the order goes on. */
int by_hand_end(struct engine *, const char *cert_id, struct err *);

#endif
