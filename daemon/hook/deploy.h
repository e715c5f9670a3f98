/* The deploy hook: see deploy.c. */
#ifndef DAEMON_HOOK_DEPLOY_H
#define DAEMON_HOOK_DEPLOY_H

#include "daemon/engine/engine.h"

int deploy_due(struct engine *, const struct agenda_row *, struct err *);

#endif
