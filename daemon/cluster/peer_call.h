/*
 * What peers_call() is told, on its way: the name is looked up, its addresses are tried one after the other until a
 * node has proved itself at one, and the answer goes to the loop of whoever called.
 */
#ifndef DAEMON_CLUSTER_PEER_CALL_H
#define DAEMON_CLUSTER_PEER_CALL_H

#include "base/loop.h"
#include "base/net.h"
#include "daemon/cluster/hello.h"

struct peer_call;
/* fd is the callee's; -1: err says why. */
typedef void peer_fn(void *arg, int fd, const struct err *);
/*
 * fn is not called.  Before its loop is freed, and not after fn; NULL is fine.  False: a different thread than that of
 * the loop asks, and fn is being called now.
 */
bool peer_call_cancel(struct peer_call *);

/*
 * For peer.c.
 */

struct peer_calls_options {
	struct loop *loop;	/* where connections are made */
	/*
	 * Connects, and says what came of it by one of the two below.  ms: in this time it must be connected, as there
	 * is a next address; 0: there is none.
	 */
	void (*connect)(void *arg, struct peer_call *, const struct address *, int64_t ms);
	void *arg;
};

struct peer_calls;
struct peer_calls *peer_calls_new(const struct peer_calls_options *);
void peer_calls_free(struct peer_calls *);	/* when no loop runs any more; NULL is fine */
/* Any thread. */
struct peer_call *peer_calls_begin(struct peer_calls *, const char *address, enum peer_use, struct loop *on, peer_fn *,
				   void *arg);

void peer_call_succeed(struct peer_call *, int fd); /* takes both */
/* Takes it; the next address may be tried before this returns. */
void peer_call_fail(struct peer_call *, const struct err *);
enum peer_use peer_call_use(const struct peer_call *);
const char *peer_call_address(const struct peer_call *);	/* as it was called */

#endif
