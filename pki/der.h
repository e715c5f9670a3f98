/*
 * DER (X.690), as much of it as keys and X.509 need: a cursor for reading, and writing forward.
 * Private to pki/.
 */
#ifndef PKI_DER_H
#define PKI_DER_H

#include "base/buf.h"

enum {
	DER_ANY = 0,
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTF8 = 0x0c,
	DER_PRINTABLE = 0x13,
	DER_T61 = 0x14,
	DER_IA5 = 0x16,
	DER_UTC_TIME = 0x17,
	DER_TIME = 0x18,
	DER_WIDE = 0x1e,	/* BMPString: UTF-16, big-endian */
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};
#define DER_TAGGED(n) (0x80 | (n))	/* [n] IMPLICIT, primitive */
#define DER_TAGGED_LIST(n) (0xa0 | (n))	/* [n] constructed */

/* The bytes of a MBEDTLS_OID_ constant, or of any literal; also in a static table. */
#define DER_BYTES(literal) (struct slice){ (literal), sizeof(literal) - 1 }

/*
 * Takes the first element off *in if it has this tag; `content` are its contents, `whole` the
 * element itself (either may be NULL; `content` may be `in`, to step inside).  False, and *in
 * as it was, if it is another or broken.
 */
bool der_take(struct slice *in, int tag, struct slice *content, struct slice *whole);
int der_tag(struct slice in);		/* of the first element; -1 at the end */
/* An INTEGER that is not negative, without its leading zeros. */
bool der_take_uint(struct slice *in, struct slice *magnitude);
size_t der_bits(struct slice magnitude);	/* how many bits it has, without leading zeros */
/* A BIT STRING of whole bytes. */
bool der_take_bits(struct slice *in, struct slice *bytes);

void der_put(struct buf *, int tag, struct slice content);
void der_put_uint(struct buf *, struct slice magnitude);	/* leading zeros do not matter */
void der_put_bits(struct buf *, struct slice bytes);
/* AlgorithmIdentifier; parameters are an element, or empty for none. */
void der_put_algorithm(struct buf *, struct slice oid, struct slice parameters);

#endif
