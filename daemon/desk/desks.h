/*
 * The desks: threads that answer requests, each a loop with its webui and its channel to the keeper, what comes in from
 * one thread of the front, and the control socket.
 */
#ifndef DAEMON_DESK_DESKS_H
#define DAEMON_DESK_DESKS_H

#include "daemon/cluster/peer.h"
#include "daemon/config/config.h"
#include "daemon/front/sockets.h"
#include "keeper/keeper.h"
#include "webui/webui.h"

struct desks;

struct desks_options {
	int count;
	struct listeners *listeners;	/* of these the control socket */
	const struct local_admins *local_admins; /* beside root and our user */
	struct keeper *keeper;
	int first_client;		/* index of the first thread's channel; the others follow */
	const struct webui_env *env;	/* borrowed */
	struct cluster *cluster;	/* NULL: there are no other nodes */
	struct peers *peers;
	void (*on_death)(void *arg);	/* the keeper died; called on a desk's thread */
	void *arg;
};

struct desks *desks_start(const struct desks_options *, const struct config *, struct err *);
/* The socket to this thread of a front that was just started; taken. */
void desks_connect(struct desks *, int thread, int fd);
/* A desk of a different node has connected: one of ours answers it.  Takes fd. */
void desks_came(struct desks *, int fd);
/* New settings from now on (a reload); any thread. */
void desks_configure(struct desks *, const struct config *);
/* Did every thread turn its loop since the last call?  Asks them anew. */
bool desks_alive(struct desks *);
/* For the end: streams end, and nobody new is served at the control socket. */
void desks_end_streams(struct desks *);
/*
 * For the end, in a cluster, while the engine's loop still runs: what is noted aside is written or sent at once.
 * desks_left(): so it is, what other nodes have asked is answered, and what the leader was asked, too.
 */
void desks_leave(struct desks *);
bool desks_left(const struct desks *);
/* The engine's loop runs no more: whoever waits for the leader is answered. */
void desks_give_up(struct desks *);
/* Lets requests under way at the control socket end (at most `patience_ms`), joins the threads.  NULL is fine. */
void desks_stop(struct desks *, int64_t patience_ms);

#endif
