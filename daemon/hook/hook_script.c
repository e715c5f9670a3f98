#include "daemon/hook/hook_script.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/variable.h"
#include "base/words.h"

/*
 * Which scripts may run.
 */

static int check_owner(const char *path, const struct stat *st, struct err *e)
{
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		err_set(e, ERR_DENIED, "%s belongs to neither root nor the user certerad runs as", path);
		return err_hint(e, "chown root %s", path);
	}
	if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		err_set(e, ERR_DENIED, "%s can be written by others than its owner", path);
		return err_hint(e, "chmod go-w %s", path);
	}
	return 0;
}

/* Whoever may write a directory above can put another one in its place; not with the sticky bit, as of /tmp. */
static int check_above(const char *directory, struct err *e)
{
	_cleanup_free_ char *path = xstrdup(directory);
	char *slash;
	struct stat st;

	while ((slash = strrchr(path, '/'))) {
		slash[slash == path] = '\0';
		if (stat(path, &st) < 0)
			return err_errno(e, ERR_CONFIG, "looking at %s", path);
		if (st.st_mode & S_ISVTX)
			st.st_mode &= ~(mode_t)(S_IWGRP | S_IWOTH);
		if (check_owner(path, &st, e) < 0)
			return err_prefix(e, "the scripts in %s may not run", directory);
		if (slash == path)
			break;
	}
	return 0;
}

/* As it is written, and where its links lead: both ways belong to who may say what runs. */
static int check_directory(const char *directory, struct err *e)
{
	_cleanup_free_ char *real = realpath(directory, NULL);
	struct stat st;

	if (!real || stat(real, &st) < 0)
		return err_errno(e, ERR_CONFIG, "looking at %s", directory);
	if (check_owner(directory, &st, e) < 0 || check_above(directory, e) < 0)
		return -1;
	return check_above(real, e);
}

char *hook_path(const char *directory, const char *script, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, script ? script : "");
	struct stat st;

	if (!script || !*script) {
		err_set(e, ERR_CONFIG, "no hook script is set");
		err_hint(e, "Set hooks.set in certera.yaml, or give the certificate a script of its own.");
		return NULL;
	}
	if (strchr(script, '/') || script[0] == '.') {
		err_set(e, ERR_DENIED, "%s is not the name of a script in %s", script, directory);
		return err_hint(e, "Only scripts in hooks.directory can be chosen, by their name alone."), NULL;
	}
	if (check_directory(directory, e) < 0)
		return NULL;
	if (lstat(path, &st) < 0)
		return err_errno(e, ERR_CONFIG, "looking at %s", path), NULL;
	if (!S_ISREG(st.st_mode)) {
		err_set(e, ERR_DENIED, "%s is not a regular file", path);
		return err_hint(e, "Links are not followed: copy the script into the directory."), NULL;
	}
	if (check_owner(path, &st, e) < 0)
		return NULL;
	if (access(path, X_OK) < 0) {
		err_set(e, ERR_DENIED, "%s is not executable", path);
		return err_hint(e, "chmod 755 %s", path), NULL;
	}
	return TAKE(path);
}

char **hook_split(const char *text, struct err *e)
{
	_cleanup_strv_ char **args = xcalloc(1, sizeof(*args));

	for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
		_cleanup_buf_ struct buf arg = BUF_INIT;
		bool quoted = false;

		for (; *text && (quoted || !strchr(" \t", *text)); text++) {
			if (*text == '"')
				quoted = !quoted;
			else
				buf_add_ch(&arg, *text);
		}
		if (quoted) {
			err_set(e, ERR_INVALID, "a quotation mark in the hook's arguments has no second one");
			return NULL;
		}
		strv_add(&args, buf_str(&arg));
	}
	return TAKE(args);
}

void hook_put_line(char ***environment, const char *line)
{
	size_t name = strcspn(line, "=") + 1;

	for (char **old = *environment; old && *old; old++) {
		if (strncmp(*old, line, name))
			continue;
		wipe(*old, strlen(*old));
		free(*old);
		*old = xstrdup(line);
		return;
	}
	strv_add(environment, line);
}

void hook_wipe_lines(char *const *lines)
{
	for (; lines && *lines; lines++)
		wipe(*lines, strlen(*lines));
}

static int add_lines(char *const *lines, enum variable_of of, char ***environment, char ***secrets, struct err *e)
{
	for (; lines && *lines; lines++) {
		if (variable_check(*lines, of, e) < 0)
			return -1;
		hook_put_line(environment, *lines);
		strv_add(secrets, *lines + variable_name_len(*lines) + 1);
	}
	return 0;
}

static int check_own(char *const *configured, char *const *own, struct err *e)
{
	for (; own && *own; own++) {
		if (!variable_is_set(configured, *own))
			continue;
		err_set(e, ERR_INVALID, "%.*s is set in certera.yaml: a certificate's own environment cannot change it",
			(int)MIN(variable_name_len(*own), 60u), *own);
		return err_hint(e, "Remove it from one of the two.");
	}
	return 0;
}

/* For scripts that trust certera.yaml further than a certificate. */
static void put_own_names(char *const *own, char ***environment)
{
	_cleanup_buf_ struct buf line = BUF_INIT;

	buf_add_str(&line, HOOK_OWN "=");
	for (size_t i = 0; own && own[i]; i++)
		buf_addf(&line, "%s%.*s", i ? " " : "", (int)variable_name_len(own[i]), own[i]);
	hook_put_line(environment, buf_str(&line));
}

int hook_environment(char *const *configured, const char *own, char ***environment, char ***secrets, struct err *e)
{
	_cleanup_strv_ char **lines = own ? strv_split(own, "\n") : NULL;
	int failed = add_lines(configured, VARIABLE_CONFIGURED, environment, secrets, e) < 0 ||
		     check_own(configured, lines, e) < 0 ||
		     add_lines(lines, VARIABLE_OWN, environment, secrets, e) < 0;

	if (failed)
		err_prefix(e, "the environment of the hook");
	else
		put_own_names(lines, environment);
	hook_wipe_lines(lines);
	return failed ? -1 : 0;
}

#define LINE_MOST 500		/* bytes */
#define OUTPUT_LINES 40		/* of one hook, in an order's history */

char **hook_lines(const char *what, const char *output)
{
	_cleanup_strv_ char **lines = strv_split(output, "\n");
	char **out = NULL;
	size_t count = strv_len(lines);

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *said = words_line(lines[i], LINE_MOST), *line = xasprintf("%s: %s", what, said);

		if (i < OUTPUT_LINES / 2 || i + OUTPUT_LINES / 2 >= count)
			strv_add(&out, line);
		else if (i == OUTPUT_LINES / 2)
			strv_add(&out, "...");
	}
	return out;
}
