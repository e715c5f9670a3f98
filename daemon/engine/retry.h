/* When a failure is tried again, and whose it was.  Pure policy: no clock, no store. */
#ifndef DAEMON_ENGINE_RETRY_H
#define DAEMON_ENGINE_RETRY_H

#include "base/err.h"

/* Seconds to wait after the nth failure in a row (n >= 1): 1, 10, 100 minutes, then a day. */
int64_t retry_backoff(int64_t failures);
/* When to try again after it: after the backoff, or later if the error says so. */
int64_t retry_at(int64_t failures, const struct err *, int64_t now);

/*
 * Did an order fail for a reason that all certificates of its account share: the CA cannot be reached, has trouble, or
 * will not hear this account?  Only for what happened before the CA made an order.
 */
bool retry_is_shared(const struct err *);

/* Trouble on the way, or at the CA: may the same succeed when it is tried again, with nobody doing anything? */
bool retry_may_help(const struct err *);

#endif
