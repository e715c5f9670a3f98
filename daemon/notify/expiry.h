/* When people are told that a certificate comes near its end.  The policy is pure: no clock, no store. */
#ifndef DAEMON_NOTIFY_EXPIRY_H
#define DAEMON_NOTIFY_EXPIRY_H

#include "base/days.h"

#include "daemon/engine/walk.h"

#define EXPIRY_NONE INT64_MAX	/* no threshold */

/*
 * Thresholds are days before the end (0: the end itself), of certificates that live 90 or more; for shorter lives they
 * are as much shorter: seconds before the end.
 */
int64_t expiry_before(int64_t day, int64_t life);
/* The last one whose time has come; EXPIRY_NONE: none. */
int64_t expiry_passed(const struct days *, const struct rec_cert *, int64_t now);
/* The last one that people were told of; EXPIRY_NONE: none, of this version. */
int64_t expiry_told(const struct rec_cert *);
/* Is its renewal going to happen by itself, as far as one can see now? */
bool expiry_is_cared_for(const struct rec_cert *, int64_t now);
/* When to look again; 0: never. */
int64_t expiry_next(const struct days *, const struct rec_cert *, int64_t now);

int expiry_due(struct engine *, const struct agenda_row *, struct err *);
/* Has certificates watched that are not yet, and those earlier that thresholds of now want so. */
extern const struct planner expiry_planner;

#endif
