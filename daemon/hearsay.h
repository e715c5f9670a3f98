/*
 * What the processes of a follower hear of the leader's changes: the front the certificates of our own site, the keeper
 * which users and API keys there are.  At the leader who makes a change tells it.
 */
#ifndef DAEMON_HEARSAY_H
#define DAEMON_HEARSAY_H

#include "daemon/desk/site.h"
#include "daemon/engine/engine.h"

struct hearsay;
struct hearsay *hearsay_new(struct engine *, struct site *);
void hearsay_free(struct hearsay *); /* NULL is fine */

#endif
