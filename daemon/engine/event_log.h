/* What the audit log gets, as lines of the log too, once it is durable: one line an event, by names that stay. */
#ifndef DAEMON_ENGINE_EVENT_LOG_H
#define DAEMON_ENGINE_EVENT_LOG_H

#include "daemon/engine/engine.h"

/* From now on; what was there before is not said again. */
struct event_log *event_log_new(struct engine *);
void event_log_free(struct event_log *);	/* NULL is fine */

#endif
