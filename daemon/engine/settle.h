/*
 * After the start the keeper hears what the store holds of all users and API keys: what a crash left untold, and all
 * when its file of marks (keeper/marks.h) is new.  A part a turn, so that nobody waits for it.
 */
#ifndef DAEMON_ENGINE_SETTLE_H
#define DAEMON_ENGINE_SETTLE_H

#include "daemon/engine/engine.h"

struct settling;
struct settling *settling_new(struct engine *);
void settling_again(struct settling *);	/* all of it, once more */
void settling_free(struct settling *);		/* NULL is fine */

#endif
