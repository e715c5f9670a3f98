/* Private keys that others know: see compromise.c. */
#ifndef DAEMON_CA_COMPROMISE_H
#define DAEMON_CA_COMPROMISE_H

#include "daemon/engine/walk.h"

int compromise_due(struct engine *, const struct agenda_row *, struct err *);
/* What a former program did not write: the public keys in force, and which of all are compromised. */
extern const struct planner compromise_planner;

#endif
