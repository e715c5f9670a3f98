/* PKCS#8 (RFC 5958) around the forms mbedTLS writes and reads.  Private to pki/. */
#ifndef PKI_PKCS8_H
#define PKI_PKCS8_H

#include "base/buf.h"
#include "base/err.h"

/* PrivateKeyInfo of a PKCS#1 RSAPrivateKey or a SEC1 ECPrivateKey. False: it is neither. */
bool pkcs8_wrap(struct buf *out, struct slice traditional);
/* EncryptedPrivateKeyInfo? */
bool pkcs8_is_encrypted(struct slice der);
/*
 * PBES2 with PBKDF2 and AES or DES in CBC (RFC 8018), what openssl writes and mbedTLS 2.28 reads only in part.
 * 1: done; 0: another scheme; -1: failed, most likely by a wrong password.
 */
int pkcs8_decrypt(struct slice der, const char *password, struct buf *out, struct err *);
/* A scheme of PKCS#12 (RFC 7292 appendix C) that mbedTLS reads? */
bool pkcs8_is_pkcs12(struct slice der);

#endif
