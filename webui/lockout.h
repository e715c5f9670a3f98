/*
 * Guessing passwords gets slower and slower, by name and by address.  Attempts are counted in the store before they are
 * looked at: so neither many at the same time nor a restart helps, and a name that nobody has is locked like any other.
 */
#ifndef WEBUI_LOCKOUT_H
#define WEBUI_LOCKOUT_H

#include "webui/request.h"

/*
 * One more attempt with this name, in a transaction of its own.
 * -1 with ERR_LIMIT and retry_at: it is not looked at.
 */
int lockout_count(struct request *, const char *name, struct err *);
/*
 * It failed: if that locks the user or the address, people are told, once.  What a stranger typed is repeated to
 * nobody: user_id is NULL if no user has the name.  The caller wakes the engine.
 */
int lockout_tell(struct request *, struct txn *, const char *user_id, const char *name, struct err *);
/* It succeeded: all is forgotten. */
int lockout_clear(struct request *, struct txn *, const char *name, struct err *);
/* An administrator unlocks a name. */
int lockout_unlock(struct txn *, const char *name, struct err *);
/*
 * A password is said to be forgotten.
 * 1; 0: the same was said with this name, whoever has it, less than so many seconds ago; -1.
 */
int lockout_forgot(struct txn *, const char *name, int64_t seconds, struct err *);
/* Members "failures" and "locked_until". */
void lockout_put(json_t *, struct txn *, const char *name);

#endif
