/*
 * What the core (starter.c) and the starter (main.c) say to each other; before the first question comes a struct
 * process_users.
 */
#ifndef DAEMON_PROCESS_STARTER_ASK_H
#define DAEMON_PROCESS_STARTER_ASK_H

#include "base/err.h"

/* A question is two bytes: what, and of which role (enum process); a start has the channel with it. */
enum { STARTER_START, STARTER_END };

/* The answer. */
struct starter_answer {
	struct err err;
	int status;		/* of an end */
};

#endif
