/*
 * The inside of the cluster, for files of this folder alone.  Everything here is the cluster thread's, but what says
 * otherwise.
 *
 *	etcd.c     requests to etcd
 *	heart.c  our lease, our heartbeat
 *	look.c     what etcd says now, and what of the log is to be applied
 *	leader.c   becoming the leader, appending, leading no more
 *	upkeep.c   what the leader does for etcd: the log's old end; how the members are
 *	found.c    a new cluster, this server leaves
 *	node.c     the thread, and what the rest of the daemon sees
 *
 * Keys in etcd, all behind cluster.prefix:
 *	live/cluster      {"id"}: which cluster this is
 *	live/head         position of the last entry and the bytes of all there ever were, as text
 *	live/leader       {"name", "address"}, with the leader's lease; its create revision is the term
 *	live/node/NAME    {"name", "address", ...}, with the node's lease
 *	log/POSITION      an entry (log.h)
 */
#ifndef DAEMON_CLUSTER_INSIDE_H
#define DAEMON_CLUSTER_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/cluster/cluster.h"
#include "daemon/cluster/etcd.h"
#include "daemon/cluster/etcd_json.h"
#include "store/db/replica.h"
#include "store/db/store.h"

#define LEASE_SECONDS 10
#define LEASE_MARGIN_MS 2000		/* our own end comes this much before */
#define BEAT_MS 2000			/* between renewals; two may fail */
#define ASK_MS 2000			/* for one request, so that the next member is asked in time */

struct known_node {
	struct cluster_node node;
	json_t *said;			/* what its key has */
	int64_t skew_ms;		/* of its clock against ours when it was read first */
	uint64_t revision;		/* when it was written */
};

/* What etcd said when it was last looked at. */
struct live_state {
	bool any;			/* it has answered */
	int64_t at;			/* clock_boot_ms() */
	char id[40], leader[CLUSTER_NAME], leader_address[CLUSTER_ADDRESS];
	int64_t leader_lease;
	uint64_t term, head, total;
	char head_text[48];		/* as etcd has it */
	bool behind;			/* the log does not have what we need next */
	bool ahead;			/* the log ends before what we have: it is a different one */
	struct known_node *nodes;
	size_t count;
};

struct etcd_member {				/* of etcd, as it answered last */
	bool asked, leader, without_leader, full, nearly_full;
	struct err err;			/* why it did not */
	char version[32];
	int64_t size, used, took_ms;	/* bytes of its file, and of these in use */
};

struct append {				/* the writer's, guarded by the lock */
	bool waits;
	uint64_t position;
	struct slice entry;
	int result;
	struct err err;
};

struct cluster {
	struct loop *loop;
	pthread_t thread;
	struct etcd *etcd;
	struct store *store;
	struct store_log log;
	struct bell *bell;		/* the store has changed */
	char *prefix, *name, *address, *id;	/* id: the cluster that our store is of; NULL: of none */
	uint64_t log_entries;		/* that etcd keeps */
	json_t *likeness;		/* what the nodes should have in common, by hashes (likeness.h) */

	/* heart.c */
	int64_t lease, old_lease;	/* 0: none; old_lease: the last one that was given back */
	struct etcd_call *beat;
	struct timer beat_timer, end_timer;
	int64_t beat_sent;		/* clock_boot_ms() */
	int64_t said_at;		/* ... when our key was last written */
	uint64_t said_applied;
	bool said_member;
	uint64_t in_force;		/* cluster_unreached(): it is to be told, and was last */
	uint64_t said_in_force;
	struct cluster_unreached unreached, said_unreached;
	int64_t said_revision;		/* ... its revision in etcd, as far as we know; 0: it is not there */
	char doubled[CLUSTER_ADDRESS];	/* where a different server has our name; empty: none has */

