/* Is the version in force revoked: see revocation.c. */
#ifndef DAEMON_CA_REVOCATION_H
#define DAEMON_CA_REVOCATION_H

#include "daemon/engine/walk.h"

int revocation_due(struct engine *, const struct agenda_row *, struct err *);
/* Plans to ask about certificates whose rows a former program did not write. */
extern const struct planner revocation_planner;

#endif
