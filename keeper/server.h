/* The inside of the keeper process; see keeper.h for the outside. */
#ifndef KEEPER_SERVER_H
#define KEEPER_SERVER_H

#include "base/base.h"

/* Serves the channels until all are closed; never returns.  The process is already alone and unprivileged. */
void keeper_serve(const int *channels, int count, const unsigned char master_key[32], pid_t daemon) NORETURN;

#endif
