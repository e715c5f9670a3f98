/*
 * Formats of the store, and the way from each to the next.  The way of a new one is a row of migrations in format.c,
 * and STORE_FORMAT (store.h) is raised.
 */
#ifndef STORE_FORMAT_H
#define STORE_FORMAT_H

#include "store/store.h"

/* Is this a store that store_upgrade() can bring to our format? */
int format_check(struct store *, struct err *);
/* The tables that are not there yet. */
int format_make_tables(struct txn *, struct err *);

#endif
