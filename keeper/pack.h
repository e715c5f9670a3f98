/* The files a certificate is handed out in together with its private key. */
#ifndef KEEPER_PACK_H
#define KEEPER_PACK_H

#include "pki/cert.h"

struct pack {
	const struct key *key;
	const struct chain *chain;	/* leaf first */
	const char *name;		/* of the certificate, for people */
	const char *password;		/* empty: none */
};
/* format: "pfx", "pfx-legacy" (PKCS#12), "bundle" (key and chain, PEM), "zip".  ERR_USAGE for another word. */
int pack_write(const char *format, const struct pack *, struct buf *file, struct err *);

#endif
