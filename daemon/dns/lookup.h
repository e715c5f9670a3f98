/* The addresses of a name, waited for: for threads that have no loop (the mail thread).  /etc/hosts counts. */
#ifndef DAEMON_DNS_LOOKUP_H
#define DAEMON_DNS_LOOKUP_H

#include "base/net.h"

struct lookup {
	const char *host;
	int port;
	const char *servers;	/* "192.0.2.1:53"; "" or NULL: the system's resolvers */
	int timeout_ms;		/* for all of it */
	int stop_fd;		/* readable: it ends at once */
};

/* An array in the order in which they are to be tried; owned.  NULL: e says why not. */
struct address *lookup(const struct lookup *, size_t *count, struct err *);

#endif
