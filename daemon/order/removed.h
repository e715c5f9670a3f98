/* A certificate was removed: see removed.c. */
#ifndef DAEMON_ORDER_REMOVED_H
#define DAEMON_ORDER_REMOVED_H

#include "daemon/engine/engine.h"

int removed_due(struct engine *, const struct agenda_row *, struct err *);

#endif
