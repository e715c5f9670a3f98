/* Hex, base64 (RFC 4648 section 4), base64url without padding (section 5), base32 (section 6), and a look at UTF-8. */
#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "base/buf.h"

void hex_add(struct buf *, const void *, size_t len);			/* lower case */
char *hex_str(const void *, size_t len);				/* owned */
int hex_decode(struct buf *, const char *) MUST_CHECK;			/* -1: not hex */

void base64_add(struct buf *, const void *, size_t len);		/* one line, padded */
int base64_decode(struct buf *, const char *, size_t len) MUST_CHECK;	/* white space is skipped */

/* As in a URL: all but letters, digits and -._~ as %XX. */
void url_add(struct buf *, const char *text);
void base64url_add(struct buf *, const void *, size_t len);
char *base64url_str(const void *, size_t len);				/* owned */
int base64url_decode(struct buf *, const char *, size_t len) MUST_CHECK;	/* strict: no padding, no white space */
/* Lower case, without padding: as a DNS label has it. */
void base32_add(struct buf *, const void *, size_t len);

/* Only base64url characters, at least one?  (ACME tokens, RFC 8555 section 8.) */
bool base64url_is(const char *);

/* Bytes of the valid UTF-8 character that the len bytes at p begin with, and which one it is; 0 if there is none. */
size_t utf8_char(const void *p, size_t len, uint32_t *point);
/* Bytes of the valid UTF-8 character at s; 0 if there is none, and at the end of the string. */
size_t utf8_len(const char *s);

#endif
