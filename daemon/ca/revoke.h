/* Versions are revoked: see revoke.c. */
#ifndef DAEMON_CA_REVOKE_H
#define DAEMON_CA_REVOKE_H

#include "daemon/engine/engine.h"

int revoke_due(struct engine *, const struct agenda_row *, struct err *);

#endif
