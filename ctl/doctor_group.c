/* Who can use certeractl on this machine beside root (server.admin_group)? */
#include "ctl/doctor.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include "base/buf.h"

#define SHOWN 5 /* of the members; more are counted */

static const struct group *group_of(const char *name)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);

	return *end ? getgrnam(name) : getgrgid((gid_t)number);
}

/* Those whom the group lists, and those whose first group it is. */
static char **members_of(const struct group *group)
{
	gid_t gid = group->gr_gid;
	char **members = NULL;
	const struct passwd *user;

	for (char **name = group->gr_mem; name && *name; name++)
		strv_add(&members, *name);
	setpwent();
	while ((user = getpwent()))
		if (user->pw_gid == gid && !strv_has(members, user->pw_name))
			strv_add(&members, user->pw_name);
	endpwent();
	return members;
}

/* "core=certera-core keeper=certera-keeper", and server.user. */
static bool is_ours(const struct doctor *d, const char *name)
{
	_cleanup_strv_ char **users = strv_split(doctor_setting(d, "server", "users"), " ");

	for (char **user = users; user && *user; user++)
		if (strchr(*user, '=') && str_eq(strchr(*user, '=') + 1, name))
			return true;
	return str_eq(doctor_setting(d, "server", "user"), name);
}

/* The members who count; owned. */
static char **without_ours(struct doctor *d, const char *group, char **members)
{
	char **others = NULL;

	for (char **name = members; name && *name; name++) {
		if (is_ours(d, *name))
			doctor_warn(d,
				    "Name a group of its own, with people in it: groupadd --system certera-admin, and "
				    "server.admin_group.",
				    "%s is in the group %s (server.admin_group), but is a user of Certera's own "
				    "processes: it cannot use certeractl.",
				    *name, group);
		else
			strv_add(&others, *name);
	}
	return others;
}

static void tell_members(struct doctor *d, const char *group, char **members)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t count = strv_len(members);

	for (size_t i = 0; i < MIN(count, (size_t)SHOWN); i++)
		buf_addf(&text, "%s%s", i ? ", " : "", members[i]);
	if (count > SHOWN)
		buf_addf(&text, " and %zu more", count - SHOWN);
	doctor_fine(d, "Beside root, the members of the group %s can use certeractl, and do everything: %s.", group,
		    buf_str(&text));
}

void doctor_admin_group(struct doctor *d)
{
	const char *name = doctor_setting(d, "server", "admin_group");
	_cleanup_free_ char *add = xasprintf("Add a person: usermod -aG %s USER.", name);
	_cleanup_strv_ char **members = NULL, **others = NULL;
	const struct group *group = *name ? group_of(name) : NULL;

	if (!*name) {
		doctor_fine(d, "Only root can use certeractl: server.admin_group names no group.");
		return;
	}
	if (!group) {
		doctor_warn(d, "Make it with groupadd --system, or correct server.admin_group.",
			    "There is no group %s in this system's list (server.admin_group).", name);
		return;
	}
	members = members_of(group);
	others = without_ours(d, name, members);
	if (!strv_len(others))
		doctor_warn(d, add, "The group %s (server.admin_group) has no members: only root can use certeractl.",
			    name);
	else
		tell_members(d, name, others);
}
