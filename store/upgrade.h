/* The way of the store from each format to the next: a row of upgrade.c. */
#ifndef STORE_UPGRADE_H
#define STORE_UPGRADE_H

#include "store/db/store.h"

int store_upgrade(struct store *, struct err *);	/* migrates an older format, one transaction a step */

#endif
