/* Requests and their answers: who is asked, and the way back to the connection. */
#ifndef DAEMON_FRONT_EXCHANGE_H
#define DAEMON_FRONT_EXCHANGE_H

#include "base/http/answer.h"
#include "daemon/front/challenges.h"
#include "daemon/front/conn.h"

/* Who answers.  On the thread of the connection. */
struct answering {
	struct challenges *challenges;	/* NULL: they are not answered here */
	/*
	 * Any request that is for no challenge: its answer goes back through the exchange, at once or later.  brief: of
	 * the request only minor, keeps and head count when this has returned, for it went away in a packet.
	 */
	void (*attend)(void *arg, struct http_exchange *);
	bool brief;
	/* The client has gone.  The exchange stays until its answer.  NULL: nobody needs to know. */
	void (*left)(void *arg, struct http_exchange *);
	void *arg;		/* of both */
};

/* For conns_new(). */
struct exchanges;
extern const struct conn_handler exchange_handler;
struct exchanges *exchanges_new(const struct answering *);
void exchanges_free(struct exchanges *);	/* after the connections; NULL is fine */

#endif
