/*
 * Bounds of RSA keys: nobody has others but to make us calculate.  Looked at before mbedTLS gets anything with a key in
 * it.  Private to pki/.
 */
#ifndef PKI_RSA_H
#define PKI_RSA_H

#include "base/buf.h"
#include "base/err.h"

#define RSA_BITS_LEAST 2048	/* CAs take none that is shorter */
#define RSA_BITS_MOST 8192	/* mbedTLS reads no longer ones */
#define RSA_EXPONENT_MOST 64	/* bits; one as long as the modulus makes a verification as slow as a thousand */

/* Modulus and public exponent (magnitudes): odd, and not beyond these bounds? */
int rsa_check(struct slice n, struct slice exponent, struct err *);
/* The same for a SubjectPublicKeyInfo; nothing is said about other kinds than RSA. */
int rsa_check_spki(struct slice spki, struct err *);

#endif
