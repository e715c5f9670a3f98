/*
 * TLS by mbedTLS: the certificates we serve, and the server's side of one connection.
 *
 * One struct tls for the process; any thread may use it.  A connection keeps the certificates it
 * began with; new ones see the table that is in force when they are accepted.  TLS 1.2 at least,
 * 1.3 where mbedTLS has it, http/1.1 and http/1.0 by ALPN, session tickets.
 */
#ifndef DAEMON_FRONT_TLS_H
#define DAEMON_FRONT_TLS_H

#include "base/buf.h"
#include "base/err.h"

struct tls;

/* Starts with a self-signed certificate for hostname, served while there is no other one. */
struct tls *tls_new(const char *hostname, struct err *);
/* The self-signed certificate is for this name from now on. */
int tls_rename(struct tls *, const char *hostname, struct err *);
void tls_free(struct tls *);		/* after its connections; NULL is fine */
/*
 * Serves this chain to who asks for one of names (SNI; a wildcard covers its host names), and to who asks
 * for nothing we have.  It takes the place of what was set with that id, and the names over from the others.
 * key: PKCS#8 DER.  On failure what was served before goes on being served.
 */
int tls_set_certificate(struct tls *, const char *id, char *const *names, struct slice chain_pem, struct slice key,
			struct err *);
/* Of those that were set, only these (NULL: none) are served from now on. */
int tls_keep_certificates(struct tls *, char *const *ids, struct err *);

/*
 * One connection, without its socket's events: what was received is handed in, what is to be sent goes straight to the
 * socket.
 */
struct tls_conn;

enum tls_result {
	TLS_IDLE,	/* all is done until more bytes come in, or are to go out */
	TLS_BLOCKED,	/* the socket takes no more: ask again when it does */
	TLS_CLOSED,	/* the other side said good-bye */
	TLS_BROKEN,	/* not to be used any more; an alert has been sent */
};

struct tls_conn *tls_conn_new(struct tls *, int fd);
void tls_conn_free(struct tls_conn *);	/* NULL is fine */
bool tls_conn_is_open(const struct tls_conn *);		/* is the handshake over? */
/* Takes what was received (nothing, to go on after TLS_BLOCKED), and adds what it says to `in`, shaking hands first. */
enum tls_result tls_conn_read(struct tls_conn *, struct slice received, struct buf *in);
/* Sends from the beginning of `out`; *sent: so much of it.  After TLS_BLOCKED the same must come again. */
enum tls_result tls_conn_write(struct tls_conn *, struct slice out, size_t *sent);
void tls_conn_say_goodbye(struct tls_conn *);	/* close_notify, if the socket takes it */

#endif
