/*
 * The client's side of a TLS handshake, in steps: what the server presents is looked at before anything is calculated
 * with its keys (rsa.h).  For contexts with MBEDTLS_SSL_VERIFY_NONE, so that mbedTLS does not verify a chain first; who
 * wants it verified brings a judge.
 */
#ifndef PKI_TRUST_PRESENTED_H
#define PKI_TRUST_PRESENTED_H

#include "pki/mbed.h"

/* What to think of the chain, leaf first: 0, or mbedTLS's code with which the handshake ends. */
typedef int presented_judge(void *arg, mbedtls_x509_crt *chain);

struct presented {
	presented_judge *judge;		/* NULL: every chain is taken */
	void *arg;
	bool seen;
	struct err absurd;		/* set: a key of the chain is; the handshake ended before it was used */
};

/* As mbedtls_ssl_handshake().  A server that presents nothing is refused. */
int presented_handshake(struct presented *, mbedtls_ssl_context *);
/* What has come so far, also if the handshake failed behind it; NULL: nothing. */
mbedtls_x509_crt *presented_chain(const mbedtls_ssl_context *);

#endif
