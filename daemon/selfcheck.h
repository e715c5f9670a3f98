/* Looks on this machine for what the configuration names: `certerad -t`, and warnings at the start. */
#ifndef DAEMON_SELFCHECK_H
#define DAEMON_SELFCHECK_H

#include "daemon/config/config.h"

/*
 * Each thing that cannot work is one line handed to complain(); returns how many there were.  Lines that begin with
 * "warning: " work, but should not stay, and are not counted.  As root, files are looked at as server.user will see
 * them.
 */
int selfcheck(const struct config *, const char *file, void (*complain)(void *arg, const char *line), void *arg);

#endif
