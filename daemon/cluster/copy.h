/*
 * The copy of a whole store, from one node to another: for a server that joins the cluster, or was away for longer than
 * the log is kept.
 *
 * Who gives it makes a consistent copy beside its store and sends that ("SIZE\n", then the bytes of the file); who gets
 * it puts it beside its own, and when it is whole, the daemon ends and takes it at its next start, before the store is
 * opened.  Until then what there is goes on being served.  A thread each does the work.
 */
#ifndef DAEMON_CLUSTER_COPY_H
#define DAEMON_CLUSTER_COPY_H

#include "daemon/cluster/peer.h"
#include "store/db/store.h"

struct copy_options {
	struct loop *loop;		/* the engine's */
	struct cluster *cluster;
	struct peers *peers;
	struct store *store;
	const char *directory;		/* of the store; borrowed */
	void (*whole)(void *arg);	/* a copy is there: the daemon is to be started again */
	void *arg;
};

struct copying;
struct copying *copying_new(const struct copy_options *);
void copying_free(struct copying *);		/* what is under way ends; NULL is fine */
/* A node wants one; takes fd.  One at a time: the others find the connection closed, and ask again. */
void copying_came(struct copying *, const char *node, int fd);

/*
 * At the start: a whole copy takes the store's place; what was there before is kept in former/copied.  1: so it was
 * done, 0: there is none.
 */
int copy_take(const char *directory, struct err *);

#endif
