#include "base/process/user.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789:")];
}

/* "1000", "1000:100" */
static int by_number(struct system_user *user, const char *text)
{
	char *end;
	unsigned long uid = strtoul(text, &end, 10);
	unsigned long gid = *end == ':' ? strtoul(end + 1, &end, 10) : uid;

	if (end == text || *end || uid >= (uid_t)-1 || gid >= (gid_t)-1)
		return -1;
	user->uid = (uid_t)uid;
	user->gid = (gid_t)gid;
	return 0;
}

int user_find(struct system_user *user, const char *name, struct err *e)
{
	const struct passwd *pw;

	*user = (struct system_user){ 0 };
	snprintf(user->name, sizeof(user->name), "%s", name);
	if (is_number(name) && by_number(user, name) == 0)
		return 0;
	pw = getpwnam(name);
	if (!pw) {
		err_set(e, ERR_CONFIG, "there is no user %s", name);
		return err_hint(
			e, "Make it with `useradd --system --shell /usr/sbin/nologin %s`, or name an existing user.",
			name);
	}
	user->uid = pw->pw_uid;
	user->gid = pw->pw_gid;
	return 0;
}

int user_take_groups(const struct system_user *user)
{
	return is_number(user->name) ? setgroups(0, NULL) : initgroups(user->name, user->gid);
}

static int become(const struct system_user *user)
{
	return setgid(user->gid) < 0 || setuid(user->uid) < 0 ? -1 : 0;
}

int user_become(const struct system_user *user, struct err *e)
{
	if (user_take_groups(user) < 0 || become(user) < 0)
		return err_errno(e, ERR_CONFIG, "becoming the user \"%s\"", user->name);
	if (user->uid && setuid(0) == 0)
		return err_set(e, ERR_INTERNAL, "the user \"%s\" could become root again", user->name);
	return 0;
}

int user_become_bare(const struct system_user *user)
{
	return setgroups(0, NULL) < 0 || become(user) < 0 ? -1 : 0;
}
