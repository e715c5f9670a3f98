/*
 * Whether two stores that have applied the same entry of the log (replica.h) are equal: by the digests of their tables.
 */
#ifndef STORE_DB_DIGEST_H
#define STORE_DB_DIGEST_H

#include "base/digest.h"
#include "base/err.h"
#include "store/db/table.h"

struct store;
struct txn;

struct store_digest {
	uint64_t position;                        /* of the last entry that is in it */
	unsigned char table[TABLES][SHA256_SIZE]; /* of `node`, which is a machine's own: 0 */
};

/* Of what the transaction shows. */
int store_digest_position(struct txn *, uint64_t *position, struct err *);
int store_digest_tables(struct txn *, struct store_digest *, struct err *);
const char *store_table_name(enum table); /* as the other side may have it: by its name */
/* Until the next call, no entry after this one is applied.  0: all are. */
void store_hold(struct store *, uint64_t position);

#endif
