/* Times are unix seconds in int64_t everywhere; spans are seconds unless the name ends in _ms. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/base.h"

int64_t clock_now(void);		/* wall clock, unix seconds */
int64_t clock_mono_ms(void);		/* never jumps; for time-outs */
int64_t clock_boot_ms(void);		/* the same, and goes on while the machine sleeps; for what others count, too */

#define CLOCK_RFC3339_SIZE 21		/* "2026-11-21T00:08:40Z" and NUL */
char *clock_rfc3339(char out[CLOCK_RFC3339_SIZE], int64_t t);
/* Takes RFC 3339 with Z or an offset, fractions ignored.  0, or -1 if it is none. */
int clock_parse_rfc3339(const char *, int64_t *);
/*
 * Retry-After (RFC 9110 section 10.2.3): seconds or an HTTP-date, as unix seconds
 * from `now`, clamped to [now, now + max].  0 if the header makes no sense or is NULL.
 */
int64_t clock_retry_after(const char *, int64_t now, int64_t max);
/* "in 3 days", "2 hours ago": for people. */
char *clock_relative(char *out, size_t size, int64_t t, int64_t now);

#endif
