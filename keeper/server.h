/* The inside of the keeper process; see keeper.h for the outside. */
#ifndef KEEPER_SERVER_H
#define KEEPER_SERVER_H

#include "keeper/ops.h"

struct server;
/* Starts the threads for slow work.  The room must outlive it.  roles: see struct keeper_options. */
struct server *server_new(const struct room *, const int *channels, int count, bool roles, struct err *);
/* Answers until all channels are closed, then ends the process: the threads may be in the middle of something. */
void server_run(struct server *) NORETURN;

#endif
