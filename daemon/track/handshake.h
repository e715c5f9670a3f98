/*
 * The client's side of one TLS handshake that believes every certificate and keeps what was shown; pki/trust/judge.h
 * says what to think of it.  TLS 1.2, and 1.3 where mbedTLS has it.
 */
#ifndef DAEMON_TRACK_HANDSHAKE_H
#define DAEMON_TRACK_HANDSHAKE_H

#include "pki/cert.h"

struct handshakes;	/* what they have in common; of one thread */
struct handshakes *handshakes_new(void);
void handshakes_free(struct handshakes *);

enum handshake_state {
	HANDSHAKE_READS,	/* go on when the socket is readable */
	HANDSHAKE_WRITES,	/* ... writable */
	HANDSHAKE_DONE,
	HANDSHAKE_FAILED,	/* e says what it does, "refuses ..."; certificates may have come all the same */
	HANDSHAKE_NEWER,	/* the server speaks only TLS 1.3, and this build does not */
	HANDSHAKE_UNREADABLE,	/* a message is longer than mbedTLS reads, or in pieces; certificates may have come */
};

struct handshake;
/*
 * On a connected socket that does not block, which stays the caller's.
 * host: for SNI; NULL: an address is asked for.
 */
struct handshake *handshake_new(struct handshakes *, int fd, const char *host);
void handshake_free(struct handshake *);	/* says good-bye, if there is somebody to say it to; NULL is fine */
enum handshake_state handshake_go(struct handshake *, struct err *);
/* What the server has shown, leaf first.  Empty: nothing that could be read. */
void handshake_chain(const struct handshake *, struct chain *);
const char *handshake_version(const struct handshake *);	/* "TLSv1.3"; when it is done */
const char *handshake_cipher(const struct handshake *);

#endif
