/* When people are told that a certificate comes near its end.  Pure policy: no clock, no store. */
#ifndef DAEMON_EXPIRY_H
#define DAEMON_EXPIRY_H

#include "store/record.h"

#define EXPIRY_STEPS 6		/* 30, 14, 7, 3, 1 days before, and the end */

/*
 * Seconds before the end at which step n (0 .. EXPIRY_STEPS - 1) begins.  The days are those of certificates that live
 * 90 or more; for shorter lives they are as much shorter.
 */
int64_t expiry_before(int64_t step, int64_t life);
/* The last step whose time has come; -1: none. */
int64_t expiry_step(const struct rec_cert *, int64_t now);
/* Is its renewal going to happen by itself, as far as one can see now? */
bool expiry_is_cared_for(const struct rec_cert *, int64_t now);
/* When to look again; 0: never. */
int64_t expiry_next(const struct rec_cert *, int64_t now);

#endif
