/* Times of the week and of the day, in the machine's time zone, as settings write them. */
#ifndef DAEMON_CONFIG_WINDOW_H
#define DAEMON_CONFIG_WINDOW_H

#include "base/err.h"

/* "Mon-Fri 01:00-05:00, Sat,Sun 22:00-04:00, 12:00-13:00": windows separated by commas; without days: every day. */
int window_check(const char *, struct err *);
/* t if a window is open then, else when the next one opens.  The empty text is always open. */
int64_t window_next(const char *, int64_t t);
/* The same, and until when that window stays open; the empty text: INT64_MAX. */
int64_t window_span(const char *, int64_t t, int64_t *until);

/* "04:00". */
int daytime_check(const char *, struct err *);
int64_t daytime_next(const char *, int64_t t);		/* the first time after t */

#endif
