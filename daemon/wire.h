/*
 * What evhttp reads from and writes to: a filter bufferevent over the socket's, with TLS or without.
 *
 * It differs from a plain one in what evhttp needs of a server's connection:
 *   - output goes straight to the socket, so that its end is not lost when evhttp closes;
 *   - output added while writing is off goes out when the loop turns;
 *   - a request must have come in whole WIRE_PATIENCE_MS after the last answer, however busy the client is;
 *   - bufferevent_flush(bev, EV_WRITE, BEV_FINISHED) takes leave (close_notify).
 */
#ifndef DAEMON_WIRE_H
#define DAEMON_WIRE_H

#include "daemon/tls.h"

#define WIRE_PATIENCE_MS (60 * 1000)

struct bufferevent;
struct event_base;

/* The connections of one thread, counted. */
struct wires {
	int open;
	int unsent;	/* those with output the socket has not taken yet */
	bool orphaned;
};
struct wires *wires_new(void);
void wires_free(struct wires *);	/* goes with the last connection, which evhttp may still be ending */

/*
 * tls NULL: plain.  Reading pauses at `unread_most` bytes that evhttp has not taken.  The socket, which evhttp
 * sets, is closed with it.
 */
struct bufferevent *wire_new(struct wires *, struct event_base *, struct tls *, size_t unread_most);

#endif
