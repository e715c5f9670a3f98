/* Who of those at the other end of a local connection administers this server, as the kernel tells. */
#ifndef BASE_LOCAL_ADMIN_H
#define BASE_LOCAL_ADMIN_H

#include <sys/socket.h>
#include <sys/types.h>

#include "base/err.h"

#define LOCAL_ADMIN_TEXT 48 /* room for who it is */
#define LOCAL_ADMIN_OURS 4  /* core, keeper, front, runner */
#define NO_GROUP ((gid_t)-1)

/* Beside root and the user of the process that asks. */
struct local_admins {
	gid_t group;                  /* whose members may, too (server.admin_group); NO_GROUP: nobody */
	uid_t ours[LOCAL_ADMIN_OURS]; /* our processes' users, who never do by that group: scripts are one of them */
	size_t ours_count;
};

/* A group by its name, or by number, which needs no entry in the system's list. */
int local_admins_group(gid_t *, const char *name, struct err *);

/* fd: an accepted connection.  user: the one beside root.  False also if the kernel does not say who it is. */
bool local_admin_is(int fd, const struct local_admins *, uid_t user, struct ucred *who);
/*
 * For the audit log: "" for root and for our own user, who are just "local admin"; else "alice (1000)", or "1000" if
 * /etc/passwd has no such user: nothing else is asked, since a directory's answer may take its time.
 */
const char *local_admin_text(int fd, uid_t user, char out[LOCAL_ADMIN_TEXT]);

#endif
