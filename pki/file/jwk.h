/*
 * Private keys as JWK (RFC 7517, RFC 7518 section 6): so some ACME clients keep those of their accounts.  Private to
 * pki/.
 */
#ifndef PKI_FILE_JWK_H
#define PKI_FILE_JWK_H

#include "base/buf.h"
#include "base/err.h"

/* Could it be one, by its looks? */
bool jwk_is(struct slice);
/* Appends its private key as DER: PKCS#1 or SEC1. */
int jwk_private(struct slice, struct buf *der, struct err *);

#endif
