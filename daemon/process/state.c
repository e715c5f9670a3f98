#include "daemon/process/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOR_GROUP 02750

/* Nobody but those named may look in; group: the part is shared with one other process. */
static const struct part {
	const char *name;
	enum process owner, reader;
	mode_t mode;
} parts[] = {
	{ "store", ROLE_CORE, ROLE_CORE, 0700 },
	{ "keeper", ROLE_KEEPER, ROLE_KEEPER, 0700 },
	{ "control", ROLE_CORE, ROLE_CORE, 0700 }, /* its socket is for server.admin_group, too */
	{ "backups", ROLE_CORE, ROLE_CORE, 0700 }, /* and a hook may read them */
	/* What a deploy script reads; new files have the directory's group. */
	{ "deploy", ROLE_CORE, ROLE_RUNNER, FOR_GROUP },
	/* $TMPDIR of scripts. */
	{ "tmp", ROLE_RUNNER, ROLE_RUNNER, 0700 },
};

/* Where these were before each process had a part. */
static const struct {
	const char *from, *to;
} moved[] = {
	{ "data.mdb", "store/data.mdb" },
	{ "master.key", "keeper/master.key" },
	{ "former", "store/former" },
};

/*
 * Owners.
 */

static int give_all(int directory, const struct system_user *owner, gid_t group);

/* By what was opened, so that nothing can take its place meanwhile.  What has a second name may be something else's. */
static int give_one(int directory, const char *name, const struct system_user *owner, gid_t group)
{
	_cleanup_close_ int it = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), fd = -1;
	struct stat st;

	if (it < 0 || fstat(it, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode) && (!S_ISREG(st.st_mode) || st.st_nlink > 1))
		return 0;
	if ((st.st_uid != owner->uid || st.st_gid != group) && fchownat(it, "", owner->uid, group, AT_EMPTY_PATH) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = openat(it, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : give_all(fd, owner, group);
}

static int give_all(int directory, const struct system_user *owner, gid_t group)
{
	int copy = fcntl(directory, F_DUPFD_CLOEXEC, 0);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	int failed = list ? 0 : -1;

	for (struct dirent *d; !failed && (d = readdir(list));)
		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
			failed = give_one(directory, d->d_name, owner, group);
	if (list)
		closedir(list);
	return failed;
}

/* A backup hook copies backups elsewhere. */
static bool is_read_by_hook(const struct part *row, const struct config *config)
{
	return str_eq(row->name, "backups") && *config->backup_hook;
}

/* The way to the socket; the socket has the directory's group. */
static int open_to_admins(int part, const struct process_users *users)
{
	gid_t group = users->admins.group;
	struct stat st;

	if (fstat(part, &st) < 0)
		return -1;
	if (st.st_gid == group && (st.st_mode & 07777) == FOR_GROUP)
		return 0;
	return fchown(part, (uid_t)-1, group) < 0 || fchmod(part, FOR_GROUP) < 0 ? -1 : 0;
}

static int give_part(int part, const struct part *row, const struct config *config, const struct process_users *users)
{
	const struct system_user *owner = users_of(users, row->owner);
	bool admins = users->admins.group != NO_GROUP && str_eq(row->name, "control");
	enum process reader = is_read_by_hook(row, config) ? ROLE_RUNNER : row->reader;
	mode_t mode = is_read_by_hook(row, config) ? FOR_GROUP : row->mode;
	gid_t group = owner ? users_of(users, reader)->gid : 0;
	struct stat st;

	if (admins && !owner)
		return open_to_admins(part, users);
	if (!owner || fstat(part, &st) < 0)
		return owner ? -1 : 0;
	if (admins) {
		group = users->admins.group;
		mode = FOR_GROUP;
	}
	/* Also of a directory that is as it should be: root may have put something there, such as a master key. */
	if (give_all(part, owner, group) < 0)
		return -1;
	if (st.st_uid == owner->uid && st.st_gid == group && (st.st_mode & 07777) == mode)
		return 0;
	return fchown(part, owner->uid, group) < 0 || fchmod(part, mode) < 0 ? -1 : 0;
}

/*
 * Places.
 */

static int make_part(int state, const struct part *row, const struct config *config, const struct process_users *users,
		     struct err *e)
{
	const char *path = config->server_state_directory;
	_cleanup_close_ int part = -1;

	if (mkdirat(state, row->name, row->mode & 0777) < 0 && errno != EEXIST)
		return err_errno(e, ERR_CONFIG, "making the directory %s/%s", path, row->name);
	part = openat(state, row->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (part < 0 && errno == EACCES)
		return 0;	/* it is its owner's already, whom we do not become */
	if (part < 0 || give_part(part, row, config, users) < 0) {
		err_errno(e, ERR_CONFIG, "giving the directory %s/%s to its user", path, row->name);
		return err_hint(e,
				"Start it once as root with all rights: `certerad -p`, as the unit of systemd does.");
	}
	return 0;
}

static int move(int state, const char *path, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		struct stat st;

		if (fstatat(state, moved[i].from, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    fstatat(state, moved[i].to, &st, 0) == 0)
			continue;
		if (renameat(state, moved[i].from, state, moved[i].to) < 0)
			return err_errno(e, ERR_CONFIG, "moving %s/%s to %s", path, moved[i].from, moved[i].to);
	}
	unlinkat(state, "lock.mdb", 0);
	return 0;
}

/* Others pass through it, and see which parts there are. */
static int open_up(int state, const char *path, const struct process_users *users, struct err *e)
{
	bool change = users->change || users->admins.group != NO_GROUP;
	mode_t mode = change ? 0755 : 0700;
	struct stat st;

	if (fstat(state, &st) < 0 || (users->change && st.st_uid && fchown(state, 0, 0) < 0) ||
	    (change && (st.st_mode & 07777) != mode && fchmod(state, mode) < 0))
		return err_errno(e, ERR_CONFIG, "making the state directory %s root's", path);
	return 0;
}

int state_prepare(const struct config *config, const struct process_users *users, struct err *e)
{
	const char *path = config->server_state_directory;
	_cleanup_close_ int state = -1;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_errno(e, ERR_CONFIG, "making the state directory %s", path);
	state = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state < 0)
		return err_errno(e, ERR_CONFIG, "opening the state directory %s", path);
	if (open_up(state, path, users, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (mkdirat(state, parts[i].name, 0700) < 0 && errno != EEXIST)
			return err_errno(e, ERR_CONFIG, "making the directory %s/%s", path, parts[i].name);
	if (move(state, path, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (make_part(state, &parts[i], config, users, e) < 0)
			return -1;
	return fsync(state) < 0 ? err_errno(e, ERR_STORAGE, "writing the state directory %s", path) : 0;
}
