/* What TXT records are set for: an order, or a trial of the hooks. */
#ifndef DAEMON_ENGINE_ORDER_LOG_H
#define DAEMON_ENGINE_ORDER_LOG_H

#include "daemon/engine/engine.h"
#include "store/record/steps.h"

/* Does it still need its records?  1 yes, 0 no, -1. */
int order_log_is_open(struct txn *, const char *owner, struct err *);
/* Adds lines to its history. */
int order_log_add(struct txn *, const char *owner, enum steps_of, char *const *lines, struct err *);

#endif
