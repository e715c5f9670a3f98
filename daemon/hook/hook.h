/*
 * Hooks: scripts of the operator's, run by the runner (runner.h) without a shell, each in a process group of its own
 * with a cleared environment, none of our capabilities, a deadline (TERM, then KILL) and bounded output.
 *
 * Calls of one lane run one after another, in the order in which they were started; of one script, at most
 * `at_once` run at the same time.
 */
#ifndef DAEMON_HOOK_HOOK_H
#define DAEMON_HOOK_HOOK_H

#include "base/barrier.h"
#include "base/loop.h"

#define HOOK_OUTPUT_MAX 8192	/* bytes kept: the first half and the last */

struct hooks;
/* Our end of a channel to a new runner (runner.h), or -1. */
typedef int runner_connect_fn(void *arg, struct err *);
/* What is called waits at the barrier before it begins. */
struct hooks *hooks_new(struct loop *, struct barrier *, runner_connect_fn *, void *arg);
void hooks_close(struct hooks *);	/* nothing begins any more */
void hooks_free(struct hooks *);	/* after its calls were cancelled; NULL is fine */

struct hook_call {
	const char *script;		/* name of a file in the runner's directory, where it also runs */
	char *const *args;
	char *const *environment;	/* NAME=VALUE: all it gets, but PATH, LANG and TMPDIR */
	char *const *secrets;		/* shown as *** where the script prints them */
	const char *lane;
	/* When its turn has come; may be NULL.  -1: it does not run. */
	int (*prepare)(void *arg, char ***environment, struct err *);
	int64_t timeout;		/* seconds */
	int at_once;
};

struct hook_end {
	const struct err *err;		/* NULL: it ended with 0 */
	bool started;			/* false: it was refused */
	const char *output;		/* both streams; printable UTF-8; "" if there is none */
};
typedef void hook_cb(void *arg, const struct hook_end *);

/* Copies the call.  The callback comes later, never from inside, and never after hook_cancel(). */
struct hook;
struct hook *hook_start(struct hooks *, const struct hook_call *, hook_cb *, void *arg);
void hook_cancel(struct hook *);	/* kills what runs */

#endif
