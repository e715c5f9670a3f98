/* What each process gives up before it is asked for the first time. */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include "base/err.h"

/* No core dumps; nobody of the same user may look into this process.  A change of user undoes it. */
void sandbox_hide(void);
/* Keeps all memory out of swap if the limits allow it, else at least these bytes. */
void sandbox_lock_memory(const void *secret, size_t size);

enum sandbox { SANDBOX_KEEPER, SANDBOX_FRONT, SANDBOX_CORE, SANDBOX_RUNNER };
extern const char *const sandbox_names[];	/* for a warning */
/*
 * Landlock: opens no file, binds and connects no TCP socket, and signals nobody else, as far as the kernel offers that.
 * For this thread and those it starts, for good.  Where the kernel does not offer it, a warning in the log is all.
 */
void sandbox_close_files(enum sandbox);

enum {
	SANDBOX_READ = 1,	/* files and directories, and executing them */
	SANDBOX_WRITE = 2,	/* and all that can be done there */
	SANDBOX_DEVICES = 4,	/* writing what is there, as /dev/null */
	SANDBOX_REMOVE = 8,	/* removing files */
};
struct sandbox_tree {
	const char *path;	/* NULL: none */
	unsigned may;
};
/*
 * The same for files alone, but these trees stay open, without what is hidden (paths, NULL at the end).  Beside what is
 * hidden, only what is there now stays open.
 */
void sandbox_open_trees(enum sandbox, const struct sandbox_tree *, size_t count, char *const *hidden);
int sandbox_landlock(void);	/* the version that the kernel offers; 0: none */
/*
 * The system calls of syscall.def; all others fail.  For all threads, for good.  Front and core may still start
 * threads.  Where the kernel does not offer it, a warning in the log is all.
 */
int sandbox_filter(enum sandbox, struct err *);

#endif
