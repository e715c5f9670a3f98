/*
 * Requests that change something, at a node that does not lead: each goes as a packet to the leader
 * (base/http/packet.h) over a connection of this desk's own, and is answered when our store has what the answer follows
 * from, so that whoever has changed something here sees it here.  A local administrator of this machine is vouched for
 * by its keeper.
 *
 * When a leader has just gone, a request waits a moment for the next one.  While nobody leads, or the leader is out of
 * reach, the answer is 503 with a sentence.  If the leader goes away before it has answered, nobody knows whether the
 * change was made, and that is what the answer says.  Nothing is sent twice, but what a node has given back because it
 * does not lead.
 */
#ifndef DAEMON_CLUSTER_FORWARD_H
#define DAEMON_CLUSTER_FORWARD_H

#include "base/http/answer.h"
#include "daemon/cluster/peer.h"

struct forward_options {
	struct loop *loop;		/* the desk's */
	struct cluster *cluster;
	struct peers *peers;
	struct keeper_client *keeper;	/* the desk's */
	void (*refuse)(void *arg, struct http_exchange *, const struct err *);	/* answers by an error */
	void (*attend)(void *arg, struct http_exchange *);	/* it is ours to answer after all: we lead */
	void *arg;
};

struct forward;
struct forward *forward_new(const struct forward_options *);
/* When its loop runs no more; what is under way is dropped.  NULL is fine. */
void forward_free(struct forward *);
/* Takes the exchange over and returns true, or returns false: this node leads. */
bool forward_take(void *forward, struct http_exchange *);
/*
 * Sends the leader a note, which nobody waits for.  1: it is on its way, 0: it cannot be sent now, -1: this node leads.
 */
int forward_note(struct forward *, struct slice note);
/* Nobody carries anything to the leader any more: all that was taken is answered at once. */
void forward_give_up(struct forward *);
bool forward_idle(const struct forward *);	/* all that was taken is answered */
/* Fills e with the sentence for a node that does not lead; -1. */
int forward_no_leader(const struct cluster_view *, struct err *e);

#endif
