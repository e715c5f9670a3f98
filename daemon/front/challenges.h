/*
 * The answers to http-01 challenges: all there are, in memory.  One table for all front threads; any thread.
 */
#ifndef DAEMON_FRONT_CHALLENGES_H
#define DAEMON_FRONT_CHALLENGES_H

#include "base/buf.h"

struct challenges;
struct challenges *challenges_new(void);
void challenges_free(struct challenges *);	/* NULL is fine */
/* key_auth NULL: the token has no answer any more. */
void challenges_set(struct challenges *, const char *token, const char *key_auth);
/* Adds the key authorization that belongs to the token; false: there is none. */
bool challenges_find(struct challenges *, const char *token, struct buf *key_auth);

#endif
