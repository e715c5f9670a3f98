/* What needs root: finding the users, making the state directory theirs, the keeper; then giving the rights up. */
#ifndef DAEMON_PRIVILEGED_H
#define DAEMON_PRIVILEGED_H

#include "daemon/process/users.h"
#include "keeper/keeper.h"

struct privileged {
	struct process_users users;
	struct keeper *keeper;
};

/* may_create, forget_marks: see struct keeper_options. */
int privileged_start(struct privileged *, const struct config *, bool may_create, bool forget_marks, struct err *);
/* Who we are from here on, the core's user; without the right to become anybody else. */
int privileged_leave(const struct privileged *, struct err *);
void privileged_end(struct privileged *);	/* however far it got */

#endif
