/* What the keeper gives up before it answers its first question. */
#ifndef KEEPER_SANDBOX_H
#define KEEPER_SANDBOX_H

#include "base/err.h"

/* No core dumps; nobody of the same user may look into this process.  A change of user undoes it. */
void sandbox_hide(void);
/* Keeps all memory out of swap if the limits allow it, else at least these bytes. */
void sandbox_lock_memory(const void *secret, size_t size);
/* Closes all descriptors but these and stderr; 0 and 1 become /dev/null.  Sorts `keep`. */
int sandbox_close_fds(int *keep, size_t count, struct err *);
/*
 * System calls for computing and for talking on open channels; all others fail.  For all threads, for good.
 * Where the kernel does not offer it, a warning in the log is all.
 */
int sandbox_filter(struct err *);

#endif
