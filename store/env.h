/*
 * The inside of the store, for env.c, txn.c, format.c and store.c alone: what a store and a transaction are made of,
 * LMDB's environment with its map, which grows, and the words for LMDB's errors.
 *
 * An int is a code of LMDB's, or an errno; 0: it went well.  env_fail() makes an error of it.
 */
#ifndef STORE_ENV_H
#define STORE_ENV_H

#include <limits.h>
#include <stdatomic.h>

#include <lmdb.h>

#include "store/gate.h"
#include "store/store.h"

#define NO_TABLE UINT_MAX

struct store {
	char *directory;
	int lock_fd;
	MDB_env *env;			/* NULL: it broke and could not be opened again yet */
	MDB_dbi dbi[TABLES];		/* NO_TABLE: this store has no such table (yet) */
	int format;

	pthread_mutex_t writer;		/* held by the write transaction from begin to end */
	bool map_full;			/* the writer's: the map must grow before the next write */
	_Atomic uint64_t changes[TABLES];
	atomic_bool broken;		/* LMDB refuses everything until it is opened anew */
	struct gate gate;		/* the map is replaced only while no transaction is inside */
};

struct txn {
	struct store *store;
	MDB_txn *mdb;
	bool write;
	bool touched[TABLES];
	struct guest guest;
};

const char *table_name(enum table);

/* Opens data.mdb, with the table handles that are there.  A failed env_open() leaves s->env NULL. */
int env_open(struct store *);
int env_open_tables(struct store *);

/* With the writer's mutex held, before it begins: opens anew what broke; sees to it that there is room in the map. */
int env_repair(struct store *);
int env_make_room(struct store *);

/* After each failed write: what it asks of the next transaction. */
void env_note_failure(struct store *, int rc);
/* -1; e: "<doing> the store in ...: <why>". */
int env_fail(const struct store *, struct err *, const char *doing, int rc);

#endif
