/*
 * SEQUENCE { body, algorithm, signature }, the shape of all that X.509 signs; times; what is in a certificate's body.
 * Private to pki/.
 */
#ifndef PKI_SIGNED_H
#define PKI_SIGNED_H

#include "base/buf.h"
#include "base/err.h"

struct signed_thing {		/* borrowed from the DER */
	struct slice body, whole_body;
	struct slice algorithm;	/* its OID */
	struct slice signature;
	struct slice rest;	/* what stands behind, in the same SEQUENCE */
};
bool signed_read(struct signed_thing *, struct slice der);
/* Did the owner of this public key sign it? */
int signed_verify(const struct signed_thing *, struct slice spki, struct err *);

/* UTCTime or GeneralizedTime, as RFC 5280 section 4.1.2.5 has them. */
bool signed_take_time(struct slice *in, int64_t *t);

struct signed_cert {		/* borrowed from the certificate */
	struct slice serial;		/* INTEGER, the whole element */
	struct slice issuer, subject;	/* Names, whole elements */
	int64_t not_before, not_after;
	struct slice spki;		/* the whole element */
	struct slice public_key;	/* the bits of the key */
	struct slice extensions;	/* Extensions, the whole element; empty: it has none */
};
bool signed_cert_read(struct signed_cert *, struct slice der);

/* RFC 5280 section 5.3.1; NULL: there is none of this number. */
const char *signed_reason(unsigned int number);

#endif
