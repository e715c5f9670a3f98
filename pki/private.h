/*
 * Private keys as they come (PKCS#8, PKCS#1, SEC1), looked at before mbedTLS gets them: it calculates while it reads,
 * and takes for PEM what ends in a NUL.  Private to pki/.
 */
#ifndef PKI_PRIVATE_H
#define PKI_PRIVATE_H

#include "base/buf.h"
#include "base/err.h"

/*
 * 1: an RSA or EC key, to be read from `key`, which borrows from the DER; 0: none of these by its looks;
 * -1: one that is not used here, and e says why.
 */
int private_look(struct slice der, struct slice *key, struct err *e);
/* Could it be one, encrypted or not? */
bool private_is(struct slice der);

#endif
