/* Accounts are registered: see register.c. */
#ifndef DAEMON_CA_REGISTER_H
#define DAEMON_CA_REGISTER_H

#include "daemon/engine/engine.h"

int register_due(struct engine *, const struct agenda_row *, struct err *);

#endif
