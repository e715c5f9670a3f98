/* Does the client have it already?  Validators and conditional requests (RFC 9110 sections 8.8 and 13). */
#ifndef BASE_HTTP_VALIDATOR_H
#define BASE_HTTP_VALIDATOR_H

#include "base/base.h"

/*
 * The two headers as they came, NULL where there is none.  If-None-Match (a list, or *; weak comparison) takes
 * precedence over If-Modified-Since.
 */
bool validator_unchanged(const char *if_none_match, const char *if_modified_since, const char *etag, int64_t modified);

#endif
