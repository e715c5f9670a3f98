/*
 * Sealed blobs: what only the holder of the master key can read or make.  AES-256-GCM with a
 * random nonce; the blob's kind and the id it belongs to are authenticated with it, so it
 * opens only as what it was made for and where it was made for.
 *
 *	"cers", u8 format, 4 bytes master key id, 12 bytes nonce, ciphertext, 16 bytes tag
 */
#ifndef KEEPER_SEAL_H
#define KEEPER_SEAL_H

#include "base/buf.h"
#include "base/err.h"

#define SEAL_KEY_SIZE 32
#define SEAL_KEY_ID_SIZE 4

struct seal {
	unsigned char key[SEAL_KEY_SIZE];
	unsigned char key_id[SEAL_KEY_ID_SIZE];	/* tells a wrong master key from a damaged blob */
	const char *origin;			/* the file it came from, for messages; borrowed */
};

void seal_init(struct seal *, const unsigned char key[SEAL_KEY_SIZE], const char *origin);
void seal_release(struct seal *);	/* wipes */

void seal_close(const struct seal *, const char *kind, struct slice id, struct slice secret, struct buf *blob);
/*
 * ERR_CONFIG: another master key made it; ERR_STORAGE: it is of another record or kind, or damaged.
 * The caller wipes what it gets.
 */
int seal_open(const struct seal *, const char *kind, struct slice id, struct slice blob, struct buf *secret,
	      struct err *);
/* What only the holder of the master key can say of data: HMAC-SHA256 with a key of its own for each label. */
void seal_mac(const struct seal *, const char *label, struct slice data, unsigned char mac[32]);
/* Does it look like a blob of this master key?  (Says nothing about its inside.) */
int seal_check(const struct seal *, struct slice blob, struct err *);

#endif
