/* TXT records are removed again: see cleanup.c. */
#ifndef DAEMON_CHALLENGE_CLEANUP_H
#define DAEMON_CHALLENGE_CLEANUP_H

#include "daemon/engine/engine.h"

int cleanup_due(struct engine *, const struct agenda_row *, struct err *);

#endif
