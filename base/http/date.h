/* Dates in HTTP: IMF-fixdate (RFC 9110 section 5.6.7). */
#ifndef BASE_HTTP_DATE_H
#define BASE_HTTP_DATE_H

#include "base/base.h"

#define HTTP_DATE_SIZE 30	/* "Sat, 21 Nov 2026 00:08:40 GMT" and NUL */
char *http_date(char out[HTTP_DATE_SIZE], int64_t t);
int http_date_parse(const char *, int64_t *);	/* that form alone; -1: it is another */

#endif
