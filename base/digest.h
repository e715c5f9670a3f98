/* SHA-256, HMAC and the system's random numbers. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/buf.h"

#define SHA256_SIZE 32

void sha256(const void *, size_t len, unsigned char out[SHA256_SIZE]);
/* Of a text, in base64url: what is kept of a secret.  Owned. */
char *sha256_text(const char *);
/* Several pieces as if they stood in a row. */
void sha256_slices(const struct slice *, size_t count, unsigned char out[SHA256_SIZE]);
void hmac_sha256(struct slice key, struct slice data, unsigned char out[SHA256_SIZE]);
#define HMAC_MAX 64
/*
 * By the name RFC 7518 gives it: "HS256", "HS384", "HS512".
 * Returns the bytes of out that are used; 0: there is no such.
 */
size_t hmac_by_name(const char *alg, struct slice key, struct slice data, unsigned char out[HMAC_MAX]);

void random_bytes(void *, size_t len);		/* getrandom(2); dies if the kernel has none */
uint64_t random_below(uint64_t bound);		/* uniform in [0, bound); bound > 0 */
/* `bytes` random bytes in hex: identities of records.  Owned. */
char *random_hex(size_t bytes);
/* The same in base64url: tokens and other secrets.  Owned. */
char *random_text(size_t bytes);
/* The same for mbedTLS, which wants a callback: always 0. */
int random_mbedtls(void *unused, unsigned char *out, size_t len);

#endif
