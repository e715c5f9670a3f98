/* What the core gives up when it has what it needs, and what the runner and its scripts never have. */
#ifndef DAEMON_PROCESS_CAGE_H
#define DAEMON_PROCESS_CAGE_H

#include "daemon/process/users.h"

/*
 * Before there are threads, as whom it runs.  No new process, no system calls but those of syscall.def; no file of the
 * keeper's, and writing only where the store, backups and what scripts read are.  landlock: the version in force, 0:
 * none.
 */
int cage_core(const struct config *, const struct process_users *, int *landlock, struct err *);
/*
 * The command line of the runner behind its role: hooks.directory, the state directory and, if its files are limited,
 * what is hidden from it, "--", and what it may write.  file: the configuration's; NULL: none.  Owned.
 */
char **cage_runner(const struct config *, const char *file, const struct process_users *);

/*
 * Files are limited where that holds: not for root who stays root.
 */
bool cage_files(const struct process_users *);

#endif
