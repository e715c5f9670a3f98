/* Certificates out of whatever people upload: PEM with text around it, DER, BER, PKCS#7; and their order. */
#ifndef PKI_FILE_COLLECT_H
#define PKI_FILE_COLLECT_H

#include "pki/cert.h"

#define COLLECT_MAX 20	/* certificates of one upload */
/* Signatures looked at to find their order: if all have one name, there are 400 that could be. */
#define COLLECT_TRIES 40

/*
 * Appends those in the file, also those that can only be shown; blocks of other kinds are passed over.  None is no
 * error.
 */
int collect_certs(struct chain *, struct slice file, struct err *);
/* Is there a private key in it, by its looks?  PEM or DER; a PFX file looks so, too. */
bool collect_has_key(struct slice file);
/*
 * Makes the chain of the certificate for `spki` out of those collected, moving them over: the leaf, then each one's
 * issuer as far as they are there, without the root.  What belongs to nothing stays behind.
 */
int collect_chain(struct chain *collected, struct slice spki, struct chain *out, struct err *);

#endif
