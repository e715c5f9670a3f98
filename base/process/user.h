/* Users of the system, as processes of ours become them. */
#ifndef BASE_PROCESS_USER_H
#define BASE_PROCESS_USER_H

#include <sys/types.h>

#include "base/err.h"

struct system_user {
	uid_t uid;
	gid_t gid;
	char name[64];	/* as it was given: a name, or "1000" or "1000:1000" */
};

/*
 * By name, or by numbers, which need no entry in the system's list: UID or UID:GID (else its own number is the
 * group's).
 */
int user_find(struct system_user *, const char *name, struct err *);
/* For good, with this group and, for those with a name, the groups they are in.  Only root can. */
int user_become(const struct system_user *, struct err *);
int user_take_groups(const struct system_user *);	/* those alone; 0, or -1 and errno */
/* Between fork and exec: the same without more groups; 0, or -1 and errno. */
int user_become_bare(const struct system_user *);

#endif
