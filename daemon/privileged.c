#include "daemon/privileged.h"

#include <sys/stat.h>

#include "daemon/process/state.h"

int privileged_start(struct privileged *p, const struct config *config, bool may_create, bool forget_marks,
		     struct err *e)
{
	_cleanup_free_ char *key_file = config_master_key(config);
	_cleanup_free_ char *marks_file = xasprintf("%s/" MARKS_FILE, config->server_state_directory);
	struct keeper_options options = {
		.master_key_file = key_file,
		.may_create = may_create,
		.marks_file = marks_file,
		.forget_marks = forget_marks,
		.clients = 1 + (int)config->server_threads,
		.roles = true,
	};

	if (users_find(&p->users, config, e) < 0 || state_prepare(config, &p->users, e) < 0)
		return -1;
	options.user = users_of(&p->users, ROLE_KEEPER);
	options.admins = &p->users.admins;
	p->keeper = keeper_start(&options, e);
	return p->keeper ? 0 : -1;
}

int privileged_leave(const struct privileged *p, struct err *e)
{
	const struct system_user *user = users_of(&p->users, ROLE_CORE);

	/* What scripts read has their group; all else is where nobody else comes. */
	umask(user ? 0027 : 0077);
	return user ? user_become(user, e) : 0;
}

void privileged_end(struct privileged *p)
{
	keeper_stop(p->keeper);
	users_release(&p->users);
}
