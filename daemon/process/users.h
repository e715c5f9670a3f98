/* Which process runs as whom (server.user, server.users). */
#ifndef DAEMON_PROCESS_USERS_H
#define DAEMON_PROCESS_USERS_H

#include "base/process/local_admin.h"
#include "base/process/user.h"
#include "daemon/config/config.h"

enum process { ROLE_CORE, ROLE_KEEPER, ROLE_FRONT, ROLE_RUNNER, ROLES };
extern const char *const role_names[ROLES];

struct process_users {
	bool change;		/* false: all stay who started us */
	struct system_user of[ROLES];
	char *missing;		/* what the log should say of users that are not there; NULL: nothing */
	struct local_admins admins;
};

/*
 * Users of server.users that are not there are an error, but for those of its default: these processes run as
 * server.user then, and the log says so.  A group of server.admin_group that is not there is an error, too.
 */
int users_find(struct process_users *, const struct config *, struct err *);
void users_release(struct process_users *);
const struct system_user *users_of(const struct process_users *, enum process);	/* NULL: it stays who it is */
/* no other process runs as this user, nor root */
bool users_alone(const struct process_users *, enum process);

#endif
