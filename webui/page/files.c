#include "webui/page/files.h"

#include <fcntl.h>
#include <unistd.h>

#define READ_MOST (1024 * 1024)

static const struct {
	const char *name, *text;
} own[] = {
#include "webui/page/files.inc"
};

const char *const files_digest =
#include "webui/page/files_digest.inc"
	;

static const char *find_own(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (!strcmp(own[i].name, name))
			return own[i].text;
	return NULL;
}

static int read_all(int fd, struct buf *text)
{
	ssize_t got;

	do {
		got = read(fd, buf_reserve(text, 4096), 4096);
		if (got > 0)
			text->len += (size_t)got;
	} while (got > 0 && text->len < READ_MOST);
	buf_add(text, "", 0);
	return got ? -1 : 0;
}

static const char *read_one(struct files *f, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", f->directory, name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct read_file *r;

	for (r = f->read; r; r = r->next)
		if (!strcmp(r->name, name))
			return buf_str(&r->text);
	r = xcalloc(1, sizeof(*r));
	r->name = xstrdup(name);
	r->next = f->read;
	f->read = r;
	return fd >= 0 && read_all(fd, &r->text) == 0 ? buf_str(&r->text) : NULL;
}

const char *files_get(struct files *f, const char *name)
{
	if (strstr(name, "..") ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./")])
		return NULL;
	return f->directory && *f->directory ? read_one(f, name) : find_own(name);
}

void files_release(struct files *f)
{
	while (f->read) {
		struct read_file *r = f->read;

		f->read = r->next;
		free(r->name);
		buf_release(&r->text);
		free(r);
	}
}
