/* A process of the program that runs, executed anew: nothing of our memory is in it, and its own address layout. */
#ifndef BASE_PROCESS_SPAWN_H
#define BASE_PROCESS_SPAWN_H

#include "base/err.h"
#include "base/process/user.h"

#define SPAWN_CHANNEL 3		/* the channel's number in the new process */

struct spawn {
	const char *role;		/* argv[1] */
	char *const *arguments;		/* behind it; NULL: none */
	const struct system_user *user;	/* whom it becomes, with no more groups than the one; NULL: it stays who we are */
	bool groups;			/* with all groups of that user */
	int channel;			/* all it has open, beside stderr; stays the caller's */
};

/* It dies with the thread that called, has no capabilities and gets none by what it executes. */
pid_t spawn(const struct spawn *, struct err *);
/* Ends it for good, however far it got; its status as of waitpid(2). */
int spawn_end(pid_t);
int spawn_await(pid_t);	/* waits for an end of its own */

/*
 * What people and service managers send.  Processes of ours ignore it (SIG_IGN): they are ended by closing their channel, after what
 * is under way has ended in good order.  Safe between fork and exec.
 */
void spawn_signals(void (*handler)(int));
/* In the new process, first: 0; -1: it was not started by us (there is no channel). */
int spawn_begin(const char *role);

#endif
