/*
 * API keys, and the access blob of a certificate or key: the hashes of its two, and who may export what.
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
#define ACCESS_USE_SIZE 12
#define ACCESS_GENERATION_MOST 0xffffff
#define ACCESS_GRANTS 16	/* most certificates whose API keys may export one key */
#define ACCESS_ID_SIZE 16	/* an id is this many bytes, in hex */

struct access {
	const char *kind;
	char use[ACCESS_USE_SIZE];	/* of a key; "" of a certificate */
	uint32_t generation;		/* how often it was changed, see marks.h */
	unsigned char hash[ACCESS_SLOTS][SHA256_SIZE];
	bool withheld;			/* of a certificate: its API keys get no private key */
	size_t grants;			/* of a key: the certificates whose API keys may have it */
	unsigned char grant[ACCESS_GRANTS][ACCESS_ID_SIZE];
};

/* For `_cleanup_access_ struct access a = { 0 };`: wiped, however the function ends. */
#define _cleanup_access_ _cleanup_(access_wipe)
static inline void access_wipe(struct access *a)
{
	wipe(a, sizeof(*a));
}

void access_rotate(struct access *, size_t slot, struct buf *apikey);	/* slot 0 or 1; appends the new API key */
/* 1 or 2, or 0 if it is neither; takes the same time for all. */
int access_slot(const struct access *, struct slice apikey);

/* Adds a certificate to those whose API keys may export this key; one that is there stays. */
int access_grant(struct access *, struct slice certificate_id, struct err *);
bool access_granted(const struct access *, struct slice certificate_id);

void access_close(const struct access *, const struct seal *, struct slice id, struct buf *blob);
/* kind NULL: whichever it is, in the same time for both.  Cleared on failure. */
int access_open(struct access *, const struct seal *, const char *kind, struct slice id, struct slice blob,
		struct err *);

#endif
