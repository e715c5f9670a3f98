/* PEM (RFC 7468): blocks in a text.  Private to pki/. */
#ifndef PKI_FILE_PEM_H
#define PKI_FILE_PEM_H

#include "base/buf.h"
#include "base/err.h"

struct pem_block {		/* borrowed from the text */
	struct slice before;	/* what stands between the last block and this one */
	struct slice label;	/* "CERTIFICATE" */
	struct slice body;	/* base64, perhaps with RFC 1421 headers in front */
};

/* Is there any block, even a broken one? */
bool pem_is(struct slice text);
/* The next block; *text moves behind it.  1; 0: there is none; -1: it has no end. */
int pem_next(struct slice *text, struct pem_block *, struct err *);
/* Is the body encrypted, with headers as before PKCS#8 (RFC 1421)?  What DEK-Info says, and the base64 behind. */
bool pem_encrypted(const struct pem_block *, struct slice *dek, struct pem_block *inner);
bool pem_label_is(const struct pem_block *, const char *label);
bool pem_label_ends(const struct pem_block *, const char *end);
int pem_decode(const struct pem_block *, struct buf *der, struct err *);
void pem_add(struct buf *pem, const char *label, struct slice der);

#endif
