/*
 * The store: LMDB behind a door.  The only shared state of the daemon.  It is opened, looked after and copied here;
 * txn.h is how it is read and written.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/txn.h"

#define STORE_FORMAT 1		/* raised with every change an older program would misread */

/* True if there is a store in the directory. */
bool store_exists(const char *directory);
/*
 * Opens, creating it if there is none.  Changes nothing yet in an existing store: a newer format is
 * refused (ERR_STORAGE, both numbers named).  The caller then checks the master key and calls store_upgrade()
 * before anything else writes.  ERR_CONFLICT: another process has it open.
 */
int store_open(struct store **, const char *directory, struct err *);
int store_upgrade(struct store *, struct err *);	/* migrates an older format, one transaction a step */
void store_close(struct store *);			/* all transactions are over; NULL is fine */

struct store_size {
	int64_t used;		/* bytes of the store */
	int64_t left;		/* free on its disk */
};
void store_size(struct store *, struct store_size *);

/* A consistent, compacted copy of the store in a new directory, while it runs.  ERR_CONFLICT if that exists. */
int store_copy(struct store *, const char *directory, struct err *);

#endif