	/* look.c */
	struct live_state known;
	struct etcd_call *look, *watch;
	struct timer look_timer, watch_timer, apply_timer;
	bool look_again, look_whole;	/* whole: with what comes next in the log */
	/* our key says that we are a member; the look under way began then; one has answered */
	bool said, look_after, looked_after;
	_Atomic bool current;		/* cluster_is_current() */
	uint64_t look_from;		/* position that it was asked behind */
	struct log_entry *entries;		/* to be applied, in order */
	size_t entry_count, entry_next;
	int64_t look_most;		/* keys of the log that are asked for at once */

	/* leader.c */
	bool leading;
	uint64_t term, total;		/* ours, while leading; bytes of all entries */
	char head_text[48];		/* as etcd has it, while leading */
	struct etcd_call *campaign, *appending;
	struct timer append_timer, resign_timer;
	int64_t until;			/* clock_boot_ms() until which our lease is good in any case */
	size_t part;			/* of the append under way: the next one to be written */
	_Atomic int64_t own_end;	/* clock_boot_ms() until which we may act; 0: we may not.  Any thread */
	bool ending;			/* it does not lead again */
	bool over;			/* all is given up but the end of the lease, which is awaited */

	/* upkeep.c */
	struct timer upkeep_timer, members_timer;
	struct etcd_call *upkeep;
	int64_t old_revision;		/* of the last upkeep: what was before it can be compacted */
	struct etcd_call *member_call;
	struct etcd_member *members;
	size_t member_count, member_asked;
	int64_t member_at;

	struct err trouble;		/* why all is not well; none: it is */

	pthread_mutex_t lock;		/* guards what follows, for moments */
	pthread_cond_t appended;
	struct append append;
	struct cluster_view view;
	struct cluster_node *nodes;
	size_t node_count;
	json_t *status;			/* of cluster_status() */
	int64_t status_at;		/* clock_boot_ms() when it was made */
	struct cluster_bell *bells;
	bool unreached_posted;		/* the next two are on their way to in_force and unreached */
	uint64_t told_in_force;
	struct cluster_unreached told_unreached;
};

const char *cluster_role_word(enum cluster_role);
char *cluster_key(const struct cluster *, const char *fmt, ...) PRINTF_LIKE(2, 3);	/* with the prefix; owned */

void cluster_publish(struct cluster *);		/* something of the view has changed */
/* Why all is not well, as the view tells it; NULL: it is. */
void cluster_trouble(struct cluster *, const struct err *);
enum cluster_role cluster_judge(const struct cluster *);
bool cluster_is_member(const struct cluster *);	/* our store is of the cluster that etcd has */

void heart_begin(struct cluster *);
void heart_end(struct cluster *);
/* the old lease is still there: etcd could not be reached when it was given back */
void heart_bury(struct cluster *);
void heart_renew(struct cluster *);		/* a new lease: the old one is gone, or is to be */
void heart_say(struct cluster *);		/* our key is written anew */
void heart_report(void *arg);			/* what cluster_unreached() was told is */

void look_begin(struct cluster *);
void look_end(struct cluster *);
void look_now(struct cluster *);
void look_apply(struct cluster *);		/* what has come of the log, as far as the store takes it */

/* after each look: may we become the leader, do we lead, do we no more? */
void leader_look(struct cluster *);
void leader_step_down(struct cluster *, const struct err *why);	/* harmless while not leading */
/* store_log's; the writer's thread */
int leader_append(void *arg, uint64_t position, struct slice entry, struct err *);
void leader_fell_behind(void *arg);		/* any thread */
void leader_extended(struct cluster *, int64_t sent);	/* our lease was renewed by a request sent then */

json_t *status_json(struct cluster *);		/* what cluster_status() tells; a new reference */
/* That a node, which said this, cannot reach the leader, and what to do; owned.  NULL: it can. */
char *status_unreached(const struct cluster *, const char *node, const char *leader, const char *why);

void found_new(struct cluster *, bool anew);	/* CLUSTER_INIT, CLUSTER_INIT_ANEW */
void found_copy(struct cluster *);		/* CLUSTER_JOIN */
void found_none(struct cluster *);		/* CLUSTER_LEAVE */

void upkeep_begin(struct cluster *);
void upkeep_end(struct cluster *);
void upkeep_lead(struct cluster *);		/* we lead from now on */

#endif
