/*
 * What the processes of a follower hear of the leader's changes: the front the certificates of our own site, the keeper
 * which users and API keys there are.  At the leader who makes a change tells it.
 */
#ifndef DAEMON_FOLLOWER_H
#define DAEMON_FOLLOWER_H

#include "daemon/desk/site.h"
#include "daemon/engine/engine.h"

struct follower;
struct follower *follower_new(struct engine *, struct site *);
void follower_free(struct follower *); /* NULL is fine */

#endif
