/*
 * A process of a different role: a program of its own, certerad-ROLE, which links only what it needs.  Nothing of our
 * memory is in it, and it has its own address layout.
 */
#ifndef BASE_PROCESS_SPAWN_H
#define BASE_PROCESS_SPAWN_H

#include "base/err.h"
#include "base/process/user.h"

#define SPAWN_CHANNEL 3		/* the channel's number in the new process */

struct spawn {
	const char *role;
	int program;			/* of spawn_open(), stays the caller's; 0: opened when it is started */
	char *const *arguments;		/* from argv[2] on; NULL: none */
	/* whom it becomes, with no more groups than the one; NULL: it stays who we are */
	const struct system_user *user;
	bool groups;			/* with all groups of that user */
	int channel;			/* all it has open, beside stderr; stays the caller's */
};

/* Where the programs are, if they are not beside the program that runs; tests say it. */
extern const char *spawn_programs;
/*
 * The program of a role, a descriptor for execution.  Who opens it at the start runs it later also if its file was
 * replaced by one of a different version.
 */
int spawn_open(const char *role, struct err *);
/* It dies with the thread that called, has no capabilities and gets none by what it executes. */
pid_t spawn(const struct spawn *, struct err *);
/* Ends it for good, however far it got; its status as of waitpid(2). */
int spawn_end(pid_t);
int spawn_await(pid_t);	/* waits for an end of its own */

/*
 * What people and service managers send.  Processes of ours ignore it (SIG_IGN): they are ended by closing their
 * channel, after what is under way has ended in good order.  Safe between fork and exec.
 */
void spawn_signals(void (*handler)(int));
/*
 * In the new process, first, with what main() got.  -1: it was not started by us, or by us of a different version; that
 * was said.
 */
int spawn_begin(const char *role, int argc, char **argv);

#endif
