/* Formats of the store.  Each has a way to the next (upgrade.c). */
#ifndef STORE_DB_FORMAT_H
#define STORE_DB_FORMAT_H

#include "base/err.h"
#include "store/db/table.h"

struct store;
struct txn;

/* Is this a store that store_upgrade() can bring to our format? */
int format_check(struct store *, struct err *);
/* The format that it has now: in a cluster the leader may have changed it. */
int format_now(struct store *, int *format, struct err *);
/* The tables that are not there yet. */
int format_make_tables(struct txn *, struct err *);

#endif
