/*
 * Several machines: what the rest of the daemon knows of the cluster.  Without `cluster:` there is none, and NULL
 * stands for it everywhere here: this machine is alone, leads itself, and nothing is waited for.
 *
 * One node leads: its core alone writes.  What it writes becomes an entry of a log in etcd, with a position, before it
 * is in any store; every node applies the entries, whole and in order.  So two stores that have applied the same
 * position are equal, but for what is node-local (tables.def).  A thread of its own speaks to etcd.
 */
#ifndef DAEMON_CLUSTER_CLUSTER_H
#define DAEMON_CLUSTER_CLUSTER_H

#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"

struct cluster;
struct config;
struct store;

enum cluster_role {
	CLUSTER_ALONE,          /* no cluster: this machine does everything */
	CLUSTER_LEADER,         /* it writes, and works off the agenda */
	CLUSTER_FOLLOWER,       /* somebody else does: the store refuses what is written here */
	CLUSTER_WITHOUT_LEADER, /* nobody does now, or etcd cannot be reached: reading goes on */
	CLUSTER_BEHIND,         /* the log no longer has what comes after our store: it needs a copy of a peer's */
	CLUSTER_STRANGER, /* this store is of no cluster, or of a different one: it needs "cluster init" or a copy */
};

#define CLUSTER_NAME 64     /* bytes, with the final 0 */
#define CLUSTER_ADDRESS 272 /* HOST:PORT */

struct cluster_view {
	enum cluster_role role;
	char id[40];                          /* of the cluster, as etcd has it; empty: not known yet */
	char leader[CLUSTER_NAME];            /* empty: there is none */
	char leader_address[CLUSTER_ADDRESS]; /* where its peers reach it */
	uint64_t term;                        /* it is a different one with each leader, and rises */
	bool doubled;                         /* a different server has our name: see `trouble` */
	uint64_t applied;                     /* the last entry that is durable in our store */
	char trouble[512]; /* why there is no leader, or etcd no answer, as a sentence; empty: all is well */
};

struct cluster_node { /* whose heartbeat (10 s) has not ended */
	char name[CLUSTER_NAME], address[CLUSTER_ADDRESS];
	bool self, leader;
	uint64_t in_force; /* as it told by cluster_unreached(); 0: it is connected with the leader */
};

/*
 * Can a server have this name?  It is a word of what nodes say to each other, and part of a key in etcd.  -1: e says
 * why not.
 */
int cluster_check_name(const char *name, struct err *);

/*
 * Begins, in a thread of its own, with what the configuration says; the store's transactions are over and durable, and
 * from now on it refuses what is written here until this server leads.  *out NULL: there is no `cluster:`.
 */
int cluster_start(struct cluster **out, const struct config *, struct store *, struct err *);
/*
 * Begins the end: what was written so far goes to the log, then a different server leads; this one follows, and goes on
 * with that until cluster_stop().  NULL is fine.
 */
void cluster_resign(struct cluster *);
/* Leads no more: the lease is given back, so that another server leads at once.  After store_finish(); NULL is fine. */
void cluster_stop(struct cluster *);

/*
 * All of these: any thread, at any time, no waiting.  A view is of one moment.
 */
enum cluster_role cluster_role(const struct cluster *);
void cluster_look(const struct cluster *, struct cluster_view *);
uint64_t cluster_applied(const struct cluster *); /* as in the view */
/*
 * True when this server has told the others that it is alive, and has applied all that the log had then; or cannot:
 * it is of no cluster, or needs a copy of a store.  Whoever asks it before may miss what the others have, and the
 * leader does not wait for it.  It stays true.
 */
bool cluster_is_current(const struct cluster *);
const char *cluster_name(const struct cluster *); /* of this node; as long as the cluster */
/* Those that are alive, ourselves among them; owned by the caller (free()).  *count 0: none are known. */
struct cluster_node *cluster_nodes(const struct cluster *, size_t *count);
/*
 * True while we may begin something only the leader may: ask a CA, append.  It ends before our lease can
 * (CLOCK_BOOTTIME), so it is to be asked immediately before each, and its answer is not to be kept.  Alone: always.
 */
bool cluster_may_act(const struct cluster *);

/*
 * Rings on its loop, fn(arg), soon after something of the view or the list of nodes has changed, `applied` included.
 * Several changes may be one ring.  To be freed when that loop runs no more, and before the loop.  Of NULL: never
 * rings.
 */
struct cluster_bell;
struct cluster_bell *cluster_bell_new(struct cluster *, struct loop *, void (*fn)(void *arg), void *arg);
void cluster_bell_free(struct cluster_bell *); /* NULL is fine */

/*
 * What an administrator wants of this server itself, whether it leads or not.  It is begun; how it goes is seen in the
 * view. ERR_CONFLICT: it cannot be, and why.
 */
enum cluster_act {
	CLUSTER_INIT,      /* a new cluster begins with our store; etcd has none yet */
	CLUSTER_INIT_ANEW, /* the same instead of the one that etcd has: all others must join again */
	CLUSTER_JOIN,      /* our store is to become a copy of a peer's; role BEHIND until it is */
	CLUSTER_LEAVE,     /* it belongs to none any more, and stays as it is */
};
int cluster_do(struct cluster *, enum cluster_act, struct err *);
/* How the cluster is, for people (webui/api.def page_cluster); a new reference. */
json_t *cluster_status(const struct cluster *);

/*
 * A follower has no connection with the leader, which reads in etcd up to which entry the answers to challenges are
 * in force here.  Once it could not be reached, people are told, too.  in_force 0: they are connected again, and
 * nothing is told any more.  Any thread.
 */
struct cluster_unreached {
	char leader[CLUSTER_NAME]; /* empty: the connection has just ended, and is made anew */
	char why[160];
};
void cluster_unreached(struct cluster *, uint64_t in_force, const struct cluster_unreached *);

/*
 * The barrier before a CA hears that answers are ready, and a follower's wait for what the leader answered, both go by
 * `applied`: what is durable at the leader now has at most this position there.
 */

#endif
