/* Bodies of answers, compressed (RFC 9110 section 8.4.1.3). */
#ifndef BASE_HTTP_GZIP_H
#define BASE_HTTP_GZIP_H

#include "base/buf.h"

/* Does a client with this Accept-Encoding take gzip?  NULL: it has none. */
bool gzip_is_accepted(const char *accept_encoding);
/* Adds the body to out as gzip. */
void gzip_add(struct buf *out, struct slice body);

#endif
