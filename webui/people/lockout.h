/*
 * Guessing passwords gets slower and slower: by name and network, by network, and by name alone from networks that the
 * user never signed in from.  From those where the user did, only what happens with that name there counts: so nobody
 * can lock somebody else out.  Attempts are counted in the store before they are looked at: so neither many at the same
 * time nor a restart helps, and a name that nobody has is locked like any other.
 *
 * A network is an IPv4 address or 64 bits of IPv6.  An open session that confirms who it is has a count of its own.
 */
#ifndef WEBUI_PEOPLE_LOCKOUT_H
#define WEBUI_PEOPLE_LOCKOUT_H

#include "webui/http/request.h"

/*
 * One more attempt with this name, in a transaction of its own; user_id is NULL if no user has it.
 * -1 with ERR_LIMIT and retry_at: it is not looked at.
 */
int lockout_count(struct request *, const char *user_id, const char *name, struct err *);
/*
 * It failed: if that locks the user or the address, people are told, once.  What a stranger typed is repeated to
 * nobody: user_id is NULL if no user has the name.  The caller wakes the engine.
 */
int lockout_tell(struct request *, struct txn *, const char *user_id, const char *name, struct err *);
/* It succeeded: what was counted here is forgotten, and the network is known from now on. */
int lockout_clear(struct request *, struct txn *, const char *user_id, const char *name, struct err *);
/* The same three for the visitor's session. */
int lockout_count_session(struct request *, struct err *);
int lockout_tell_session(struct request *, struct txn *, const char *user_id, const char *name, struct err *);
int lockout_clear_session(struct request *, struct txn *, struct err *);
/* An administrator unlocks a name. */
int lockout_unlock(struct txn *, const char *name, struct err *);
/*
 * A password is said to be forgotten: the engine is to find out whose, and to have a link mailed.  The caller wakes it.
 * 1; 0: the same was said with this name, whoever has it, less than so many seconds ago; -1.
 */
int lockout_forgot(struct request *, struct txn *, const char *name, int64_t seconds, struct err *);
/* Members "failures" and "locked_until". */
void lockout_put(json_t *, struct txn *, const char *name);

#endif
