/*
 * A desk's requests that other nodes of the cluster have to do with: what changes something goes to the leader, and
 * what comes from followers is answered here, if this node leads.  On the desk's loop.
 */
#ifndef DAEMON_DESK_ELSEWHERE_H
#define DAEMON_DESK_ELSEWHERE_H

#include "daemon/cluster/peer.h"
#include "webui/webui.h"

struct elsewhere_options {
	struct loop *loop;
	struct cluster *cluster;
	struct peers *peers;
	struct keeper_client *keeper;
	struct webui *webui;
};

struct elsewhere;
struct elsewhere *elsewhere_new(const struct elsewhere_options *);
void elsewhere_free(struct elsewhere *);	/* when the loop runs no more, before the webui; NULL is fine */
/* what other nodes ask from now on is given back to them: a different one is to lead */
void elsewhere_leave(struct elsewhere *);
bool elsewhere_idle(const struct elsewhere *);	/* nobody waits for an answer, here or there */
/* The loop of its peers runs no more: whoever waits for the leader is answered. */
void elsewhere_give_up(struct elsewhere *);
void elsewhere_connect(struct elsewhere *, int fd);	/* a desk of a follower; takes fd */

#endif
