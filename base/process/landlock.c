/* Landlock, without the library that Debian has none of. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process/sandbox.h"
#include "base/process/sanitized.h"

/* The kernel's struct grew with the versions of the interface. */
struct landlock_rules {
	uint64_t files, net, scope;
};

#define SIGNALS 2	/* of scope */

int sandbox_landlock(void)
{
	return SANITIZED ? 0 : MAX((int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1), 0);
}

/* Rights to files that this version knows. */
static uint64_t all_rights(int version)
{
	static const uint64_t files[] = { 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff };

	return files[MIN((size_t)version, ARRAY_SIZE(files)) - 1];
}

static size_t rules_size(int version)
{
	return version >= 6 ? 24 : version >= 4 ? 16 : 8;
}

static int make_set(int version, const struct landlock_rules *rules)
{
	return version ? (int)syscall(SYS_landlock_create_ruleset, rules, rules_size(version), 0) : -1;
}

static void restrict_self(int set, enum sandbox who)
{
	if (set < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, set, 0) < 0)
		log_warn("the %s runs without Landlock, which is not offered here", sandbox_names[who]);
}

void sandbox_close_files(enum sandbox who)
{
	int version = sandbox_landlock();
	struct landlock_rules rules = {
		.files = version ? all_rights(version) : 0,
		.net = version >= 4 ? 3 : 0,	/* binding and connecting TCP */
		.scope = version >= 6 ? 3 : 0,	/* abstract Unix sockets, signals */
	};
	_cleanup_close_ int set = make_set(version, &rules);

	if (!SANITIZED)
		restrict_self(set, who);
}

/*
 * Some trees stay open.
 */

struct landlock_opening {
	int set;
	uint64_t all;		/* rights that are taken away */
	char *const *hidden;
};

static uint64_t rights(unsigned may)
{
	uint64_t r = 0;

	if (may & SANDBOX_READ)
		r |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;
	if (may & SANDBOX_WRITE)
		r |= ~(uint64_t)0;
	if (may & SANDBOX_DEVICES)
		r |= LANDLOCK_ACCESS_FS_WRITE_FILE | 1u << 14 | 1u << 15;	/* truncating; ioctl() */
	if (may & SANDBOX_REMOVE)
		r |= LANDLOCK_ACCESS_FS_REMOVE_FILE;
	return r;
}

static bool is_below(const char *path, const char *directory)
{
	size_t len = str_eq(directory, "/") ? 0 : strlen(directory);

	return !strncmp(path, directory, len) && path[len] == '/';
}

static void open_tree(const struct landlock_opening *o, const char *path, unsigned may)
{
	const uint64_t of_files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
				  LANDLOCK_ACCESS_FS_READ_FILE | 1u << 14 | 1u << 15;
	_cleanup_close_ int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct landlock_path_beneath_attr beneath = { .allowed_access = rights(may) & o->all, .parent_fd = fd };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))
		return;		/* where a link leads is opened by itself */
	if (!S_ISDIR(st.st_mode))
		beneath.allowed_access &= of_files;
	syscall(SYS_landlock_add_rule, o->set, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
}

static void open_but_hidden(const struct landlock_opening *, const char *, unsigned may);

/* Nothing can be taken out of an open tree: so what is beside the way to what is hidden is opened, one by one. */
static void open_entries(const struct landlock_opening *o, const char *directory, unsigned may)
{
	DIR *list = opendir(directory);

	for (struct dirent *d; list && (d = readdir(list));) {
		_cleanup_free_ char *path = xasprintf("%s/%s", str_eq(directory, "/") ? "" : directory, d->d_name);

		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
			open_but_hidden(o, path, may);
	}
	if (list)
		closedir(list);
}

static void open_but_hidden(const struct landlock_opening *o, const char *path, unsigned may)
{
	bool passes = false;

	for (size_t i = 0; o->hidden && o->hidden[i]; i++) {
		if (str_eq(o->hidden[i], path))
			return;
		passes = passes || is_below(o->hidden[i], path);
	}
	if (passes)
		open_entries(o, path, may);
	else
		open_tree(o, path, may);
}

void sandbox_open_trees(enum sandbox who, const struct sandbox_tree *trees, size_t count, char *const *hidden)
{
	int version = sandbox_landlock();
	struct landlock_rules rules = { .files = version ? all_rights(version) : 0,
					.scope = version >= 6 ? SIGNALS : 0 };
	_cleanup_close_ int set = make_set(version, &rules);
	struct landlock_opening o = { .set = set, .all = rules.files, .hidden = hidden };

	for (size_t i = 0; set >= 0 && i < count; i++)
		if (trees[i].path)
			open_but_hidden(&o, trees[i].path, trees[i].may);
	if (!SANITIZED)
		restrict_self(set, who);
}
