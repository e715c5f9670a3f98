/*
 * What this server and the other nodes of its cluster have to do with each other, wired: connections, fronts, copies of
 * the store.
 */
#ifndef DAEMON_NODES_H
#define DAEMON_NODES_H

#include "daemon/cluster/peer.h"
#include "daemon/config/config.h"
#include "daemon/desk/desks.h"
#include "daemon/desk/published.h"

struct nodes;
struct nodes_options {
	struct loop *loop;		/* the engine's */
	struct keeper_client *keeper;
	struct cluster *cluster;
	struct store *store;
	const struct config *config;
	int fd;				/* of nodes_listen(); taken */
	void (*start_again)(void *arg);	/* there is a copy of a different node's store, for the next start */
	void *arg;
};

/* The socket for other nodes, while low ports may be bound.  *fd -1: there is no cluster. */
int nodes_listen(const struct config *, int *fd, struct err *);
/* Before the cage is closed and the store opened: the copy that came before the daemon ended takes its place. */
int nodes_take_copy(const struct config *, struct err *);

struct nodes *nodes_new(const struct nodes_options *, struct err *);
struct peers *nodes_peers(struct nodes *);	/* NULL of NULL */
/* From now on other nodes find us: those that ask come to these desks. */
void nodes_serve(struct nodes *, struct desks *, struct published *);
/*
 * Calls fn when this server has what the others have, at the start: before, a CA that asks it may not find the answer
 * that they all have.  At once if n is NULL, and after three seconds in any case.
 */
void nodes_when_current(struct nodes *n, void (*fn)(void *arg), void *arg);
/* Is the store of that node equal to ours?  See comparing_with(). */
int nodes_compare(struct nodes *, const char *node, uint64_t *position, struct err *);
/* whoever waits in nodes_compare() is told that it ends; NULL is fine */
void nodes_end(struct nodes *);
void nodes_free(struct nodes *);		/* when the desks are gone; NULL is fine */

#endif
