/* Backups, and checks of the whole store: see backup.c. */
#ifndef DAEMON_ENGINE_BACKUP_H
#define DAEMON_ENGINE_BACKUP_H

#include "daemon/engine/engine.h"

int backup_due(struct engine *, const struct agenda_row *, struct err *);
/* Plans the next backup as configured. */
void backup_plan(struct engine *);

#endif
