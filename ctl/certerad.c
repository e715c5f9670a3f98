/* certerad as a program: for commands that need no server, or ask its -t. */
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process/self.h"

/* Beside this program, or where it is when this one is in bin; else wherever it is found.  Owned. */
static char *find_certerad(void)
{
	static const char *const places[] = { "certerad", "../sbin/certerad" };
	_cleanup_free_ char *directory = self_folder();

	for (size_t i = 0; directory && i < ARRAY_SIZE(places); i++) {
		char *path = xasprintf("%s/%s", directory, places[i]);

		if (!access(path, X_OK))
			return path;
		free(path);
	}
	return xstrdup("certerad");
}

static NORETURN void become_certerad(const char *const *args, enum certerad_output what, int out)
{
	_cleanup_free_ char *program = find_certerad();
	const char *argv[8] = { program };

	for (size_t i = 0; args[i] && i + 2 < ARRAY_SIZE(argv); i++)
		argv[i + 1] = args[i];
	dup2(out, STDOUT_FILENO);
	if (what == CERTERAD_ALL)
		dup2(out, STDERR_FILENO);
	execvp(program, (char **)argv);
	fprintf(stderr, "starting %s: %s\n", program, strerror(errno));
	_exit(err_exit_code(ERR_MISSING));
}

static void read_all(int fd, struct buf *text)
{
	ssize_t got;

	while ((got = read(fd, buf_reserve(text, 4096), 4096)) > 0)
		text->len += got;
	buf_add(text, "", 0);
}

int certerad_run(const char *const *args, enum certerad_output what, struct buf *out, struct err *e)
{
	int ends[2], status;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0 || (child = fork()) < 0)
		return err_errno(e, ERR_INTERNAL, "starting certerad");
	if (!child)
		become_certerad(args, what, ends[1]);
	close(ends[1]);
	read_all(ends[0], out);
	close(ends[0]);
	if (waitpid(child, &status, 0) == child && WIFEXITED(status))
		return WEXITSTATUS(status);
	return err_set(e, ERR_STORAGE, "certerad ended by a signal");
}
