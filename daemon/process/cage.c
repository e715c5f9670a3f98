#include "daemon/process/cage.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process/sandbox.h"

bool cage_files(const struct process_users *users)
{
	return users->change || geteuid() != 0;
}

/* As the kernel knows it: the way there without links.  What is not there needs no hiding. */
static void add_path(char ***paths, const char *path)
{
	_cleanup_free_ char *real = path && *path ? realpath(path, NULL) : NULL;

	if (real)
		strv_add(paths, real);
}

static void add_part(char ***paths, const struct config *config, const char *part)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", config->server_state_directory, part);

	add_path(paths, path);
}

/*
 * What modes refuse needs no hiding, and hiding has a price: of the directories on the way there, only files that are
 * there now stay open, and not those that editors and resolvers put in their place later.
 */
static bool is_within_reach(const char *path)
{
	struct stat st;

	return access(path, R_OK) == 0 || (lstat(path, &st) == 0 && st.st_uid == geteuid());
}

static char **hidden_from_core(const struct config *config)
{
	_cleanup_free_ char *key = config_master_key(config);
	char **hidden = NULL;

	add_part(&hidden, config, "keeper");
	if (is_within_reach(key))
		add_path(&hidden, key);
	return hidden;
}

/* Where backups go, links followed, and made if it is not there: what is made later would stay closed. */
static char *place_of_backups(const struct config *config)
{
	_cleanup_free_ char *path = config_backups(config);
	char *real;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		log_warn("backup.directory: making %s: %s", path, strerror(errno));
	real = realpath(path, NULL);
	return real ? real : TAKE(path);
}

int cage_core(const struct config *config, const struct process_users *users, int *landlock, struct err *e)
{
	_cleanup_free_ char *store = config_store(config), *control = config_control_socket(config);
	_cleanup_free_ char *deploy = xasprintf("%s/deploy", config->server_state_directory);
	_cleanup_free_ char *backups = place_of_backups(config);
	_cleanup_strv_ char **hidden = hidden_from_core(config);
	const struct sandbox_tree trees[] = {
		{ "/", SANDBOX_READ }, { store, SANDBOX_WRITE }, { backups, SANDBOX_WRITE }, { deploy, SANDBOX_WRITE },
		{ "/dev", SANDBOX_DEVICES }, { dirname(control), SANDBOX_REMOVE },
	};

	*landlock = cage_files(users) ? sandbox_landlock() : 0;	/* later it cannot be asked any more */
	sandbox_hide();
	if (cage_files(users))
		sandbox_open_trees(SANDBOX_CORE, trees, ARRAY_SIZE(trees), hidden);
	return sandbox_filter(SANDBOX_CORE, e);
}

char **cage_runner(const struct config *config, const char *file, const struct process_users *users)
{
	_cleanup_free_ char *key = config_master_key(config), *password = config_mail_password(config);
	_cleanup_strv_ char **open = strv_split(config->hooks_paths, " ");
	char **line = NULL;

	strv_add(&line, config->hooks_directory);
	add_path(&line, config->server_state_directory);
	if (!cage_files(users))
		return line;
	add_part(&line, config, "store");
	add_part(&line, config, "keeper");
	if (!*config->backup_hook)
		add_part(&line, config, "backups");
	add_path(&line, key);
	add_path(&line, password);
	add_path(&line, file);
	strv_add(&line, "--");
	for (char **path = open; path && *path; path++)
		add_path(&line, *path);
	return line;
}
