/* What certificates and requests have in common: names, SANs, signatures.  Private to pki/. */
#ifndef PKI_X509_H
#define PKI_X509_H

#include "pki/key.h"
#include "pki/mbed.h"

#include <mbedtls/x509_crt.h>

/* A Name (whole element) as text, last RDN first (RFC 4514); always UTF-8.  Owned. */
char *x509_name_text(struct slice name);
/* Its most specific common name as it stands there; NULL: it has none.  Owned. */
char *x509_name_cn(struct slice name);
/* The same of another attribute. */
char *x509_name_value(struct slice name, struct slice oid);
/* Adds an RDN with one attribute. */
void x509_name_put(struct buf *rdns, struct slice oid, int tag, const char *value);

/* The value of an extension in an Extensions element (content of its OCTET STRING). */
bool x509_extension(struct slice extensions, struct slice oid, struct slice *value);
void x509_extension_put(struct buf *list, struct slice oid, bool critical, struct slice value);
/* The subjectAltName extension's value: names in normal form, IP addresses as iPAddress. */
void x509_san_put(struct buf *out, char *const *names);
/*
 * DNS names and IP addresses, in order, in normal form where they have one.  Other kinds are left out;
 * what could be mistaken for something it is not is an error.
 */
int x509_san_read(struct slice value, char ***names, struct err *);
/* A dNSName or common name in its normal form, or lower-cased if it has none.  Owned. */
char *x509_name_normal(const char *);

/* The AlgorithmIdentifier of the signatures this type of key makes. */
void x509_algorithm_put(struct buf *, enum key_type);
/* SEQUENCE { body, algorithm, signature }, by the type's own algorithm (see key_sign). */
int x509_sign(const struct key *, struct slice body, struct buf *der, struct err *);

struct x509_signature {		/* borrowed from a mbedtls_x509_crt or _csr */
	struct slice body, value;
	mbedtls_md_type_t md;
	mbedtls_pk_type_t pk;
	const void *options;
};
/* Only signatures over SHA-2 are believed. */
int x509_verify(const struct x509_signature *, mbedtls_pk_context *signer, struct err *);

#endif
