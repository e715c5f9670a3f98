/* For the tests of pki/: a temporary directory, shell commands in it (openssl, mostly), and its files. */
#ifndef T_LIB_PKI_H
#define T_LIB_PKI_H

#include "base/buf.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int run_shell(const char *command)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs in the directory, output into the file "out" there; returns the exit status. */
static UNUSED PRINTF_LIKE(1, 2) int sh(const char *fmt, ...)
{
	_cleanup_free_ char *command = NULL, *whole = NULL;
	va_list args;

	va_start(args, fmt);
	assert_true(vasprintf(&command, fmt, args) >= 0);
	va_end(args);
	whole = xasprintf("cd %s && { %s ; } >out 2>&1 </dev/null", dir, command);
	return run_shell(whole);
}

static UNUSED struct buf file_read(const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	_cleanup_fclose_ FILE *f = fopen(path, "r");
	struct buf b = BUF_INIT;
	size_t got;

	assert_non_null(f);
	while ((got = fread(buf_reserve(&b, 4096), 1, 4096, f)))
		b.len += got;
	buf_add(&b, "", 0);
	return b;
}

static UNUSED void file_write(const char *name, const struct buf *b)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	_cleanup_fclose_ FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(b->data, 1, b->len, f), b->len);
}

/* The command must succeed. */
#define SH(...)                                                                                                        \
	do {                                                                                                           \
		if (sh(__VA_ARGS__)) {                                                                                 \
			struct buf out_ = file_read("out");                                                            \
			print_error("%s\n", buf_str(&out_));                                                           \
			buf_release(&out_);                                                                            \
			fail_msg("a command failed");                                                                  \
		}                                                                                                      \
	} while (0)

/* What a command prints, without its final newline.  Owned. */
#define SH_OUT(...)                                                                                                    \
	__extension__({                                                                                                \
		SH(__VA_ARGS__);                                                                                       \
		struct buf text_ = file_read("out");                                                                   \
		while (text_.len && text_.data[text_.len - 1] == '\n')                                                 \
			text_.data[--text_.len] = '\0';                                                                \
		buf_detach(&text_);                                                                                    \
	})

#define assert_has(text, part)                                                                                         \
	do {                                                                                                           \
		if (!strstr((text), (part)))                                                                           \
			fail_msg("\"%s\" does not contain \"%s\"", (text), (part));                                    \
	} while (0)

static UNUSED int directory_make(void **state)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%.40s/certera-pki.XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static UNUSED int directory_remove(void **state)
{
	_cleanup_free_ char *command = xasprintf("rm -rf --one-file-system %s", dir);

	return run_shell(command);
}

#endif
