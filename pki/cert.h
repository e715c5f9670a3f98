/* X.509 certificates and chains (RFC 5280): reading, checking, and the self-signed one of the first hour. */
#ifndef PKI_CERT_H
#define PKI_CERT_H

#include "pki/key.h"

struct cert {			/* what is in one; all owned */
	char **names;		/* SANs (DNS, IP) in normal form, in order; the CN if there are no SANs */
	char *subject, *issuer;	/* RFC 4514-like text */
	char *subject_cn, *issuer_cn;	/* NULL: none */
	char *serial;		/* hex, lower case, as in DER (a leading 00 stays: RFC 9773 needs it) */
	char *fingerprint;	/* SHA-256 of the DER, hex */
	char *aki;		/* authority key identifier, hex; NULL: none */
	int64_t not_before, not_after;
	bool is_ca, has_san;
	char *unusable;		/* why it can be shown, but not used here; NULL: it can */
	struct buf der, spki;
};
int cert_parse(struct cert *, struct slice der, struct err *);	/* only what can be used */
/* For people's files: whatever has the form of a certificate, with any kind of key and signature. */
int cert_look(struct cert *, struct slice der, struct err *);
void cert_release(struct cert *);
/* Its issuer, as people call it. */
const char *cert_issuer(const struct cert *);
/* Is it issued by this CA, by name, signature and what the CA may sign?  (Says nothing about dates.) */
int cert_signed_by(const struct cert *child, const struct cert *issuer, struct err *);

struct chain {			/* leaf first, as the CA sent them */
	struct cert *cert;
	size_t count;
};
/* Strict: nothing but CERTIFICATE blocks (RFC 8555 section 11.4 says why), 1 to 10 of them. */
int chain_parse(struct chain *, struct slice pem, struct err *);
void chain_release(struct chain *);
/* PEM of certificates [from, to), "\n" line ends. */
void chain_pem(const struct chain *, size_t from, size_t to, struct buf *pem);
/* The same of text that chain_pem() has written: a part of it.  There may be fewer certificates. */
struct slice chain_pem_part(struct slice pem, size_t from, size_t to);
/* spki_digest() of its leaf.  Owned; NULL on error. */
char *chain_digest(struct slice pem, struct err *);
#define _cleanup_chain_ _cleanup_(chain_release)
/*
 * Is the issuer at its top called so, or has one of its certificates this SHA-256 fingerprint (hex, any case, with
 * colons or not)?
 */
bool chain_leads_to(const struct chain *, const char *wanted);

/*
 * What a client must check of what a CA sent: the leaf is for this key and exactly these
 * names, valid at `now`, not a CA, each certificate is signed by the next.
 */
int chain_check(const struct chain *, struct slice spki, char *const *names, int64_t now, struct err *);

/*
 * Self-signed for `host`, ten years, says so in its subject, but not whose it is;
 * for the TLS front before the first issuance.
 */
int cert_self_signed(struct key *, const char *host, struct buf *der, struct err *);

#endif
