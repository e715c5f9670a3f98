/*
 * Encryption with a password, as keys and PFX files use it: PBES2 (RFC 8018 section 6.2) with PBKDF2 and AES or
 * DES in CBC, and the schemes of PKCS#12 (RFC 7292 appendix C).  Private to pki/.
 */
#ifndef PKI_FILE_PBE_H
#define PKI_FILE_PBE_H

#include "pki/mbed.h"

struct pbe_password {
	const char *text;	/* UTF-8, borrowed: what PBES2 takes */
	struct buf wide;	/* UTF-16, big-endian, with a final NUL: what PKCS#12's own derivation takes */
	unsigned int rounds;	/* of derivation that opening things with it has taken so far */
};
int pbe_password_init(struct pbe_password *, const char *text, struct err *);
void pbe_password_release(struct pbe_password *);	/* wipes */
#define _cleanup_pbe_password_ _cleanup_(pbe_password_release)

/* The text as UTF-16, big-endian, without a final NUL (BMPString).  -1: it is not UTF-8. */
int pbe_wide(struct buf *, const char *text);

enum pbe_scheme {
	PBE_AES256,	/* PBES2, PBKDF2 with HMAC-SHA-256 */
	PBE_3DES,	/* pbeWithSHAAnd3-KeyTripleDES-CBC, for readers that know nothing newer */
};

/*
 * Opens what `algorithm` (an AlgorithmIdentifier, the whole element) made.  1: done; 0: a scheme we do not read
 * (e says which kind and how to convert); -1: it does not open with this password.
 */
int pbe_decrypt(struct slice algorithm, struct slice secret, struct pbe_password *, struct buf *plain, struct err *);
/* The same for a PEM body of RFC 1421, as openssl encrypts it; dek: "AES-256-CBC,<iv in hex>", its DEK-Info. */
int pbe_decrypt_pem(struct slice dek, struct slice secret, const char *password, struct buf *plain, struct err *);
/* Appends the AlgorithmIdentifier, and to `secret` the encrypted bytes. */
int pbe_encrypt(enum pbe_scheme, const struct pbe_password *, struct slice plain, struct buf *algorithm,
		struct buf *secret, struct err *);

#define PBE_SALT_SIZE 16
unsigned int pbe_rounds(enum pbe_scheme);	/* of derivation, in what we write */
/* More is an attack on our time, not protection of a key. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define PBE_ROUNDS_MAX 100
#else
#define PBE_ROUNDS_MAX 2000000
#endif
/*
 * May as many more be done, so many times?  Then they count: a file may have any number of encrypted parts, and a key
 * can be longer than what is derived at once.  All of it together gets six times the most of one: certtool does 600,000
 * for each part, ten times and more in a file of the old form.
 */
#define PBE_ROUNDS_SUM (6 * PBE_ROUNDS_MAX)
bool pbe_may_derive(struct pbe_password *, unsigned int rounds, unsigned int times);
/* A number of rounds; UINT_MAX if it is beyond all reason. */
unsigned int pbe_rounds_read(struct slice magnitude);

/* PKCS#12's own derivation (RFC 7292 appendix B.2). */
enum pbe_purpose { PBE_FOR_KEY = 1, PBE_FOR_IV = 2, PBE_FOR_MAC = 3 };
int pbe_derive(mbedtls_md_type_t, enum pbe_purpose, struct slice wide_password, struct slice salt, unsigned int rounds,
	       unsigned char *out, size_t len);

#endif
