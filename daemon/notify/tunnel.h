/*
 * A tunnel to a mail server: a port of loopback whose one connection is carried on, under TLS.
 *
 * libesmtp knows STARTTLS with OpenSSL's settings alone, no TLS from the first byte, no end of a connection attempt,
 * and no way to be stopped.  So it talks to this port, in clear, and here is what it lacks: time limits, both kinds of
 * TLS with a check of the certificate, and a stop.  Only a process of our own user can use the port, and only once.
 */
#ifndef DAEMON_NOTIFY_TUNNEL_H
#define DAEMON_NOTIFY_TUNNEL_H

#include "base/err.h"

struct tunnel;

enum tunnel_tls { TUNNEL_NONE, TUNNEL_STARTTLS, TUNNEL_TLS };

struct tunnel_options {		/* borrowed until tunnel_open() returns, stop_fd until tunnel_close() */
	const char *host;
	int port;
	enum tunnel_tls tls;
	const char *ca_file;	/* NULL or "": the system's */
	const char *hello;	/* what we call ourselves */
	int timeout_ms;		/* for each wait */
	int stop_fd;		/* readable: all waits end */
	void (*note)(void *arg, const char *line);	/* what is said before the tunnel is open */
	void *arg;
};

/* Connects, with TLS if it is to be; waits for it.  NULL: e says why not. */
struct tunnel *tunnel_open(const struct tunnel_options *, struct err *);
int tunnel_port(const struct tunnel *);
/*
 * Why the tunnel broke down, if it did: 0 or -1 with e.
 * Only while nothing is under way in it: after what used it is done.
 */
void tunnel_close(struct tunnel *, struct err *);

#endif
