/*
 * How two nodes of a cluster prove to each other that they belong to it, behind a TLS handshake in which nobody was
 * trusted.  Three lines:
 *
 *	accepted  certera-peer PROTOCOL NONCE
 *	connected hello USE NAME CLUSTER NONCE MAC
 *	accepted  welcome NAME CLUSTER MAC, or: no SENTENCE
 *
 * A MAC is the keeper's (node_mac) over all that was said and the fingerprint of the certificate that this side of the
 * handshake has seen.  So only a keeper with the same master key makes it, it is good for this connection alone, and
 * somebody in between, who has a different certificate, has none.
 */
#ifndef DAEMON_CLUSTER_HELLO_H
#define DAEMON_CLUSTER_HELLO_H

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "daemon/cluster/cluster.h"

#define HELLO_LINE_MOST 512	/* bytes */
#define HELLO_NONCE 32		/* hex digits */
#define HELLO_MAC (2 * SHA256_SIZE)
#define HELLO_CLUSTER 40

/* What a connection between nodes is for. */
enum peer_use {
#define PEER_USE(use) PEER_##use,
#include "daemon/cluster/peer_use.def"
#undef PEER_USE
	PEER_USES
};

/* What the two sides know of each other in the end. */
struct hello {
	enum peer_use use;
	unsigned char print[SHA256_SIZE];
	char asked[HELLO_NONCE + 1], answered[HELLO_NONCE + 1];	/* nonces: of who accepted, of who connected */
	struct hello_side {
		char name[CLUSTER_NAME], cluster[HELLO_CLUSTER];	/* cluster "": it has none yet */
		char mac[HELLO_MAC + 1];
	} accepted, connected;
};

void hello_nonce(char nonce[HELLO_NONCE + 1]);
/* What the keeper makes the MAC of: by who accepted, or by who connected. */
void hello_statement(const struct hello *, bool accepted, struct buf *);

/* The lines; reading takes them without their end.  -1: e says what is wrong. */
void hello_greet(const struct hello *, struct buf *out);
int hello_read_greeting(struct hello *, const char *line, struct err *);
void hello_say(const struct hello *, struct buf *out);
int hello_read(struct hello *, const char *line, struct err *);
void hello_welcome(const struct hello *, struct buf *out);
void hello_refuse(const struct err *, struct buf *out);
/* "no": the other side's sentence. */
int hello_read_welcome(struct hello *, const char *line, struct err *);

#endif
