/* The URLs a CA gives, and Link headers (RFC 8288): several headers, or several links in one. */
#ifndef ACME_LINK_H
#define ACME_LINK_H

#include "base/fetch/fetch.h"

#define LINK_MAX 2000	/* bytes; real ones have a tenth of it */

/* May it be used, and shown?  Only https, in the characters of URLs (RFC 3986), not endless; NULL may not. */
bool link_usable(const char *url);
/*
 * The nth https URL with this relation, resolved against `base`, the URL that was asked; owned.
 * NULL: there is none.
 */
char *link_find(const struct fetch_reply *, const char *base, const char *rel, size_t nth);
/* The same in the text of one header.  *nth counts down over those that fit. */
char *link_in(const char *header, const char *base, const char *rel, size_t *nth);

#endif
