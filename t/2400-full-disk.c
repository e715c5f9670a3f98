/*
 * Disks that fill up, fail, or end a write early: always an error, never a loss, and work goes on afterwards.
 *
 * Every write of LMDB passes through the functions below, which can be told to fail the nth one.
 */
#include "t/lib/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum fault { NONE, FULL, SHORT, BROKEN };

static enum fault fault;
static int calls_until;		/* the fault strikes from this call on */
static bool lasting;		/* and at every later one too */
static bool only_meta;		/* of those of the page that makes a commit valid */
static int struck;

static enum fault strikes(void)
{
	if (fault == NONE || --calls_until > 0)
		return NONE;
	if (struck && !lasting)
		return NONE;
	struck++;
	return fault;
}

static ssize_t faulty(enum fault f, size_t len)
{
	errno = f == BROKEN ? EIO : ENOSPC;
	return f == SHORT ? (ssize_t)(len / 2) : -1;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	enum fault f = only_meta && len >= 4096 ? NONE : strikes();

	if (f == NONE)
		return syscall(SYS_pwrite64, fd, data, len, offset);
	if (f == SHORT)
		syscall(SYS_pwrite64, fd, data, len / 2, offset);
	return faulty(f, len);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
	enum fault f = only_meta ? NONE : strikes();

	if (f == NONE)
		return syscall(SYS_writev, fd, iov, count);
	if (f == SHORT)
		syscall(SYS_write, fd, iov[0].iov_base, iov[0].iov_len / 2);
	return faulty(f, iov[0].iov_len);
}

int fdatasync(int fd)
{
	enum fault f = only_meta ? NONE : strikes();

	return f == NONE ? (int)syscall(SYS_fdatasync, fd) : (int)faulty(f == SHORT ? BROKEN : f, 0);
}

static void strike(enum fault f, int call, bool forever)
{
	fault = f;
	calls_until = call;
	lasting = forever;
	struck = 0;
}

/* A change as the daemon makes them, to many pages: a record and its index, the agenda, an event. */
static int change(struct store *s, int number, struct err *err)
{
	_cleanup_txn_ struct txn *t = NULL;
	const struct event_of of = { .actor = "engine", .action = "certificate.added", .object = "id" };
	struct rec_cert c = { 0 };
	char text[4000];
	int rc;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	snprintf(text, sizeof(text) - 1, "%04d", number);
	record_set(&c.id, text);
	record_set(&c.name, text);
	text[4] = 'x';
	record_set(&c.key_type, text);
	rc = store_write(s, &t, err) < 0 ||
	     rec_cert_put(t, &c, err) < 0 ||
	     agenda_set(t, AGENDA_issue, c.id, number * 60, err) < 0 ||
	     history_add(t, &of, err, "number %d", number) < 0 ||
	     commit_now(s, TAKE(t), err) < 0 ? -1 : 0;
	rec_cert_release(&c);
	return rc;
}

/* The same, as soon as the store takes something again. */
static int change_again(struct store *s, int number, struct err *err)
{
	int tries = 0, rc;

	while ((rc = change(s, number, err)) < 0 && tries++ < 500)
		poll(NULL, 0, 2);
	return rc;
}

static size_t certs(struct store *s)
{
	struct txn *t = read_txn(s);
	size_t count = txn_count(t, TABLE_cert);

	txn_abort(t);
	return count;
}

/* Fails the nth write or sync of a commit, for every n until none is left, once and lastingly. */
static void test_each_write_fails(void **state)
{
	static const enum fault faults[] = { FULL, SHORT, BROKEN };
	struct store *s = open_test_store();
	int done = 0, failed = 0;

	for (int i = 0; i < 30; i++)
		OK(change(s, done++, &e));
	for (size_t f = 0; f < ARRAY_SIZE(faults) * 2; f++) {
		for (int call = 1;; call++) {
			int rc;

			err_clear(&e);
			strike(faults[f / 2], call, f % 2);
			rc = change(s, done, &e);
			fault = NONE;
			if (!struck)
				break;
			/* A lasting fault can strike first behind the commit; then the change counts. */
			if (!rc) {
				done++;
			} else {
				failed++;
				assert_int_equal(e.kind, ERR_STORAGE);
				assert_non_null(strstr(e.message, "writing the store in "));
				assert_true(strlen(e.hint) > 0);
			}
			assert_in_range(call, 1, 50);
			if (rc)		/* a next one works, whatever happened */
				OK(change_again(s, done++, &e));
			assert_int_equal(certs(s), done);
			check_whole(s);
		}
		OK(change_again(s, done, &e));
		done = (int)certs(s);
	}
	assert_true(failed >= 12);
	store_close(s);
	s = open_test_store();
	assert_int_equal(certs(s), done);
	check_whole(s);
	store_close(s);
}

