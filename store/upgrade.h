/* The way of the store from each format to the next: a row of upgrade.c. */
#ifndef STORE_UPGRADE_H
#define STORE_UPGRADE_H

#include "store/db/store.h"

/*
 * In a cluster: only what every store may do for itself, so that it can follow.  The rest is the leader's
 * (daemon/migration.h).
 */
int store_prepare(struct store *, struct err *);
bool store_is_older(struct store *);	/* than this program; any thread */
int store_upgrade(struct store *, struct err *);	/* migrates an older format, one transaction a step */

#endif
