#include "daemon/process/users.h"

#include <unistd.h>

#include "daemon/config/setting.h"

const char *const role_names[ROLES] = {
	[ROLE_CORE] = "core", [ROLE_KEEPER] = "keeper", [ROLE_FRONT] = "front", [ROLE_RUNNER] = "runner",
};

static int role_by_name(const char *name, size_t len)
{
	for (int role = 0; role < ROLES; role++)
		if (strlen(role_names[role]) == len && !strncmp(role_names[role], name, len))
			return role;
	return -1;
}

/* Without an own user: whom it runs as instead, and what is lost. */
static void miss(struct process_users *users, enum process role, const struct system_user *shared, const char *wanted)
{
	_cleanup_free_ char *before = users->missing;

	users->of[role] = *shared;
	users->missing = xasprintf("%s%sthe %s runs as %s, because there is no user %s", before ? before : "",
				   before ? "; " : "", role_names[role], shared->name, wanted);
}

/* "keeper=certera-keeper" */
static int take(struct process_users *users, const char *word, const struct system_user *shared, bool given,
		struct err *e)
{
	size_t len = strcspn(word, "=");
	int role = role_by_name(word, len);
	struct system_user found;

	if (role < 0 || !word[len] || !word[len + 1]) {
		err_set(e, ERR_CONFIG, "server.users: \"%s\" is not like keeper=certera-keeper", word);
		return err_hint(e, "The processes are core, keeper, front and runner.");
	}
	if (user_find(&found, word + len + 1, e) < 0) {
		if (given || !*shared->name)
			return err_prefix(e, "server.users");
		miss(users, (enum process)role, shared, word + len + 1);
		return 0;
	}
	users->of[role] = found;
	return 0;
}

static int take_all(struct process_users *users, const char *text, const struct system_user *shared, bool given,
		    struct err *e)
{
	_cleanup_strv_ char **words = strv_split(text, " ");

	for (char **word = words; word && *word; word++)
		if (**word && take(users, *word, shared, given, e) < 0)
			return -1;
	return 0;
}

/* Is it somebody's choice?  The default may stand in the file, too. */
static bool is_chosen(const struct config *config)
{
	_cleanup_free_ char *by_default = setting_default(setting_by_name("server.users"));

	return !str_eq(config->server_users, by_default);
}

static int find_admins(struct process_users *users, const struct config *config, struct err *e)
{
	struct local_admins *admins = &users->admins;

	if (*config->server_admin_group && local_admins_group(&admins->group, config->server_admin_group, e) < 0)
		return err_prefix(e, "server.admin_group");
	for (int role = 0; users->change && role < ROLES; role++)
		admins->ours[admins->ours_count++] = users->of[role].uid;
	return 0;
}

static int find_users(struct process_users *users, const struct config *config, bool given, struct err *e)
{
	struct system_user shared = { .uid = geteuid(), .gid = getegid() };

	if (*config->server_user && user_find(&shared, config->server_user, e) < 0)
		return err_prefix(e, "server.user");
	for (int role = 0; role < ROLES; role++)
		users->of[role] = shared;
	return take_all(users, config->server_users, &shared, given, e);
}

int users_find(struct process_users *users, const struct config *config, struct err *e)
{
	bool given = is_chosen(config);

	*users = (struct process_users){ .change = geteuid() == 0 && (*config->server_user || given),
					 .admins = { .group = NO_GROUP } };
	if (users->change && find_users(users, config, given, e) < 0)
		return -1;
	return find_admins(users, config, e);
}

void users_release(struct process_users *users)
{
	free(users->missing);
}

const struct system_user *users_of(const struct process_users *users, enum process role)
{
	return users->change ? &users->of[role] : NULL;
}

bool users_alone(const struct process_users *users, enum process role)
{
	if (!users->change || !users->of[role].uid)
		return false;
	for (int other = 0; other < ROLES; other++)
		if (other != (int)role && users->of[other].uid == users->of[role].uid)
			return false;
	return true;
}
