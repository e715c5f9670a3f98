/* Files inside JSON: text as it is, bytes as base64. */
#ifndef WEBUI_HTTP_UPLOAD_H
#define WEBUI_HTTP_UPLOAD_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the bytes: PEM stays as it is, anything else is taken for base64.  NULL: nothing. */
int upload_read(struct buf *, const char *member, const char *text, struct err *);

#endif
