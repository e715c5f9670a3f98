/* The kinds of things done later, each with the room that does it, and what these rooms keep while the engine runs. */
#ifndef DAEMON_JOB_KINDS_H
#define DAEMON_JOB_KINDS_H

#include "daemon/engine/engine.h"

void job_kinds_init(struct engine *);	/* before engine_init() */
void job_kinds_release(struct engine *);	/* ends the engine, too */

#endif
