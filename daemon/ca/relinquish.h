/* Authorizations are given up: see relinquish.c. */
#ifndef DAEMON_CA_RELINQUISH_H
#define DAEMON_CA_RELINQUISH_H

#include "daemon/engine/engine.h"

int relinquish_due(struct engine *, const struct agenda_row *, struct err *);

#endif
