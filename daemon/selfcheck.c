#include "daemon/selfcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/net.h"
#include "daemon/challenge/txt.h"
#include "daemon/cluster/cluster.h"
#include "daemon/cluster/etcd.h"
#include "daemon/hook/hook_script.h"
#include "daemon/process/users.h"
#include "pki/details.h"
#include "pki/file/mailbox.h"
#include "webui/page/zone.h"

struct selfcheck {
	const struct config *config;
	const char *file;
	void (*complain)(void *arg, const char *line);
	void *arg;
	struct process_users users;
	int mistakes;
};

/* "setting: what is wrong with it", and where that is. */
static void PRINTF_LIKE(2, 3) mistake(struct selfcheck *c, const char *fmt, ...)
{
	_cleanup_free_ char *said = NULL, *setting = NULL, *line = NULL;
	size_t number;
	va_list ap;

	va_start(ap, fmt);
	said = xvasprintf(fmt, ap);
	va_end(ap);
	setting = xstrndup(said, strcspn(said, ":"));
	number = config_line(c->config, setting);
	line = number ? xasprintf("%s:%zu: %s", c->file, number, said) :
			xasprintf("%s%s%s", c->file ? c->file : "", c->file ? ": " : "", said);
	c->mistakes++;
	c->complain(c->arg, line);
}

/*
 * Users.
 */

/* As the user of this process until come_back(), in what may be opened. */
static void become(struct selfcheck *c, enum process who)
{
	const struct system_user *user = users_of(&c->users, who);

	if (user && (user_take_groups(user) < 0 || setegid(user->gid) < 0 || seteuid(user->uid) < 0))
		mistake(c, "server.users: the files cannot be looked at as %s: %s", user->name, strerror(errno));
}

static void come_back(const struct selfcheck *c)
{
	if (c->users.change && (seteuid(0) < 0 || setegid(0) < 0 || setgroups(0, NULL) < 0))
		die("becoming root again: %s", strerror(errno));
}

/*
 * Files and directories.
 */

static void check_readable(struct selfcheck *c, const char *setting, const char *path, bool secret)
{
	struct stat st;

	if (!path || !*path)
		return;
	if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0 || stat(path, &st) < 0)
		mistake(c, "%s: reading %s: %s%s", setting, path, strerror(errno),
			errno == EACCES ? "; the user certerad runs as needs to read it" : "");
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		mistake(c, "%s: %s is not a file", setting, path);
	else if (secret && st.st_mode & S_IROTH)
		mistake(c, "%s: everyone on this machine can read %s; run: chmod o-rwx %s", setting, path, path);
}

