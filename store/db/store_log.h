/* The log that a store's batches go to before they are in LMDB, as the store sees it: replica.h. */
#ifndef STORE_DB_STORE_LOG_H
#define STORE_DB_STORE_LOG_H

#include "base/buf.h"
#include "base/err.h"

struct store_log {
	/*
	 * On the writer's thread, which waits for it.  The entry is in the log now, at this position.  -1: it is not,
	 * or nobody knows: this store follows from now on, and what of its own is not in the log is lost for all who
	 * wait for it.
	 */
	int (*append)(void *arg, uint64_t position, struct slice entry, struct err *);
	/* The log has an entry of ours that our disk could not take: this store follows, and is to be given it again.
	 * Any thread. */
	void (*fell_behind)(void *arg);
	void *arg;
};

#endif
