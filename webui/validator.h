/* Does the client have it already?  Validators and conditional requests (RFC 9110 sections 8.8 and 13). */
#ifndef WEBUI_VALIDATOR_H
#define WEBUI_VALIDATOR_H

#include "base/base.h"

#define HTTP_DATE_SIZE 30	/* "Sat, 21 Nov 2026 00:08:40 GMT" and NUL */
char *http_date(char out[HTTP_DATE_SIZE], int64_t t);
int http_date_parse(const char *, int64_t *);	/* that form alone; -1: it is another */

/*
 * The two headers as they came, NULL where there is none.  If-None-Match (a list, or *; weak comparison) takes
 * precedence over If-Modified-Since.
 */
bool validator_unchanged(const char *if_none_match, const char *if_modified_since, const char *etag, int64_t modified);

#endif
