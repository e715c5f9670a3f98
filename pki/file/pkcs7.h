/* PKCS#7 files that hold nothing but certificates ("certs-only", RFC 2315 section 9). */
#ifndef PKI_FILE_PKCS7_H
#define PKI_FILE_PKCS7_H

#include "pki/cert.h"

void pkcs7_write(const struct chain *, size_t from, size_t to, struct buf *der);
void pkcs7_pem(const struct chain *, size_t from, size_t to, struct buf *pem);	/* "BEGIN PKCS7" */
/* Appends its certificates, as they stand there. */
int pkcs7_read(struct slice der, struct chain *, struct err *);
bool pkcs7_is(struct slice der);

#endif
