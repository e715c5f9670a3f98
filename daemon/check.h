/* Checks of a certificate's web servers: before it is ordered, and when a person asks (preflight.h says how). */
#ifndef DAEMON_CHECK_H
#define DAEMON_CHECK_H

#include "daemon/engine.h"

/*
 * Is one due before its next order?  Not by configuration, for names proved by DNS records,
 * or just after one that passed.
 */
bool check_needed(const struct engine *, const struct rec_cert *);
/*
 * Begins it as a job of the row if it is needed: 1; 0: it is not; -1: the store failed.
 * If it fails, so has the attempt.
 */
int check_before_order(struct engine *, const struct agenda_row *, struct err *);
void check_release(struct engine *);

#endif
