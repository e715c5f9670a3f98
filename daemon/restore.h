/* A backup becomes the store: `certerad -r`, which `certeractl restore` runs. */
#ifndef DAEMON_RESTORE_H
#define DAEMON_RESTORE_H

#include "base/json.h"
#include "keeper/keeper.h"

struct restore {
	const char *from;		/* the backup, as it was called */
	int fd;				/* its data.mdb, opened by whoever could */
	const char *directory;
	struct keeper *keeper;
	int client;
	bool only_check;
};
/*
 * Copies the backup beside the store, opens it there with the master key, upgrades it, reads all of it, and only then
 * puts it in the store's place; the former store is kept.  Refused (ERR_CONFLICT) while a daemon runs.  The backup
 * itself is only read.  What was done; a new reference, NULL if it was not.
 */
json_t *restore_run(const struct restore *, struct err *);

#endif
