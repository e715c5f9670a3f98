#include "daemon/process/protection.h"

#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon/process/cage.h"

#define FILTERED 2	/* what PR_GET_SECCOMP answers */

static char *user_name(const struct process_users *users, enum process who)
{
	const struct system_user *user = users_of(users, who);
	const struct passwd *pw = user ? NULL : getpwuid(geteuid());

	if (user)
		return xstrdup(user->name);
	return pw ? xstrdup(pw->pw_name) : xasprintf("%u", (unsigned)geteuid());
}

static json_t *processes(const struct process_users *users)
{
	json_t *list = json_array();

	for (int who = 0; who < ROLES; who++) {
		_cleanup_free_ char *name = user_name(users, (enum process)who);
		json_t *one = json_object();

		json_put_str(one, "name", role_names[who]);
		json_put_str(one, "user", name);
		json_put_bool(one, "alone", users_alone(users, (enum process)who));
		json_array_append_new(list, one);
	}
	return list;
}

static void PRINTF_LIKE(2, 3) lacks(json_t *missing, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	json_array_append_new(missing, json_string(text));
}

static void put_missing(json_t *missing, const struct process_users *users, bool calls, bool files)
{
	_cleanup_free_ char *name = user_name(users, ROLE_CORE);

	if (users->missing)
		lacks(missing, "In server.users, %s.", users->missing);
	if (!users->change && geteuid() == 0)
		lacks(missing, "All processes run as root, because server.user is empty: scripts can do everything.");
	else if (!users->change)
		lacks(missing,
		      "All processes run as %s, because certerad was started by that user and not by root: scripts can "
		      "use the control socket, and so do what a local administrator can.",
		      name);
	if (!calls)
		lacks(missing, "The kernel offers no filter of system calls (seccomp).");
	if (!files && cage_files(users))
		lacks(missing,
		      "The kernel offers no Landlock: only users and modes keep processes off each other's files.");
}

json_t *protection_json(const struct process_users *users, int landlock)
{
	bool calls = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == FILTERED;
	bool files = landlock > 0;
	json_t *answer = json_object(), *missing = json_array();

	json_object_set_new(answer, "processes", processes(users));
	json_put_bool(answer, "system_calls", calls);
	json_put_bool(answer, "files", files);
	put_missing(missing, users, calls, files);
	json_object_set_new(answer, "missing", missing);
	return answer;
}
