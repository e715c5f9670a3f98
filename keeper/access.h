/*
 * API keys, and the access blob that holds the hashes of the two of one certificate or key.
 *
 * An API key is "cak_" and 32 random bytes in base64url: the prefix lets secret scanners
 * find one that was published by mistake.
 */
#ifndef KEEPER_ACCESS_H
#define KEEPER_ACCESS_H

#include "base/digest.h"
#include "keeper/seal.h"

#define ACCESS_CERTIFICATE "access/certificate"	/* kinds of blobs */
#define ACCESS_KEY "access/key"
#define ACCESS_SLOTS 2
#define ACCESS_USE_SIZE 16

struct access {
	const char *kind;
	char use[ACCESS_USE_SIZE];	/* of a key; "" of a certificate */
	unsigned char hash[ACCESS_SLOTS][SHA256_SIZE];
};

void access_rotate(struct access *, size_t slot, struct buf *apikey);	/* slot 0 or 1; appends the new API key */
/* 1 or 2, or 0 if it is neither; takes the same time for all. */
int access_slot(const struct access *, struct slice apikey);

void access_close(const struct access *, const struct seal *, struct slice id, struct buf *blob);
/* kind NULL: whichever it is, in the same time for both.  Cleared on failure. */
int access_open(struct access *, const struct seal *, const char *kind, struct slice id, struct slice blob,
		struct err *);

#endif
