/* The parts of the state directory, each of one process. */
#ifndef DAEMON_PROCESS_STATE_H
#define DAEMON_PROCESS_STATE_H

#include "daemon/process/users.h"

/*
 * Makes what is missing, moves what an older version had in the directory itself, and gives each part to its user, also
 * what is in it.  Before anything runs.  As root without the right to change owners, all has to be as it should.
 */
int state_prepare(const struct config *, const struct process_users *, struct err *);

#endif
