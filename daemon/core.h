/* The daemon itself: the core, with the processes around it, from the start to the end. */
#ifndef DAEMON_CORE_H
#define DAEMON_CORE_H

#include "daemon/config/config.h"

/* As main.c has it.  Takes the configuration.  file: where it was read; NULL: nowhere.  The exit code. */
int core_run(struct config *, const char *file);

#endif
