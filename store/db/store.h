/*
 * The store: LMDB behind a door.  The only shared state of the daemon.  It is opened, looked after and copied here;
 * txn.h is how it is read and written.
 */
#ifndef STORE_DB_STORE_H
#define STORE_DB_STORE_H

#include "store/db/bell.h"
#include "store/db/format.h"
#include "store/db/txn.h"

/* True if there is a store in the directory. */
bool store_exists(const char *directory);
/*
 * Opens, creating it if there is none.  Changes nothing yet in an existing store: a newer format is
 * refused (ERR_STORAGE, both numbers named).  The caller then checks the master key and calls store_upgrade()
 * before anything else writes.  ERR_CONFLICT: another process has it open.
 */
int store_open(struct store **, const char *directory, struct err *);
/* Makes durable what was written, and takes no more; reading goes on.  store_close() does it, too. */
void store_finish(struct store *);
/* All transactions are over.  Waits until what they wrote is durable; NULL is fine. */
void store_close(struct store *);

/*
 * One daemon a store: takes the lock that store_open() takes, alone; it ends with the descriptor, or the process.
 * ERR_CONFLICT: another process has it.
 */
int store_lock(const char *directory, int *fd, struct err *);

struct store_size {
	int64_t used;		/* bytes of the store */
	int64_t left;		/* free on its disk */
};
void store_size(struct store *, struct store_size *);

/*
 * A consistent, compacted copy of what is durable (store_settle()s first) in a new directory, while it runs.
 * ERR_CONFLICT if that exists.
 */
int store_copy(struct store *, const char *directory, struct err *);
/* Closes a copy that was opened to be looked at; nothing but the copy stays in its directory. */
void store_close_copy(struct store *);
/* A copy that is not wanted, also an unfinished one, and its directory. */
void store_remove_copy(const char *directory);
/*
 * The closed store in `copy`, on the same disk, becomes that of the directory, whose lock the caller has; a store that
 * was there is kept in the new directory `former`.  At any moment there is one or the other.
 */
int store_replace(const char *directory, const char *copy, const char *former, struct err *);

#endif
