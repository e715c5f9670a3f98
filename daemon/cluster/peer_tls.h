/*
 * TLS between the nodes of a cluster, without blocking: who accepts presents a certificate of its own that lives as
 * long as the process.  Nobody trusts it: who belongs to the cluster is proved behind the handshake, over its
 * fingerprint (hello.h).
 *
 * The side that connects presents none: what a stranger presents would be calculated with before the stranger has
 * proved anything.
 */
#ifndef DAEMON_CLUSTER_PEER_TLS_H
#define DAEMON_CLUSTER_PEER_TLS_H

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"

/* What a node presents, and how it asks others.  For one thread. */
struct peer_identity;
struct peer_identity *peer_identity_new(struct err *);
void peer_identity_free(struct peer_identity *);	/* after its connections; NULL is fine */

enum peer_tls_result {
	PEER_TLS_DONE,		/* all that could be done now; of reading: there is nothing more */
	PEER_TLS_WANTS_READ,
	PEER_TLS_WANTS_WRITE,
	PEER_TLS_CLOSED,	/* the other side said good-bye, or is gone */
	PEER_TLS_BROKEN,	/* e says why */
};

struct peer_tls;
/* The socket is connected, does not block, and stays the caller's. */
struct peer_tls *peer_tls_new(struct peer_identity *, int fd, bool accepted);
void peer_tls_free(struct peer_tls *);			/* NULL is fine */
enum peer_tls_result peer_tls_handshake(struct peer_tls *, struct err *);
/* Of the certificate of the side that accepted; after the handshake. */
void peer_tls_print(const struct peer_tls *, unsigned char print[SHA256_SIZE]);
/* Adds what has come, until `in` has so many bytes. */
enum peer_tls_result peer_tls_read(struct peer_tls *, struct buf *in, size_t most, struct err *);
/* From the beginning of `out`; *sent: so much of it.  The rest must come again. */
enum peer_tls_result peer_tls_write(struct peer_tls *, struct slice out, size_t *sent, struct err *);

#endif
