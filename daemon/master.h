/* Does the keeper's master key belong to this store? */
#ifndef DAEMON_MASTER_H
#define DAEMON_MASTER_H

#include "keeper/keeper.h"
#include "store/store.h"

/* Before anything is written: the store's check blob must open.  A store without one (new) passes. */
int master_check(struct store *, struct keeper *, int client, struct err *);
/* Gives a new store its check blob. */
int master_mark(struct store *, struct keeper *, int client, struct err *);

#endif
