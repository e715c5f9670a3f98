/*
 * Are the stores of two nodes equal?  Who asks takes a snapshot and says which entry of the log it has last; the other
 * one goes as far, waits there for a moment, and answers with the digests of its tables.  It may be one entry ahead:
 * then it says so, and is asked anew.
 *
 *	"POSITION\n"	→	"at POSITION\n", then for each table "NAME DIGEST\n", then "end\n"
 *				"no POSITION\n": it is there already, or does not get as far
 */
#ifndef DAEMON_CLUSTER_COMPARE_H
#define DAEMON_CLUSTER_COMPARE_H

#include "daemon/cluster/peer.h"
#include "store/db/store.h"

struct compare_options {
	struct loop *loop;		/* the engine's */
	struct cluster *cluster;
	struct peers *peers;
	struct store *store;
};

struct comparing;
struct comparing *comparing_new(const struct compare_options *);
void comparing_end(struct comparing *);		/* whoever waits in comparing_with() is told that it ends */
void comparing_free(struct comparing *);	/* NULL is fine */
/* A node asks; takes fd. */
void comparing_came(struct comparing *, const char *node, int fd);
/*
 * Any thread that may wait, while the loop runs.  0: the stores are equal, and *position is the entry at which that was
 * seen.  ERR_CONFLICT: they are not, and in which tables.
 */
int comparing_with(struct comparing *, const char *node, uint64_t *position, struct err *);

#endif
