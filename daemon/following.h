/*
 * What the processes of a follower hear of the leader's changes: the front the certificates of our own site, the keeper which users and API keys
 * there are.  At the leader who makes a change tells it.
 */
#ifndef DAEMON_FOLLOWING_H
#define DAEMON_FOLLOWING_H

#include "daemon/desk/site.h"
#include "daemon/engine/engine.h"

struct following;
struct following *following_new(struct engine *, struct site *);
void following_free(struct following *);	/* NULL is fine */

#endif
