/*
 * ?dry_run=true: a request is checked and done, and none of it is kept: the answer says what it would have changed, and
 * what an order would ask of the CA.
 */
#ifndef WEBUI_ORDER_DRY_H
#define WEBUI_ORDER_DRY_H

#include "webui/http/handler.h"

/* Is it asked for?  *dry says so. */
int dry_read(struct request *, bool *dry, struct err *);
/*
 * The answer, from a transaction that the caller then drops.  changes: what the certificate has that it had not; "":
 * nothing.  orders: it would be ordered now.
 */
int dry_reply(struct request *, struct txn *, const struct rec_cert *, const char *changes, bool orders, struct err *);

#endif
