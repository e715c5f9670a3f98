/*
 * Requests that come in from a front thread as packets (base/http/packet.h): each becomes an exchange, whoever attends
 * to it knows no difference.  On one loop.
 */
#ifndef DAEMON_DESK_INBOX_H
#define DAEMON_DESK_INBOX_H

#include "base/http/answer.h"
#include "base/loop.h"
#include "keeper/keeper.h"

struct inbox;
struct inbox *inbox_new(struct loop *, void (*attend)(void *arg, struct http_exchange *), void *arg);
/*
 * Between nodes: the keeper looks at what vouches for a local administrator of the other node, for which this node has
 * the name `name` (borrowed), and answers say which entry of the log they follow from.
 */
struct inbox_peer {
	struct keeper_client *keeper;
	const char *name;
	uint64_t (*applied)(const void *arg);
	const void *arg;
	void (*noted)(void *arg, struct slice note);	/* webui_noted() */
	void *noted_arg;
	void (*closed)(void *arg, struct inbox *);	/* the other node is gone; it may free the inbox, later */
	void *closed_arg;
};
struct inbox *inbox_new_peer(struct loop *, void (*attend)(void *arg, struct http_exchange *), void *arg,
			     const struct inbox_peer *);
/* Takes the socket to a front thread.  What an earlier one has asked for is for nobody any more. */
void inbox_connect(struct inbox *, int fd);
/* Of an exchange that came from a different node, and that nobody has looked at: it is to be asked elsewhere. */
void inbox_back(struct http_exchange *);
bool inbox_idle(const struct inbox *);	/* all is answered */
void inbox_free(struct inbox *);	/* when all is answered or dropped; NULL is fine */

#endif
