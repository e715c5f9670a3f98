/* Reminders of old keys: see rotation.c. */
#ifndef DAEMON_CA_ROTATION_H
#define DAEMON_CA_ROTATION_H

#include "daemon/engine/engine.h"

int rotation_due(struct engine *, const struct agenda_row *, struct err *);
void rotation_plan(struct engine *);

#endif
