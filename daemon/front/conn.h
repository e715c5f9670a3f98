/*
 * The connections of one front thread, from their first byte to their last: bytes become requests, which a handler
 * answers (exchange.h), and answers become bytes.
 */
#ifndef DAEMON_FRONT_CONN_H
#define DAEMON_FRONT_CONN_H

#include "base/http/reader.h"
#include "base/loop.h"
#include "daemon/front/doors.h"
#include "daemon/front/tls.h"

struct conn;
struct conns;

/* What becomes of requests.  All of it inside of a connection's turn (turn.h). */
struct conn_handler {
	void (*whole)(struct conn *);				/* conn.request is whole: it is answered, or pending */
	void (*refused)(struct conn *, enum http_refusal);	/* it never will be: it is answered */
	void (*gone)(struct conn *);				/* the connection is; its pending request is not */
};

/* tls NULL: there is no https.  All of them are borrowed. */
struct conns *conns_new(struct loop *, struct tls *, struct doors *, int threads, const struct conn_handler *,
			void *arg);
void conns_free(struct conns *);	/* drops all connections; NULL is fine */
/* hsts: seconds for which browsers shall use https only; 0: they are not told.  Reads the limits of the doors anew. */
void conns_configure(struct conns *, int64_t hsts);
/* Can one more be taken?  False: all are in use, and none of them only waits. */
bool conns_have_room(struct conns *, enum face);
/* A connection just accepted.  If all are in use, one that waits is closed for it. */
void conns_take(struct conns *, enum face, int fd, const struct address *peer);
/* The end is near: answers say that they are the last ones on their connection. */
void conns_drain(struct conns *);
/*
 * Is every request answered, and every answer sent?  unread: and is no request still to come, on a connection we took?
 */
bool conns_idle(struct conns *, bool unread);

#endif
