/* Is all of a store as it was written?  Reads everything: for backups and for who asks, not for every start. */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include "store/db/store.h"

struct verify_count {
	int64_t records, events;
};
/*
 * Every record can be read, every index leads to its record, the audit log is whole.
 * -1: the first thing that is not so.
 */
int store_verify(struct store *, struct verify_count *, struct err *);

#endif
