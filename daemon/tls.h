/*
 * TLS by mbedTLS: the certificates we serve, and the server's side of one connection.
 *
 * One struct tls for the process; any thread may use it.  A connection keeps the certificates it
 * began with; new ones see the table that is in force when they are accepted.  TLS 1.2 at least,
 * 1.3 where mbedTLS has it, http/1.1 by ALPN, session tickets.
 */
#ifndef DAEMON_TLS_H
#define DAEMON_TLS_H

#include "base/buf.h"
#include "base/err.h"

struct evbuffer;
struct tls;

/* Starts with a self-signed certificate for hostname, served while no other one is set. */
struct tls *tls_new(const char *hostname, struct err *);
void tls_free(struct tls *);		/* after its connections; NULL is fine */
/*
 * Serves this chain to who asks for one of names (SNI; a wildcard covers its host names), and to who asks
 * for nothing we have.  It takes the names over from the certificates set before.  key: PKCS#8 DER.
 * On failure what was served before goes on being served.
 */
int tls_set_certificate(struct tls *, char *const *names, struct slice chain_pem, struct slice key, struct err *);

/*
 * One connection, without its socket's events (daemon/wire.h has those): bytes come from the evbuffer the
 * socket is read into, and go straight to the socket.
 */
struct tls_conn;

enum tls_result {
	TLS_IDLE,	/* all is done until more bytes come in, or are to go out */
	TLS_BLOCKED,	/* the socket takes no more: ask again when it does */
	TLS_CLOSED,	/* the other side said good-bye */
	TLS_BROKEN,	/* not to be used any more; an alert has been sent */
};

struct tls_conn *tls_conn_new(struct tls *, struct evbuffer *received);
void tls_conn_free(struct tls_conn *);	/* NULL is fine */
bool tls_conn_is_open(const struct tls_conn *);		/* is the handshake over? */
/* Decrypts into `in`, shaking hands first.  Stops when some `most` bytes have been added (below 0: no limit). */
enum tls_result tls_conn_read(struct tls_conn *, int fd, struct evbuffer *in, ssize_t most);
/* Encrypts from `out`, which is empty only when the socket has taken everything. */
enum tls_result tls_conn_write(struct tls_conn *, int fd, struct evbuffer *out);
void tls_conn_say_goodbye(struct tls_conn *, int fd);	/* close_notify, if the socket takes it */

#endif
