/*
 * Identifiers of certificates (RFC 8555 section 7.1.3, RFC 8738): DNS names and IP addresses,
 * as people type them and as they are stored: lower case, A-labels, IP addresses in their
 * canonical text, no trailing dot.
 */
#ifndef PKI_IDENTIFIER_H
#define PKI_IDENTIFIER_H

#include "base/err.h"

#define IDENTIFIERS_MAX 100	/* in one certificate; what the CAs allow */

/* One identifier into its stored form (owned), NULL and a sentence naming it if it is none. */
char *identifier_normal(const char *typed, struct err *);
/* A list separated by newline, comma, semicolon or space: normal form, in order, doubles dropped. NULL on error. */
char **identifier_list(const char *typed, struct err *);
char **identifier_split(const char *typed);	/* as they were typed; owned */
/* The same for names that came one by one. */
char **identifier_list_of(char *const *typed, struct err *);

bool identifier_is_ip(const char *normal);
bool identifier_is_wildcard(const char *normal);
const char *identifier_base(const char *normal);	/* without "*."; borrowed */
char *identifier_display(const char *normal);		/* IDN as Unicode; owned */
/* Does a certificate for `pattern` cover host?  (RFC 9525: a wildcard stands for one leftmost label.) */
bool identifier_covers(const char *pattern, const char *host);

#endif
