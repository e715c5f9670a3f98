/* TLS as a client on a socket, waited for: the certificate is checked against the name, TLS 1.2 or newer. */
#ifndef DAEMON_NOTIFY_TUNNEL_TLS_H
#define DAEMON_NOTIFY_TUNNEL_TLS_H

#include "base/err.h"

struct tls_link;

/* Any thread.  ca_file: NULL or "" for the system's.  The socket is the caller's, and does not block. */
struct tls_link *tls_link_new(int fd, const char *host, const char *ca_file, struct err *);
void tls_link_free(struct tls_link *);		/* NULL is fine; says goodbye if it can */

enum { LINK_FAILED = -1, LINK_WANTS_READ = -2, LINK_WANTS_WRITE = -3 };
/* 0 done, or one of the above (LINK_FAILED with e). */
int tls_link_handshake(struct tls_link *, struct err *);
/* Bytes; 0: the other side has closed (read), or one of the above. */
ssize_t tls_link_read(struct tls_link *, void *, size_t, struct err *);
ssize_t tls_link_write(struct tls_link *, const void *, size_t, struct err *);
bool tls_link_pending(const struct tls_link *);	/* something to be read is here already */

#endif
