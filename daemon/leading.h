/*
 * In a cluster, the engine works at the leader alone.  When this server leads, the store gets this version's format
 * first, if it is older (migration.h); then the engine takes up what is due.  When it leads no more, the engine rests.
 * On the engine's loop.
 */
#ifndef DAEMON_LEADING_H
#define DAEMON_LEADING_H

#include "daemon/cluster/cluster.h"
#include "daemon/engine/engine.h"

struct leading;
/*
 * Before engine_init(), with an engine that rests until this server leads.  cluster NULL: nothing is done, and NULL is
 * returned.
 */
struct leading *leading_new(struct engine *, struct cluster *);
void leading_begin(struct leading *); /* after it; NULL is fine, also below */
/* For the end: the engine rests for good, and a different server is to lead. */
void leading_end(struct leading *);
void leading_free(struct leading *); /* when the loop runs no more, and before store_finish() */

#endif