/* A failed write of the page that makes a commit valid: LMDB gives up, the store opens itself anew. */
static void test_readers_see_the_store_again(void **state)
{
	struct store *s = open_test_store();
	struct txn *reader, *t;

	OK(change(s, 0, &e));
	OK(change(s, 1, &e));
	reader = read_txn(s);
	only_meta = true;
	strike(BROKEN, 1, true);
	FAILS(change(s, 2, &e), STORAGE, "writing the store");
	strike(NONE, 0, false);
	only_meta = false;
	assert_int_equal(txn_count(reader, TABLE_cert), 2);
	FAILS(store_read(s, &t, &e), STORAGE, "an earlier write failed badly");	/* this thread still reads: not now */
	assert_null(t);
	txn_abort(reader);
	OK(change_again(s, 2, &e));
	assert_int_equal(certs(s), 3);
	check_whole(s);
	store_close(s);
}

/* Also the first start may meet a full disk. */
static void test_first_start(void **state)
{
	char *path = test_path("s");
	struct store *s;
	int call = 0, failed = 0;

	for (;;) {
		strike(FULL, ++call, true);
		if (!store_open(&s, path, &e))
			break;
		failed++;
		strike(NONE, 0, false);
		assert_null(s);
		assert_int_equal(e.kind, ERR_STORAGE);
		assert_non_null(strstr(e.message, "no space left on device"));
		assert_false(store_exists(path));
	}
	strike(NONE, 0, false);
	store_close(s);
	assert_true(failed > 1);
	s = open_test_store();
	OK(change(s, 0, &e));
	store_close(s);
	free(path);
}

/* Fills until it fails: how many changes were made. */
static int fill(struct store *s, int from)
{
	int done = from;

	while (done < 10000 && !change(s, done, &e))
		done++;
	assert_in_range(done, from, 9999);
	assert_int_equal(e.kind, ERR_STORAGE);
	return done;
}

static void reach_size_limit(void)
{
	struct rlimit limit = { 512 * 1024, RLIM_INFINITY };
	struct store *s = open_test_store();
	int done;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	done = fill(s, 0);
	assert_non_null(strstr(e.message, "may not become that large"));
	assert_int_equal(certs(s), done);
	check_whole(s);
	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	OK(change_again(s, done, &e));
	check_whole(s);
	store_close(s);
}

/* In a child: the limit is the process's. */
static void test_size_limit(void **state)
{
	int status;
	pid_t child = fork();

	if (!child) {
		reach_size_limit();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void test_full_disk(void **state)
{
	char *disk = test_path("s"), *path = test_path("s/deep"), *ballast = test_path("s/ballast");
	char *copy = test_path("s/copy");
	_cleanup_close_ int fd = -1;
	struct store *s;
	int done;

	mkdir(disk, 0700);
	if (mount("certera-test", disk, "tmpfs", 0, "size=2m,mode=700") < 0) {
		print_message("# cannot mount a small file system here: skipped\n");
		goto out;
	}
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, 512 * 1024), 0);
	OK(store_open(&s, path, &e));
	OK(store_upgrade(s, &e));
	done = fill(s, 0);
	assert_non_null(strstr(e.message, "no space left on device"));
	assert_non_null(strstr(e.message, path));
	assert_int_equal(certs(s), done);
	FAILS(store_copy(s, copy, &e), STORAGE, "no space left on device");
	assert_false(store_exists(copy));
	assert_int_equal(access(copy, F_OK), -1);
	done = fill(s, done);
	store_close(s);

	OK(store_open(&s, path, &e));		/* opens on the full disk, too */
	check_whole(s);
	assert_int_equal(certs(s), done);
	assert_int_equal(ftruncate(fd, 0), 0);
	OK(change_again(s, done, &e));		/* space came back */
	done = fill(s, done + 1);
	assert_int_equal(certs(s), done);
	check_whole(s);
	store_close(s);
	close(fd);
	fd = -1;
	assert_int_equal(umount(disk), 0);
out:
	free(disk);
	free(path);
	free(ballast);
	free(copy);
}

/* A full disk from the very start: the lock file LMDB maps is reserved, or nothing is begun. */
static void test_full_before_the_start(void **state)
{
	char *disk = test_path("s"), *path = test_path("s/deep"), *ballast = test_path("s/ballast");
	struct store *s = NULL;
	int fd, refused = 0;
	off_t size = 2 * 1024 * 1024 - 8192;

	mkdir(disk, 0700);
	if (mount("certera-test", disk, "tmpfs", 0, "size=2m,mode=700") < 0) {
		print_message("# cannot mount a small file system here: skipped\n");
		goto out;
	}
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, size), 0);
	while (store_open(&s, path, &e) < 0) {
		assert_int_equal(e.kind, ERR_STORAGE);
		assert_non_null(strstr(e.message, "no space left on device"));
		refused++;
		size -= 4096;
		assert_int_equal(ftruncate(fd, size), 0);
	}
	assert_in_range(refused, 10, 100);
	store_close(s);
	close(fd);
	assert_int_equal(umount(disk), 0);
out:
	free(disk);
	free(path);
	free(ballast);
}

static int unmount_and_remove(void **state)
{
	_cleanup_free_ char *disk = test_path("s");

	umount2(disk, MNT_DETACH);		/* a failed test left it mounted */
	return remove_test_dir(state);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, unmount_and_remove)
	const struct CMUnitTest tests[] = {
		TEST(test_each_write_fails),
		TEST(test_readers_see_the_store_again),
		TEST(test_first_start),
		TEST(test_size_limit),
		TEST(test_full_disk),
		TEST(test_full_before_the_start),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
