/* The backup hook copies each backup elsewhere: see offsite.c. */
#ifndef DAEMON_HOOK_OFFSITE_H
#define DAEMON_HOOK_OFFSITE_H

#include "daemon/engine/engine.h"

int offsite_due(struct engine *, const struct agenda_row *, struct err *);

#endif
