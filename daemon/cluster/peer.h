/*
 * Connections between the nodes of a cluster: over TCP and TLS, each side has proved to have the cluster's master key
 * (hello.h).  What is handed out is a socket of this machine, on which all is as it was said at the other end: nobody
 * who uses it knows of TLS.
 *
 * All of it runs on one loop, the engine's; peers_call() may come from any thread.
 */
#ifndef DAEMON_CLUSTER_PEER_H
#define DAEMON_CLUSTER_PEER_H

#include "base/loop.h"
#include "daemon/cluster/hello.h"
#include "daemon/cluster/peer_call.h"
#include "keeper/keeper.h"

struct peers;

struct peers_options {
	struct loop *loop;
	struct keeper_client *keeper;	/* of this loop */
	const struct cluster *cluster;	/* for its id, and the name of this node */
	int fd;				/* listens; taken; -1: nobody connects here */
	/* A node has connected.  fd is the callee's. */
	void (*came)(void *arg, enum peer_use, const char *node, int fd);
	void *arg;
};

/*
 * The socket for struct peers_options, on "192.0.2.1:2300"; for the part of the start that may bind low ports.  -1: e
 * says why not.
 */
int peers_listen(const char *address, struct err *);
struct peers *peers_new(const struct peers_options *, struct err *);
void peers_free(struct peers *);	/* when the loop runs no more: connections end; NULL is fine */

/*
 * Connects to the node at this address; if it is a name, to the first of its addresses where the node answers.  fn is
 * called once, on the loop `on`: fd is its own; -1: err says why.  Any thread.
 */
struct peer_call *peers_call(struct peers *, const char *address, enum peer_use, struct loop *on, peer_fn *, void *arg);

#endif
