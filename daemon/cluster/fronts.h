/*
 * The answers to challenges are in force at every node before a CA hears that they are ready: it may ask any of them.
 *
 * A follower is connected to the leader.  The leader says up to which entry of the log it wants to know them in force
 * ("41\n"), and each follower says so when its front has them ("43\n").  A node whose heartbeat has ended is not
 * waited for.  One that lives and has no connection to the leader says it unasked, with its heartbeat in etcd
 * (cluster_unreached()).  On the engine's loop.
 */
#ifndef DAEMON_CLUSTER_FRONTS_H
#define DAEMON_CLUSTER_FRONTS_H

#include "daemon/cluster/peer.h"

struct fronts_options {
	struct loop *loop;
	struct cluster *cluster;
	struct peers *peers;
	uint64_t (*in_force)(void *arg);	/* at this node: up to which entry */
	void (*moved)(void *arg);		/* fronts_have() may answer differently */
	void *arg;
};

struct fronts;
struct fronts *fronts_new(const struct fronts_options *);
void fronts_free(struct fronts *);		/* NULL is fine */
/* At the leader: a follower has connected; takes fd. */
void fronts_came(struct fronts *, const char *node, int fd);
/* At a follower: in_force() may answer differently. */
void fronts_tell(struct fronts *);
/*
 * At the leader: asks all for this position, and says whether all other nodes that are alive have it.  Afterwards
 * moved() is called when one of them has come further, or is alive no more.
 */
bool fronts_have(struct fronts *, uint64_t position);

#endif
