/* JSON Web Signatures as ACME uses them: flattened, one signer (RFC 7515 section 7.2.2, RFC 8555 section 6.2). */
#ifndef ACME_JWS_H
#define ACME_JWS_H

#include "base/buf.h"
#include "base/err.h"

/* The protected header: either kid or jwk names the key. */
struct jws_header {
	const char *alg;
	const char *kid;	/* NULL: use jwk */
	const char *jwk;	/* JSON text */
	const char *nonce;	/* NULL: none (external account binding) */
	const char *url;
};

/* What is to be signed: base64url(header) "." base64url(payload).  Owned; NULL if jwk is not JSON. */
char *jws_input(const struct jws_header *, const char *payload, struct err *);
/* The finished JWS: {"protected", "payload", "signature"}.  Owned. */
char *jws_flat(const char *input, struct slice signature);

#endif
