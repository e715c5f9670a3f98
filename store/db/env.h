/*
 * The inside of the store, for files of this folder alone: what a store and a transaction are made of,
 * LMDB's environment with its map, which grows, and the words for LMDB's errors.
 *
 * An int is a code of LMDB's, or an errno; 0: it went well.  env_fail() makes an error of it.
 */
#ifndef STORE_DB_ENV_H
#define STORE_DB_ENV_H

#include <limits.h>
#include <stdatomic.h>

#include <lmdb.h>

#include "base/err.h"
#include "base/loop.h"
#include "store/db/gate.h"
#include "store/db/layer.h"

#define NO_TABLE UINT_MAX

struct store_log;

struct batch {
	uint64_t number;
	struct layer **layer;	/* the oldest first; all but the last are pinned, or were */
	size_t layers, bytes;
	int64_t due;		/* clock_mono_ms() when it is written though nobody waits; 0: it is empty */
	size_t lmdb;		/* the transaction that it is written in; 0: it is not yet */
	bool makes_tables;
	bool own;		/* it has changes of ours that the log does not have yet */
	uint64_t position;	/* of the last entry of the log that it has; 0: none */
	int waiters;		/* who waits for it */
	int64_t patience;	/* clock_mono_ms() until when they all can, for company; 0: nobody waits */
};

#define QUEUE_LOSSES 64		/* remembered; what was lost before counts as lost anyway */
struct loss {
	uint64_t first, last;	/* batches */
};

struct queue {
	pthread_mutex_t lock;	/* guards all but `decided`, and the pins of layers; held for moments only */
	pthread_cond_t work;	/* for the writer */
	pthread_cond_t done;	/* a batch is decided */
	pthread_t writer;
	bool running, ending;
	int64_t begun;		/* clock_mono_ms() of the last batch */
	uint64_t slow;		/* the number of one of which it was said that the disk takes long; 0: none */
	struct batch open, flying;	/* flying.number 0: none is being written */
	uint64_t awaited;	/* batches up to this one are waited for */
	int company;		/* so many wait for one batch, if they come in time: bell.h store_crowd() */
	int64_t crowd_ms;	/* and so long they do at most; 0: there is no crowd */
	atomic_uint_fast64_t decided;	/* batches up to this one are durable, or lost */
	struct loss loss[QUEUE_LOSSES];
	size_t losses;		/* in all */
	struct err trouble;	/* why the last one was lost */
	bool refusing;		/* since then, until a trial succeeds */
	bool trying;		/* the first trial is under way */
	const struct store_log *log;	/* replica.h; NULL: there is none, and what follows is unused */
	bool following;		/* only entries are taken */
	bool retiring;		/* nothing new of ours is taken; what was, goes on to the log */
	struct err why;		/* ... and why */
	uint64_t hold;		/* entries after this one have to wait; 0: none has */
	uint64_t position;	/* of the last entry that was taken, or appended */
	atomic_uint_fast64_t applied;	/* of the last that is durable */
	struct bell *bells;
};

struct bell {
	struct store *store;
	struct loop *loop;
	void (*fn)(void *arg);
	void *arg;
	uint64_t awaited;	/* 0: none */
	int64_t patience;	/* ms; see bell_patience() */
	bool watched[TABLES];
	bool posted;		/* it is about to ring */
	struct timer late;	/* while it awaits something */
	struct bell *next;
};

struct store {
	uint64_t number;		/* of this opening: no other has it */
	char *directory;
	int lock_fd;
	MDB_env *env;			/* NULL: it broke and could not be opened again yet */
	MDB_dbi dbi[TABLES];		/* NO_TABLE: this store has no such table (yet) */
	atomic_int format;		/* as it was when it was last looked at */

	pthread_mutex_t body;		/* held by a transaction that writes, from begin to end */
	struct queue queue;
	bool map_full;			/* the writer's: the map must grow before the next write */
	_Atomic uint64_t changes[TABLES];
	atomic_bool broken;		/* LMDB refuses everything until it is opened anew */
	struct gate gate;		/* the map is replaced only while no transaction is inside */
};

struct txn {
	struct store *store;
	MDB_txn *mdb;			/* a snapshot */
	struct layer **below;		/* what it lacks, the oldest first */
	size_t belows;
	bool write;
	struct layer *own;		/* its own changes; NULL: it reads */
	bool makes_tables;
	bool local;			/* it may change the table of this machine alone, and no other */
	uint64_t entry;			/* it is this entry of the log; 0: it is ours */
	size_t losses;			/* of the queue, when it began */
	const char *actor;		/* txn_act_for(); NULL: nobody's */
	struct guest guest;
};

const char *table_name(enum table);

/* Keys of the table `node`. */
#define NODE_POSITION "position"
#define NODE_CLUSTER "cluster"

/* Opens data.mdb, with the table handles that are there.  A failed env_open() leaves s->env NULL. */
int env_open(struct store *);
int env_open_tables(struct store *);
int env_make_tables(struct store *, MDB_txn *);	/* those that are not there yet */

/* For the writer, before it begins: opens anew what broke; sees to it that the map has room for so many bytes. */
int env_repair(struct store *);
int env_make_room(struct store *, size_t bytes);

/* After each failed write: what it asks of the next transaction. */
void env_note_failure(struct store *, int rc);
/* -1; e: "<doing> the store in ...: <why>". */
int env_fail(const struct store *, struct err *, const char *doing, int rc);

/*
 * For txn.c and queue.c: the task of this thread, see bell.h; and what has happened to a batch.
 * touched NULL: it was lost.
 */
bool task_is_ahead(const struct store *);
uint64_t task_seen(const struct store *);
void task_saw(const struct store *, uint64_t batch);
void bells_ring(struct store *, const bool *touched);

#endif
