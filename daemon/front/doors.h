/*
 * How many may come in, in all and from one address (an IPv6 address counts as its /64): so that nobody takes all
 * connections.  Port 80 has a part of them for itself, and knows no rates: CAs validate from few addresses, and fast.
 * There only connections whose request is not whole count.
 *
 * One for all front threads; any thread.
 */
#ifndef DAEMON_FRONT_DOORS_H
#define DAEMON_FRONT_DOORS_H

#include "base/http/request.h"

struct doors_limits {
	int64_t connections;		/* of all threads; fewer where there are fewer descriptors */
	int64_t per_address;		/* but no more than half of what the port has */
	int64_t per_second;		/* new ones from one address */
	struct cidr_list trusted;	/* proxies: no address of theirs is one client */
};

struct doors;
struct doors *doors_new(void);		/* lets everybody in until the first doors_limit() */
void doors_free(struct doors *);	/* after the last one has left; NULL is fine */
/* Copies them.  Reads anew how many descriptors there may be. */
void doors_limit(struct doors *, const struct doors_limits *);
int64_t doors_most(struct doors *, enum face);	/* connections of all threads that this face may have open */

/* One address, as long as it has connections. */
struct door;
/* A connection from the peer; NULL: it is refused, and that is counted. */
struct door *doors_enter(struct doors *, enum face, const struct address *peer);
void doors_leave(struct doors *, struct door *, enum face, bool unread);
/* Its request has become whole, or another one begins. */
void door_unread(struct door *, enum face, bool unread);
/* Says in the log, once in a while, that one was closed to make room for others. */
void doors_tell_full(struct doors *, enum face);

#endif
