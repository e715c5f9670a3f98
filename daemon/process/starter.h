/*
 * The starter (main.c): a process that alone keeps the right to become other users.  It starts the front and the runner
 * when the core asks, with the users and arguments of the configuration as it was at the start, and ends them.  The
 * core cannot name users, programs or arguments.
 */
#ifndef DAEMON_PROCESS_STARTER_H
#define DAEMON_PROCESS_STARTER_H

#include "daemon/process/users.h"

struct starter;
/*
 * Before there are threads and before we become who we shall be.  It dies with the thread that calls, and with it all
 * that it has started.  runner: the runner's command line (cage.h).
 */
struct starter *starter_new(const struct process_users *, char **runner, struct err *);
void starter_stop(struct starter *);	/* ends all; NULL is fine */

/*
 * Of one thread.  The front or the runner, anew: one that is there is ended.  channel: all it has of us; stays the
 * caller's.
 */
int starter_start(struct starter *, enum process, int channel, struct err *);
/* Ends it for good, however far it got; its status as of waitpid(2), 0 if there is none. */
int starter_end(struct starter *, enum process);

#endif
