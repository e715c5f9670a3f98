/*
 * The log: one line an event, to stderr, as text or JSON.  Under systemd (JOURNAL_STREAM)
 * each line starts with its syslog priority.  Safe from any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

void log_setup(enum log_level least, bool as_json);
struct log_format {
	enum log_level least;
	bool as_json;
};
struct log_format log_format(void);	/* what was set up, for a process of ours */
/* Names this process or thread in every line: "engine", "front 2", "keeper".  Kept by pointer. */
void log_role(const char *);

void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The error with its detail and hint, at the given level. */
void log_err(enum log_level, const struct err *);

/*
 * A line of the audit log.  Text: "event certificate.issued shop by engine: ..."; in JSON, and in the journal by its
 * own protocol, each of these is a field (CERTERA_EVENT, CERTERA_NAME, ...).  Of one thread only.  NULL reads as "".
 */
struct log_event {
	int64_t number;
	const char *action, *name, *actor, *address, *message;
};
void log_event(const struct log_event *);

#endif
