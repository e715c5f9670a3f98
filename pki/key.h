/*
 * Private keys.  Only the keeper (and the front, for its own TLS key) ever holds one.
 * Public keys travel as SubjectPublicKeyInfo DER ("spki", RFC 5280 section 4.1.2.7).
 */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include "base/buf.h"
#include "base/err.h"

enum key_type {
#define KEY_TYPE(type, word, alg, make, text) KEY_##type,
#include "pki/key.def"
#undef KEY_TYPE
	KEY_TYPES
};
const char *key_type_word(enum key_type);		/* "p256" */
const char *key_type_text(enum key_type);		/* "ECDSA P-256" */
bool key_type_makeable(enum key_type);
int key_type_by_word(const char *word, enum key_type *, struct err *);

struct key;
struct key *key_generate(enum key_type, struct err *);	/* RSA takes seconds */
/* PEM (PKCS#8 with or without password, PKCS#1, SEC1), DER of the same, or a JWK.  RSA below 2048 bits is refused. */
struct key *key_parse(struct slice, const char *password, struct err *);
/* The same; refused: there is a key, but it is of a kind or size that is not used here. */
struct key *key_look(struct slice, const char *password, bool *refused, struct err *);
/* What key_pkcs8() wrote and nobody else can have: read, but not judged again, which takes five signatures' time. */
struct key *key_reopen(struct slice der, struct err *);
void key_free(struct key *);				/* wipes; NULL is fine */
#define _cleanup_key_ _cleanup_(cleanup_key)
void cleanup_key(struct key **);

enum key_type key_type_of(const struct key *);
int key_pkcs8(const struct key *, struct buf *der, struct err *);	/* PrivateKeyInfo, RFC 5958 */
int key_pem(const struct key *, struct buf *pem, struct err *);		/* "BEGIN PRIVATE KEY" */
/* "BEGIN ENCRYPTED PRIVATE KEY": PBES2, AES-256. */
int key_pem_encrypted(const struct key *, const char *password, struct buf *pem, struct err *);
int key_spki(const struct key *, struct buf *der, struct err *);
/* The JWS signature of `data` with the type's algorithm; ECDSA as fixed-width R||S (RFC 7518 section 3.4). */
int key_sign(const struct key *, struct slice data, struct buf *signature, struct err *);
/*
 * The mbedtls_pk_context for handshakes; borrowed.  key_ready() comes first, once; after it, threads only read the key.
 */
int key_ready(struct key *, struct err *);
void *key_mbedtls(struct key *);

/* Of public keys. */
void spki_pem(struct slice spki, struct buf *pem);	/* "BEGIN PUBLIC KEY" */
int spki_type(struct slice spki, enum key_type *, struct err *);
/* For people, of any kind: "RSA 8192", "ECDSA P-256", "EC secp256k1", "RSA-PSS 2048", "Ed25519".  Owned. */
char *spki_text(struct slice spki);
/* Is it of a kind and size that CAs take? */
int spki_check(struct slice spki, struct err *);
const char *spki_jws_alg(struct slice spki);		/* "ES256"; NULL if we do not know it */
/* The JWK with its members in lexicographic order and no white space (RFC 7638 section 3). Owned; NULL on error. */
char *spki_jwk(struct slice spki, struct err *);
/* base64url(SHA-256(jwk)): the thumbprint of RFC 8555 section 8.1.  Owned. */
char *jwk_thumbprint(const char *jwk);
/*
 * What a public key is known again by, however it is encoded: its thumbprint; of one that has none, SHA-256 of its
 * bytes, in the same form.  Owned, never NULL.
 */
char *spki_digest(struct slice spki);

#endif
