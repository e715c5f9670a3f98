/* The daily recheck: see recheck.c. */
#ifndef DAEMON_ORDER_RECHECK_H
#define DAEMON_ORDER_RECHECK_H

#include "daemon/engine/engine.h"

int recheck_due(struct engine *, const struct agenda_row *, struct err *);
/* Plans it as configured. */
void recheck_plan(struct engine *);

#endif
