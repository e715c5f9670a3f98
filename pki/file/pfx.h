/* PFX files, PKCS#12 (RFC 7292): certificates and their private key under one password. */
#ifndef PKI_FILE_PFX_H
#define PKI_FILE_PFX_H

#include "pki/cert.h"

struct pfx_options {
	const char *password;	/* may be empty */
	const char *name;	/* the friendly name; NULL: none */
	bool legacy;		/* 3DES and SHA-1, for Windows Server 2016 and older; else AES-256 and SHA-256 */
};
/* The certificates from leaf to last, and the leaf's key. */
int pfx_write(const struct key *, const struct chain *, const struct pfx_options *, struct buf *der, struct err *);

struct pfx {			/* what was in one; all owned */
	struct buf *key;	/* PrivateKeyInfo DER */
	size_t keys;
	struct chain certs;	/* in the order of the file */
	char *name;		/* the first friendly name; NULL: none */
};
/* Checks the MAC, if there is one.  An encryption that is not read here is ERR_INVALID with the way to convert it. */
int pfx_read(struct pfx *, struct slice der_or_ber, const char *password, struct err *);
void pfx_release(struct pfx *);	/* wipes */
#define _cleanup_pfx_ _cleanup_(pfx_release)
/* Does it look like a PFX file? */
bool pfx_is(struct slice der_or_ber);

#endif
