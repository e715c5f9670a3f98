/*
 * How far the audit log is known: who has the daemon's place may have events sealed, but not fewer of them later, nor
 * others in their place.  A head is the number of an event as 8 bytes and its chain value; in memory only.
 */
#ifndef KEEPER_LOG_MARK_H
#define KEEPER_LOG_MARK_H

#include "base/buf.h"
#include "base/err.h"

struct log_mark;
struct log_mark *log_mark_new(void);
void log_mark_free(struct log_mark *);	/* NULL is fine */
/*
 * The log has come to this head.  -1, ERR_DENIED: it had come further, or to a different event there.  Safe from any
 * thread.
 */
int log_mark_raise(struct log_mark *, struct slice head, struct err *);

#endif
