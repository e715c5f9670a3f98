/*
 * A time zone of the machine's database (TZif, RFC 9636).  The C library knows one zone a process; each visitor has
 * another one.
 */
#ifndef WEBUI_PAGE_ZONE_H
#define WEBUI_PAGE_ZONE_H

#include "base/err.h"

#define ZONE_DIRECTORY "/usr/share/zoneinfo"
#define ZONE_NAME_SIZE 64
#define ZONE_ABBREVIATION_SIZE 12

struct zone;
/*
 * "Europe/Berlin".  NULL and ERR_INVALID: the name is none, or the machine does not have it.  The name may be
 * anybody's.
 */
struct zone *zone_open(const char *name, struct err *);
void zone_free(struct zone *);		/* NULL is fine */
/*
 * Seconds that its clocks are ahead of UTC at that time, and what they call that ("CET").  A zone that is NULL is UTC.
 */
int64_t zone_offset(const struct zone *, int64_t t, char abbreviation[ZONE_ABBREVIATION_SIZE]);
/* When the day begins that t is in; `days` later: the day after that many. */
int64_t zone_midnight(const struct zone *, int64_t t, int days);
#define _cleanup_zone_ _cleanup_(cleanup_zone)
static inline void cleanup_zone(struct zone **z) { zone_free(*z); }

/* From bytes as they are in such a file; they may be nonsense (ERR_INVALID). */
struct zone *zone_read(const unsigned char *, size_t, struct err *);

#endif