static void check_directory(struct selfcheck *c, const char *setting, const char *path)
{
	struct stat st;

	if (!*path)
		return;
	if (stat(path, &st) < 0)
		mistake(c, "%s: opening the directory %s: %s", setting, path, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		mistake(c, "%s: %s is not a directory", setting, path);
	else if (faccessat(AT_FDCWD, path, R_OK | X_OK, AT_EACCESS) < 0)
		mistake(c, "%s: the user certerad runs as cannot read the directory %s", setting, path);
}

/* The last part may be made; what is above it must be there. */
static void check_parent(struct selfcheck *c, const char *setting, const char *path)
{
	_cleanup_free_ char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	struct stat st;

	if (!slash || slash == parent)
		return;
	*slash = '\0';
	if (stat(parent, &st) < 0)
		mistake(c, "%s: the directory %s, which would hold %s: %s", setting, parent, path, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		mistake(c, "%s: %s, which would hold %s, is not a directory", setting, parent, path);
}

static void check_script(struct selfcheck *c, const char *setting, const char *script)
{
	struct err e = { 0 };
	_cleanup_free_ char *path = *script ? hook_path(c->config->hooks_directory, script, &e) : NULL;

	if (*script && !path)
		mistake(c, "%s: %s", setting, e.message);
}

/* As they will be handed to the scripts, with nothing for each placeholder. */
static void check_arguments(struct selfcheck *c)
{
	const struct txt_words nothing = { .action = NULL };
	struct err e = { 0 };
	_cleanup_strv_ char **args = hook_split(c->config->hooks_arguments, &e);
	bool fine = args;

	for (char **arg = args; fine && arg && *arg; arg++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		fine = txt_expand(&nothing, *arg, &text, &e) == 0;
	}
	if (!fine)
		mistake(c, "hooks.arguments: %s", e.message);
}

static void check_files(struct selfcheck *c)
{
	const struct config *config = c->config;
	_cleanup_free_ char *control = config_control_socket(config);
	struct sockaddr_un sun;

	check_readable(c, "tracking.roots", config->tracking_roots, false);
	check_readable(c, "mail.ca_file", config->mail_ca_file, false);
	check_readable(c, "notify.ca_file", config->notify_ca_file, false);
	check_readable(c, "mail.password_file", config->mail_password_file, true);
	check_readable(c, "cluster.password_file", config->cluster_password_file, true);
	check_readable(c, "cluster.ca_file", config->cluster_ca_file, false);
	check_directory(c, "webui.develop", config->webui_develop);
	check_parent(c, "server.state_directory", config->server_state_directory);
	if (*config->server_control_socket)
		check_parent(c, "server.control_socket", control);
	if (strlen(control) >= sizeof(sun.sun_path))
		mistake(c, "%s: the path of the control socket has %zu bytes, %zu at most are possible: %s",
			*config->server_control_socket ? "server.control_socket" : "server.state_directory",
			strlen(control), sizeof(sun.sun_path) - 1, control);
}

static void check_scripts(struct selfcheck *c)
{
	const struct config *config = c->config;
	_cleanup_strv_ char **paths = strv_split(config->hooks_paths, " ");

	for (char **path = paths; path && *path; path++)
		if (**path)
			check_directory(c, "hooks.paths", *path);
	check_script(c, "hooks.set", config->hooks_set);
	check_script(c, "hooks.cleanup", config->hooks_cleanup);
	check_script(c, "hooks.deploy", config->hooks_deploy);
	check_script(c, "backup.hook", config->backup_hook);
	check_arguments(c);
}

/*
 * Values.
 */

static void check_zone(struct selfcheck *c)
{
	const char *zone = c->config->renewal_zone;
	_cleanup_free_ char *path = xasprintf(ZONE_DIRECTORY "/%s", zone);
	struct stat st;

	if (*zone && (*zone == '/' || strstr(zone, "..") || stat(path, &st) < 0 || !S_ISREG(st.st_mode)))
		mistake(c,
			"renewal.zone: there is no time zone %s in " ZONE_DIRECTORY " (package tzdata); write one like "
			"Europe/Berlin",
			zone);
}

static void check_mail(struct selfcheck *c)
{
	const char *from = c->config->mail_from;
	struct err e = { 0 };
	_cleanup_free_ char *address = *from ? mailbox_address(from, &e) : NULL;

	if (*from && !address)
		mistake(c, "mail.from: %s", e.message);
	if (*c->config->mail_host && !*from)
		mistake(c, "mail.from: is empty, but mail.host is set; write an address like "
			   "\"Certera <certera@example.org>\"");
}

/* What would be refused of every new certificate. */
static void check_details(struct selfcheck *c)
{
	const struct config *config = c->config;
	const struct csr_details details = {
		.c = config->csr_country, .st = config->csr_state, .l = config->csr_locality,
		.o = config->csr_organization, .ou = config->csr_organizational_unit, .email = config->csr_email,
	};
	const char *member = "";
	struct err e = { 0 };

	if (details_check(&details, NULL, &member, &e) < 0)
		mistake(c, "csr.%s: %s", member, e.message);
}

/* Each address with each that was before it, over both lists. */
static void check_addresses(struct selfcheck *c)
{
	const struct config_addresses *lists[] = { &c->config->listen_http, &c->config->listen_https };
	static const char *const names[] = { "listen.http", "listen.https" };
	_cleanup_strv_ char **seen = NULL;

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		for (size_t i = 0; i < lists[l]->count; i++) {
			char text[ADDRESS_TEXT];

			if (strv_has(seen, address_text(text, &lists[l]->item[i])))
				mistake(c, "%s: the address %s is given twice", names[l], text);
			strv_add(&seen, text);
		}
	}
}

static void check_cluster_name(struct selfcheck *c, const char *name)
{
	struct err e = { 0 };

	if (*name && cluster_check_name(name, &e) < 0)
		mistake(c, "%s", e.message);
}

static void check_cluster_address(struct selfcheck *c, const char *setting, const char *value)
{
	const char *colon = strrchr(value, ':');
	char *end = NULL;
	long port = colon ? strtol(colon + 1, &end, 10) : 0;

	if (!colon || *end || port < 1 || port > 65535 || strpbrk(value, " \t/") || strlen(value) >= CLUSTER_ADDRESS)
		mistake(c, "%s: is \"%s\", but must be HOST:PORT, %s", setting, value,
			str_eq(setting, "cluster.listen") ? "where this server listens for the others"
							  : "where the other servers reach this one");
}

static void check_cluster(struct selfcheck *c)
{
	const struct config *config = c->config;
	struct err e = { 0 };

	if (!*config->cluster_endpoints)
		return;
	if (etcd_check_endpoints(config->cluster_endpoints, &e) < 0)
		mistake(c, "%s", e.message);
	check_cluster_name(c, config->cluster_name);
	check_cluster_address(c, "cluster.address", config->cluster_address);
	if (*config->cluster_listen)
		check_cluster_address(c, "cluster.listen", config->cluster_listen);
	if (*config->cluster_user && !*config->cluster_password_file)
		mistake(c, "cluster.password_file: is empty, but cluster.user is set");
}

static void check_secrets(struct selfcheck *c)
{
	const struct config *config = c->config;
	bool secrets = strv_len(config->hooks_environment) || strv_len(config->hooks_deploy_environment) ||
		       strv_len(config->backup_environment);
	_cleanup_free_ char *line = NULL;
	struct stat st;

	if (!c->file || !secrets || stat(c->file, &st) < 0 || !(st.st_mode & S_IROTH))
		return;
	line = xasprintf(
		"warning: everyone on this machine can read %s, which has the environment of hooks; run: chmod "
		"o-rwx %s",
		c->file, c->file);
	c->complain(c->arg, line);
}

int selfcheck(const struct config *config, const char *file, void (*complain)(void *arg, const char *line), void *arg)
{
	struct selfcheck c = { .config = config, .file = file, .complain = complain, .arg = arg };
	struct err e = { 0 };

	if (users_find(&c.users, config, &e) < 0)
		mistake(&c, "%s%s%s", e.message, *e.hint ? ". " : "", e.hint);
	become(&c, ROLE_CORE);
	check_files(&c);
	come_back(&c);
	become(&c, ROLE_RUNNER);
	check_scripts(&c);
	come_back(&c);
	users_release(&c.users);
	check_zone(&c);
	check_mail(&c);
	check_details(&c);
	check_addresses(&c);
	check_cluster(&c);
	check_secrets(&c);
	return c.mistakes;
}
