/* Files with secrets in them: of ours, and nobody else reads them. */
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static int refuse_place(const char *path, const char *why, struct err *e)
{
	err_set(e, ERR_USAGE, "writing %s: %s", path, why);
	return err_hint(e, "Name a new file, or one of your own.");
}

/* A file that somebody else has made stays theirs, whatever its mode is. */
static int make_private(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, ERR_USAGE, "writing %s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return refuse_place(path, "this is not a file of yours", e);
	return fchmod(fd, 0600) < 0 ? err_errno(e, ERR_USAGE, "writing %s", path) : 0;
}

FILE *private_file_append(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	FILE *file = make_private(fd, path, e) == 0 ? fdopen(fd, "a") : NULL;

	if (file)
		setvbuf(file, NULL, _IOLBF, 0);	/* each secret is there at once, whatever ends us */
	else if (fd >= 0)
		close(fd);
	return file;
}

static int write_all(int fd, const struct buf *content)
{
	for (size_t done = 0; done < content->len;) {
		ssize_t n = write(fd, content->data + done, content->len - done);

		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return fsync(fd);
}

int private_file_write(const char *path, const struct buf *content, struct err *e)
{
	_cleanup_free_ char *fresh = xasprintf("%s.new", path);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return refuse_place(path, "this is not a regular file", e);
	unlink(fresh);		/* of one that was interrupted, or somebody else's */
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && fchmod(fd, 0600) == 0 && write_all(fd, content) == 0 && rename(fresh, path) == 0)
		return 0;
	err_errno(e, ERR_STORAGE, "writing %s", path);
	if (fd >= 0)
		unlink(fresh);
	return -1;
}
