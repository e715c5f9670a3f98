/*
 * One connection, and its turns.  Private to conn.c, which has its life, and exchange.c, which has its requests.
 *
 * In a turn things are only noted; when it ends, requests that are there are read, answers are sent, and the connection
 * waits for what comes next, or is gone.
 */
#ifndef DAEMON_FRONT_TURN_H
#define DAEMON_FRONT_TURN_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/http/reader.h"
#include "daemon/front/waits.h"

struct pending;		/* exchange.c's */

struct conn {
	struct waiting waiting;
	struct conns *all;
	void *arg;			/* of the handler */
	const char *headers;		/* for all answers */
	enum face face;
	int fd;
	struct event readable, writable;
	bool reads, writes;		/* these are waited for */
	struct tls_conn *tls;		/* NULL: plain, or nothing has come yet */
	struct door *door;
	struct http_reader reader;
	struct http_request request;	/* being read */
	struct buf in, out;
	size_t used, sent;		/* of these */
	size_t owed;			/* bytes of answers that wait here for the other side */
	uint64_t owed_as;		/* the number among those that had to wait: the least has waited longest */
	bool lent_in, lent_out;		/* they are the thread's */
	struct pending *pending;	/* a request that waits for its answer; NULL: there is none */
	bool streams;			/* its answer comes in parts */
	bool in_turn;
	bool stalled;			/* more requests are there, but the answers before have not been sent */
	bool progress;			/* a request is whole, or something was sent: the wait begins anew */
	bool kept;			/* there was a request before */
	bool unread;			/* counted as such at the door */
	bool blocked;			/* TLS cannot read before it has written */
	bool eof;			/* nothing more comes */
	bool ending;			/* it ends when all is sent */
	bool lingers;			/* but not before the other side has seen it: there may be more to read */
	bool dead;			/* it ends now */
};

void turn_begin(struct conn *);
void turn_end(struct conn *);			/* the connection may be gone after it */
size_t turn_unsent(const struct conn *);	/* bytes */
bool turn_is_last(const struct conn *);		/* no request is taken after this one: we are ending */

#endif
