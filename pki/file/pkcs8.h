/* PKCS#8 (RFC 5958) around the forms mbedTLS writes and reads.  Private to pki/. */
#ifndef PKI_FILE_PKCS8_H
#define PKI_FILE_PKCS8_H

#include "pki/file/pbe.h"

/* PrivateKeyInfo of a PKCS#1 RSAPrivateKey or a SEC1 ECPrivateKey. False: it is neither. */
bool pkcs8_wrap(struct buf *out, struct slice traditional);
/* EncryptedPrivateKeyInfo? */
bool pkcs8_is_encrypted(struct slice der);
/* Opens one; see pbe_decrypt() for what it returns. */
int pkcs8_decrypt(struct slice der, const char *password, struct buf *out, struct err *);
/* EncryptedPrivateKeyInfo of a PrivateKeyInfo. */
int pkcs8_encrypt(struct slice der, const char *password, struct buf *out, struct err *);
int pkcs8_encrypt_as(enum pbe_scheme, struct slice der, const struct pbe_password *, struct buf *out, struct err *);

#endif
