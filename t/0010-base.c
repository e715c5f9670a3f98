/* base.h and buf.h: what everything else stands on. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

/* Does it abort?  What it wrote to stderr goes into `said`. */
static bool aborts(void (*fn)(void), char *said, size_t size)
{
	struct rlimit no_core = { 0, 0 };
	int pipe_fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		dup2(pipe_fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(pipe_fds[1]);
	n = read(pipe_fds[0], said, size - 1);
	said[MAX(n, 0)] = '\0';
	close(pipe_fds[0]);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void allocation(void **state)
{
	_cleanup_free_ char *text = xasprintf("%d-%s", 7, "x"), *part = xstrndup("abcdef", 3),
			    *whole = xstrndup("ab", 9);
	_cleanup_free_ void *nothing = xmalloc(0), *zero = xcalloc(0, 8);
	char *given, *kept = xstrdup("kept");

	assert_string_equal(text, "7-x");
	assert_string_equal(part, "abc");
	assert_string_equal(whole, "ab");
	assert_non_null(nothing);
	assert_non_null(zero);
	given = TAKE(kept);
	assert_null(kept);
	assert_string_equal(given, "kept");
	free(given);
}

static void overflow(void)
{
	free(xreallocarray(NULL, SIZE_MAX / 2, 3));
}

static void a_bug(void)
{
	die("the %s is gone", "moon");
}

static void dying(void **state)
{
	char said[256];

	assert_true(aborts(overflow, said, sizeof(said)));
	assert_string_equal(said, "out of memory\n");
	assert_true(aborts(a_bug, said, sizeof(said)));
	assert_non_null(strstr(said, "the moon is gone\n"));
}

static void closing(void **state)
{
	int seen;

	{
		_cleanup_close_ int fd = open("/dev/null", O_RDONLY);
		_cleanup_close_ UNUSED int none = -1;

		assert_true(fd >= 0);
		seen = fd;
		errno = EXDEV;
	}
	assert_int_equal(errno, EXDEV);
	assert_int_equal(fcntl(seen, F_GETFD), -1);
}

static void strings(void **state)
{
	assert_true(str_eq("a", "a") && str_eq(NULL, NULL));
	assert_false(str_eq("a", "b") || str_eq("a", NULL) || str_eq(NULL, "a"));
	assert_true(str_starts("abc", "ab") && str_starts("abc", ""));
	assert_false(str_starts("a", "ab"));
	assert_true(str_ends("abc", "bc") && str_ends("abc", ""));
	assert_false(str_ends("c", "bc"));
	assert_true(same_secret("abc", "abc", 3) && same_secret("abc", "abd", 2));
	assert_false(same_secret("abc", "abd", 3) || same_secret("xbc", "abc", 3));
}

static void wiping(void **state)
{
	char secret[] = "secret";
	static const char zeros[sizeof(secret)];

	wipe(secret, sizeof(secret));
	assert_memory_equal(secret, zeros, sizeof(secret));
	wipe(NULL, 0);
	wipe_free(NULL);
	wipe_free(xstrdup("secret"));
}

static void lists(void **state)
{
	_cleanup_strv_ char **v = strv_split(",a, b,,c ", ", "), **copy = strv_dup(v), **none = strv_split(" ,", ", ");

	assert_int_equal(strv_len(v), 3);
	assert_string_equal(v[0], "a");
	assert_string_equal(v[2], "c");
	assert_null(none);
	assert_null(strv_dup(NULL));
	assert_true(strv_eq(v, copy) && strv_eq(NULL, NULL));
	strv_add(&copy, "d");
	assert_false(strv_eq(v, copy));
	assert_true(strv_has(copy, "d"));
	assert_false(strv_has(v, "d") || strv_has(NULL, "d"));
	assert_int_equal(strv_len(NULL), 0);
}

static void buffer(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *empty = buf_detach(&b);
	char *text;

	assert_string_equal(empty, "");
	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%d,", i);
	assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
	assert_string_equal(b.data + b.len - 8, "998,999,");
	assert_int_equal(strlen(b.data), b.len);
	buf_clear(&b);
	assert_string_equal(b.data, "");
	buf_add(&b, "a\0b", 3);
	buf_add_ch(&b, 'c');
	buf_add_str(&b, "de");
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "a\0bcde", 7);
	memcpy(buf_reserve(&b, 3), "fgh", 3);
	b.len += 3;
	assert_memory_equal(b.data, "a\0bcdefgh", 9);
	text = buf_detach(&b);
	assert_memory_equal(text, "a\0bcdefgh", 9);
	free(text);
	assert_null(b.data);
	buf_add_str(&b, "secret");
	buf_wipe(&b);
	assert_null(b.data);
	assert_int_equal(b.len + b.size, 0);
}

static void formatted_exactly(void **state)
{
	/* Texts around the size of the first block: the NUL must fit too. */
	for (int len = 60; len < 70; len++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		buf_addf(&b, "%*s", len, "x");
		assert_int_equal(b.len, len);
		assert_int_equal(strlen(b.data), len);
	}
}

static void too_long(void)
{
	struct buf b = BUF_INIT;

	buf_add_ch(&b, 'x');
	buf_reserve(&b, SIZE_MAX - 1);
}

static void buffer_overflow(void **state)
{
	char said[256];

	assert_true(aborts(too_long, said, sizeof(said)));
}

static void slices(void **state)
{
	assert_true(slice_eq(slice_str("ab"), slice("abc", 2)));
	assert_true(slice_eq(slice_str(NULL), slice_str("")));
	assert_false(slice_eq(slice_str("ab"), slice_str("ac")) || slice_eq(slice_str("a"), slice_str("ab")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocation),      cmocka_unit_test(dying),
		cmocka_unit_test(closing),         cmocka_unit_test(strings),
		cmocka_unit_test(wiping),          cmocka_unit_test(lists),
		cmocka_unit_test(buffer),          cmocka_unit_test(formatted_exactly),
		cmocka_unit_test(buffer_overflow), cmocka_unit_test(slices),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
