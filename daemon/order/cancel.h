/* A person wants an order that is under way, or due, no longer. */
#ifndef DAEMON_ORDER_CANCEL_H
#define DAEMON_ORDER_CANCEL_H

#include "daemon/engine/engine.h"

int cancel_due(struct engine *, const struct agenda_row *, struct err *);	/* AGENDA_cancel */

#endif
