/*
 * The audit log is sealed: when it has grown, the keeper makes a MAC of its newest durable event, which is kept beside
 * it.  At the start the last seal is checked; a log that does not fit it is not sealed over.
 */
#ifndef DAEMON_ENGINE_LOG_SEAL_H
#define DAEMON_ENGINE_LOG_SEAL_H

#include "daemon/engine/engine.h"

struct log_seal;
struct log_seal *log_seal_new(struct engine *);
void log_seal_free(struct log_seal *);	/* NULL is fine */
/* What is wrong with the log or its seal; NULL: nothing.  Borrowed. */
const struct err *log_seal_trouble(const struct log_seal *);

#endif
