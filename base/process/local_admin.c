#include "base/process/local_admin.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>

#define USERS "/etc/passwd"
#define FEW 64

static bool by_number(const char *text, gid_t *group)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*group = (gid_t)number;
	return *text && !text[strspn(text, "0123456789")] && number < NO_GROUP;
}

int local_admins_group(gid_t *group, const char *name, struct err *e)
{
	const struct group *found;

	if (by_number(name, group))
		return 0;
	found = getgrnam(name);
	if (!found) {
		err_set(e, ERR_CONFIG, "there is no group %s", name);
		return err_hint(e, "Make it with `groupadd --system %s`, or name an existing group.", name);
	}
	*group = found->gr_gid;
	return 0;
}

static bool has(const gid_t *list, size_t count, gid_t group)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == group)
			return true;
	return false;
}

/* The kernel knows the groups it had when it connected; a member of many needs more room. */
static bool has_group(int fd, gid_t group)
{
	gid_t few[FEW], *many;
	socklen_t size = sizeof(few);
	bool found;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &size) == 0)
		return has(few, size / sizeof(*few), group);
	if (errno != ERANGE)
		return false;
	many = xmalloc(size);
	found = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, many, &size) == 0 && has(many, size / sizeof(*many), group);
	free(many);
	return found;
}

static bool ask(int fd, struct ucred *who)
{
	socklen_t size = sizeof(*who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &size) == 0 && size == sizeof(*who);
}

bool local_admin_is(int fd, const struct local_admins *admins, uid_t user, struct ucred *who)
{
	if (!ask(fd, who))
		return false;
	if (who->uid == 0 || who->uid == user)
		return true;
	if (admins->group == NO_GROUP)
		return false;
	for (size_t i = 0; i < admins->ours_count; i++)
		if (who->uid == admins->ours[i])
			return false;
	return who->gid == admins->group || has_group(fd, admins->group);
}

/* "alice:x:1000:..." */
static bool is_line_of(char *line, uid_t user)
{
	char *password = strchr(line, ':'), *number = password ? strchr(password + 1, ':') : NULL, *end;
	unsigned long found = number ? strtoul(number + 1, &end, 10) : 0;

	if (!number || end == number + 1 || *end != ':' || found != user)
		return false;
	*password = '\0';
	return true;
}

const char *local_admin_text(int fd, uid_t user, char out[LOCAL_ADMIN_TEXT])
{
	FILE *users;
	_cleanup_free_ char *line = NULL;
	struct ucred who;
	size_t room = 0;

	*out = '\0';
	if (!ask(fd, &who) || who.uid == 0 || who.uid == user)
		return out;
	snprintf(out, LOCAL_ADMIN_TEXT, "%u", (unsigned)who.uid);
	users = fopen(USERS, "re");
	while (users && getline(&line, &room, users) > 0) {
		if (!is_line_of(line, who.uid))
			continue;
		snprintf(out, LOCAL_ADMIN_TEXT, "%.32s (%u)", line, (unsigned)who.uid);
		break;
	}
	if (users)
		fclose(users);
	return out;
}
