/* Does the keeper's master key belong to this store? */
#ifndef DAEMON_KEYCHECK_H
#define DAEMON_KEYCHECK_H

#include "keeper/keeper.h"
#include "store/db/store.h"

/* Before anything is written: the store's check blob must open.  A store without one (new) passes. */
int keycheck_verify(struct store *, struct keeper *, int client, struct err *);
/* Gives a new store its check blob. */
int keycheck_mark(struct store *, struct keeper *, int client, struct err *);

#endif
