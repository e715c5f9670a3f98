/* Marks: what is over does not open, in the same process and after the next start, whatever became of their file. */
#include "keeper/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#define ENTRY 24	/* bytes in the file */
#define LATER (MARKS_GRACE_MS + 1)

static char file[] = "/tmp/marks-XXXXXX";

/* The id that has this number in it. */
static const char *id(unsigned n)
{
	static char text[40];

	snprintf(text, sizeof(text), "%08x%024x", n * 2654435761u, n);
	return text;
}

static bool opens(struct marks *m, unsigned n, uint32_t generation, int64_t now)
{
	struct err e = { 0 };
	bool good = marks_check(m, slice_str(id(n)), generation, now, &e) == 0;

	assert_true(good || strstr(e.hint, MARKS_FILE));
	return good;
}

static struct marks *open_file(size_t damaged)
{
	struct marks *m = marks_new();
	struct err e = { 0 };
	size_t bad;

	if (marks_open(m, file, &bad, &e) < 0)
		fail_msg("%s", e.message);
	assert_int_equal(bad, damaged);
	return m;
}

static off_t size_of_file(void)
{
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	return st.st_size;
}

static void test_in_memory(void **state)
{
	struct marks *m = marks_new();

	assert_true(opens(m, 1, 0, 100));
	assert_true(opens(m, 1, 7, 100));	/* newer than what is known is none of ours to refuse */
	marks_raise(m, slice_str(id(1)), 7, 100);
	assert_true(opens(m, 1, 7, 100));
	assert_true(opens(m, 1, 8, 100));
	assert_true(opens(m, 1, 6, 100 + MARKS_GRACE_MS - 1));	/* asked with it just before */
	assert_false(opens(m, 1, 6, 100 + MARKS_GRACE_MS));
	assert_false(opens(m, 1, 5, 100));
	marks_raise(m, slice_str(id(1)), 3, 100);		/* never back */
	assert_false(opens(m, 1, 3, LATER));
	assert_true(opens(m, 2, 0, LATER));
	marks_free(m);
}

static void test_many(void **state)
{
	struct marks *m = open_file(0);

	for (unsigned n = 1; n <= 5000; n++)
		marks_raise(m, slice_str(id(n)), n, 1);
	for (unsigned n = 1; n <= 5000; n++)
		if (!opens(m, n, n, LATER) || opens(m, n, n - 1, LATER))
			fail_msg("%u is not as it was", n);
	marks_free(m);
	m = open_file(0);
	for (unsigned n = 1; n <= 5000; n++)
		if (!opens(m, n, n, 1) || opens(m, n, n - 1, 1))	/* no grace for what was over at the start */
			fail_msg("%u is not as it was after a start", n);
	assert_int_equal(size_of_file(), 5000 * ENTRY);
	marks_free(m);
}

static void test_grows_no_further(void **state)
{
	struct marks *m = open_file(0);

	for (uint32_t generation = 5001; generation < 40000; generation++)
		marks_raise(m, slice_str(id(1)), generation, 1);
	marks_free(m);
	assert_true(size_of_file() > 39000 * ENTRY);
	m = open_file(0);
	assert_int_equal(size_of_file(), 5000 * ENTRY);
	marks_raise(m, slice_str(id(1)), 40000, 1);
	marks_free(m);
	m = open_file(0);
	assert_false(opens(m, 1, 39999, 1));
	marks_free(m);
}

static void test_taken(void **state)
{
	struct marks *first = open_file(0), *second = marks_new();
	struct err e = { 0 };
	size_t damaged;

	assert_int_equal(marks_open(second, file, &damaged, &e), -1);	/* a keeper that is there already writes it */
	assert_false(opens(first, 1, 1, 1));
	marks_free(first);
	marks_free(second);
}

static void test_damaged(void **state)
{
	FILE *f = fopen(file, "r+");
	struct marks *m;

	fseek(f, 4 * ENTRY + 3, SEEK_SET);
	fputc(0, f);
	fclose(f);
	assert_int_equal(truncate(file, size_of_file() - ENTRY / 2), 0);	/* a full disk took half of it */
	m = open_file(1);
	marks_raise(m, slice_str(id(77777)), 5, 1);
	marks_free(m);
	m = open_file(1);
	assert_false(opens(m, 77777, 4, 1));
	assert_int_equal(size_of_file() % ENTRY, 0);
	marks_free(m);
}

/* What could not be written is known until the end, and the next one is written whole. */
static void test_full_disk(void **state)
{
	struct rlimit before, none;
	struct marks *m = open_file(1);

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){ (rlim_t)size_of_file() + ENTRY / 3, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	marks_raise(m, slice_str(id(88888)), 5, 1);
	assert_false(opens(m, 88888, 4, LATER));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	marks_raise(m, slice_str(id(99999)), 5, 1);
	marks_free(m);
	m = open_file(1);
	assert_true(opens(m, 88888, 4, 1));
	assert_false(opens(m, 99999, 4, 1));
	marks_free(m);
}

static int set_up(void **state)
{
	int fd = mkstemp(file);

	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	return unlink(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_memory), cmocka_unit_test(test_many),	  cmocka_unit_test(test_grows_no_further),
		cmocka_unit_test(test_taken),	  cmocka_unit_test(test_damaged), cmocka_unit_test(test_full_disk),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
