/* When a certificate is renewed, as its CA suggests (RFC 9773): see ari.c. */
#ifndef DAEMON_ORDER_ARI_H
#define DAEMON_ORDER_ARI_H

#include "daemon/engine/engine.h"

int renewal_due(struct engine *, const struct agenda_row *, struct err *);

#endif
