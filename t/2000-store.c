/* The door to LMDB: transactions, walks, growth, copies, one daemon a store. */
#include "t/lib/store.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

static void test_new_store(void **state)
{
	char *path = test_path("s"), *data = test_path("s/data.mdb");
	struct store *s;
	struct stat st;

	assert_false(store_exists(path));
	s = open_test_store();
	assert_true(store_exists(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(data, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_close(s);
	store_close(NULL);
	free(path);
	free(data);
}

static void test_values_last(void **state)
{
	struct store *s = open_test_store();
	struct txn *t;

	put_one(s, "a", "one");
	put_one(s, "b", "");
	put_one(s, "a", "two");
	store_close(s);

	s = open_test_store();
	assert_one(s, "a", "two");
	assert_one(s, "b", "");
	assert_one(s, "c", NULL);
	t = write_txn(s);
	OK(txn_delete(t, TABLE_challenge, slice_str("a"), &e));
	OK(txn_delete(t, TABLE_challenge, slice_str("never there"), &e));
	assert_int_equal(txn_count(t, TABLE_challenge), 1);
	OK(txn_commit(t, &e));
	assert_one(s, "a", NULL);
	store_close(s);
}

static void test_keys_have_bounds(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct slice value;
	char key[600];

	memset(key, 'k', sizeof(key));
	OK(txn_put(t, TABLE_challenge, slice(key, 511), slice_str("fits"), &e));
	FAILS(txn_put(t, TABLE_challenge, slice(key, 512), slice_str("x"), &e), INVALID, "512 bytes");
	FAILS(txn_put(t, TABLE_challenge, slice(key, 0), slice_str("x"), &e), INVALID, "0 bytes");
	assert_int_equal(txn_get(t, TABLE_challenge, slice(key, 511), &value, &e), 1);
	assert_int_equal(txn_get(t, TABLE_challenge, slice(key, 512), &value, &e), 0);
	assert_int_equal(txn_get(t, TABLE_challenge, slice(key, 0), &value, &e), 0);
	OK(txn_delete(t, TABLE_challenge, slice(key, 512), &e));
	OK(txn_commit(t, &e));		/* a refused key spoils nothing */
	store_close(s);
}

static void test_isolation(void **state)
{
	struct store *s = open_test_store();
	struct txn *reader, *writer;
	char *seen;

	put_one(s, "a", "old");
	reader = read_txn(s);
	writer = write_txn(s);
	put(writer, TABLE_challenge, "a", "new");
	seen = get(writer, "a");
	assert_string_equal(seen, "new");
	free(seen);
	assert_one(s, "a", "old");	/* not committed yet */
	OK(txn_commit(writer, &e));
	seen = get(reader, "a");
	assert_string_equal(seen, "old");
	free(seen);
	txn_abort(reader);
	assert_one(s, "a", "new");

	writer = write_txn(s);
	put(writer, TABLE_challenge, "a", "never");
	txn_abort(writer);
	assert_one(s, "a", "new");
	{
		_cleanup_txn_ struct txn *t = write_txn(s);

		put(t, TABLE_challenge, "a", "never");
	}
	assert_one(s, "a", "new");
	txn_abort(NULL);
	store_close(s);
}

/* Walks note the keys they met: "a,b,c," */
struct met {
	struct buf keys;
	struct txn *delete;		/* delete each row met */
	const char *also;		/* and this one */
	const char *put;		/* put this once */
	const char *stop, *fail;	/* at this key */
};

static int note(void *arg, struct slice key, struct slice value, struct err *err)
{
	struct met *met = arg;

	buf_add(&met->keys, key.data, key.len);
	buf_add_ch(&met->keys, ',');
	assert_true(slice_eq(key, value));
	if (met->put)
		put(met->delete, TABLE_challenge, met->put, met->put);
	met->put = NULL;
	if (met->delete)
		OK(txn_delete(met->delete, TABLE_challenge, key, err));
	if (met->also)
		OK(txn_delete(met->delete, TABLE_challenge, slice_str(met->also), err));
	if (met->stop && slice_eq(key, slice_str(met->stop)))
		return 1;
	if (met->fail && slice_eq(key, slice_str(met->fail)))
		return err_set(err, ERR_INVALID, "as asked");
	return 0;
}

static void assert_met(struct met *met, const char *expected)
{
	assert_string_equal(buf_str(&met->keys), expected);
	buf_clear(&met->keys);
}

static void put_keys(struct txn *t)
{
	static const char *const keys[] = { "a", "a1", "a2", "b", "b\xff", "b\xffz", "c" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		put(t, TABLE_challenge, keys[i], keys[i]);
}

static void walk(struct txn *t, const char *prefix, bool backwards, struct met *met)
{
	OK(txn_walk(t, TABLE_challenge, slice_str(prefix), backwards, note, met, &e));
}

static void test_walks(void **state)
{
	struct store *s = open_test_store();
	struct met met = { 0 };
	struct txn *t = write_txn(s);

	walk(t, "", false, &met);
	assert_met(&met, "");
	walk(t, "", true, &met);
	assert_met(&met, "");
	put_keys(t);
	OK(txn_commit(t, &e));
	for (int writing = 0; writing < 2; writing++) {
		t = writing ? write_txn(s) : read_txn(s);
		walk(t, "", false, &met);
		assert_met(&met, "a,a1,a2,b,b\xff,b\xffz,c,");
		walk(t, NULL, true, &met);
		assert_met(&met, "c,b\xffz,b\xff,b,a2,a1,a,");
		walk(t, "a", false, &met);
		assert_met(&met, "a,a1,a2,");
		walk(t, "a", true, &met);
		assert_met(&met, "a2,a1,a,");
		walk(t, "b\xff", false, &met);
		assert_met(&met, "b\xff,b\xffz,");
		walk(t, "b\xff", true, &met);
		assert_met(&met, "b\xffz,b\xff,");
		walk(t, "\xff", true, &met);
		assert_met(&met, "");
		walk(t, "c", true, &met);
		assert_met(&met, "c,");
		walk(t, "aa", false, &met);
		assert_met(&met, "");
		OK(txn_range(t, TABLE_challenge, slice_str("a1"), slice_str("b"), false, note, &met, &e));
		assert_met(&met, "a1,a2,");
		OK(txn_range(t, TABLE_challenge, slice_str("a1"), slice_str("bb"), true, note, &met, &e));
		assert_met(&met, "b,a2,a1,");
		OK(txn_range(t, TABLE_challenge, slice_str("b"), slice(NULL, 0), true, note, &met, &e));
		assert_met(&met, "c,b\xffz,b\xff,b,");
		txn_abort(t);
	}
	buf_release(&met.keys);
	store_close(s);
}

static void test_walks_end_early(void **state)
{
	struct store *s = open_test_store();
	struct met met = { .stop = "a1" };
	struct txn *t = write_txn(s);

	put_keys(t);
	walk(t, "", false, &met);
	assert_met(&met, "a,a1,");
	met = (struct met){ .keys = met.keys, .fail = "b" };
	FAILS(txn_walk(t, TABLE_challenge, slice(NULL, 0), false, note, &met, &e), INVALID, "as asked");
	assert_met(&met, "a,a1,a2,b,");
	txn_abort(t);
	buf_release(&met.keys);
	store_close(s);
}

static void test_walks_that_change_the_table(void **state)
{
	struct store *s = open_test_store();
	struct met met = { 0 };

	for (int backwards = 0; backwards < 2; backwards++) {
		struct txn *t = write_txn(s);

		put_keys(t);
		met = (struct met){ .keys = met.keys, .delete = t };
		walk(t, "a", backwards, &met);
		assert_met(&met, backwards ? "a2,a1,a," : "a,a1,a2,");
		walk(t, "", backwards, &met);
		assert_met(&met, backwards ? "c,b\xffz,b\xff,b," : "b,b\xff,b\xffz,c,");
		assert_int_equal(txn_count(t, TABLE_challenge), 0);

		put_keys(t);
		met.also = "a2";		/* the next one goes as well */
		met.put = "a1x";		/* and one appears */
		walk(t, "a", backwards, &met);
		assert_met(&met, backwards ? "a2,a1x,a1,a," : "a,a1,a1x,");
		txn_abort(t);
	}
	buf_release(&met.keys);
	store_close(s);
}

/* Many rows, so that pages split and merge under the walk. */
static void test_walk_deletes_many(void **state)
{
	struct store *s = open_test_store();
	char key[32];
	struct txn *t = write_txn(s);
	struct met met = { .delete = t };

	for (int i = 0; i < 4000; i++) {
		snprintf(key, sizeof(key), "%06d", i * 7919 % 4000);
		put(t, TABLE_challenge, key, key);
	}
	walk(t, "00", false, &met);
	assert_int_equal(met.keys.len, 4000 * 7);
	assert_int_equal(txn_count(t, TABLE_challenge), 0);
	OK(txn_commit(t, &e));
	buf_release(&met.keys);
	store_close(s);
}

static void test_changes_are_counted(void **state)
{
	struct store *s = open_test_store();
	struct txn *t;

	put_one(s, "a", "x");
	assert_int_equal(store_changes(s, TABLE_challenge), 1);
	t = write_txn(s);
	OK(commit_now(s, t, &e));
	assert_int_equal(store_changes(s, TABLE_challenge), 1);	/* nothing changed */
	t = read_txn(s);
	OK(commit_now(s, t, &e));
	t = write_txn(s);
	put(t, TABLE_challenge, "a", "y");
	txn_abort(t);
	assert_int_equal(store_changes(s, TABLE_challenge), 1);
	t = write_txn(s);
	OK(txn_delete(t, TABLE_challenge, slice_str("nothing"), &e));
	OK(commit_now(s, t, &e));
	assert_int_equal(store_changes(s, TABLE_challenge), 1);
	t = write_txn(s);
	OK(txn_delete(t, TABLE_challenge, slice_str("a"), &e));
	OK(commit_now(s, t, &e));
	assert_int_equal(store_changes(s, TABLE_challenge), 2);
	store_close(s);
}

static void test_one_daemon_a_store(void **state)
{
	char *path = test_path("s"), pid[40];
	struct store *s = open_test_store(), *second;
	int status;
	pid_t child;

	snprintf(pid, sizeof(pid), "a different certerad (pid %d)", getpid());
	FAILS(store_open(&second, path, &e), CONFLICT, pid);
	assert_null(second);
	put_one(s, "still", "fine");
	child = fork();
	if (!child)
		_exit(store_open(&second, path, &e) == -1 && e.kind == ERR_CONFLICT && strstr(e.message, pid) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	store_close(s);
	store_close(open_test_store());		/* released */
	free(path);
}

/* A program the daemon starts must not find the store open. */
static void test_children_inherit_nothing(void **state)
{
	struct store *s = open_test_store();
	char link[40], target[300];
	int found = 0;

	for (int fd = 0; fd < 100; fd++) {
		ssize_t len;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		len = readlink(link, target, sizeof(target) - 1);
		target[MAX(len, 0)] = '\0';
		if (!str_starts(target, test_dir))
			continue;
		found++;
		if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			fail_msg("%s is inherited", target);
	}
	assert_true(found >= 3);
	store_close(s);
}

static void test_refuses_what_is_no_store(void **state)
{
	char *path = test_path("s"), *data = test_path("s/data.mdb"), *file = test_path("file"), *deep = test_path("no/s");
	struct store *s;
	FILE *f = fopen(file, "w");

	fclose(f);
	FAILS(store_open(&s, file, &e), STORAGE, "not a directory");
	FAILS(store_open(&s, deep, &e), STORAGE, "no such file or directory");
	mkdir(path, 0700);
	f = fopen(data, "w");
	for (int i = 0; i < 20000; i++)
		fputs("rubbish ", f);
	fclose(f);
	FAILS(store_open(&s, path, &e), STORAGE, "not a store");
	assert_int_equal(truncate(data, 0), 0);
	assert_false(store_exists(path));
	store_close(open_test_store());		/* an empty file is no store yet */
	free(path);
	free(data);
	free(file);
	free(deep);
}

static void test_copy(void **state)
{
	char *target = test_path("copy"), *file = test_path("copy/data.mdb"), key[20];
	struct store *s = open_test_store(), *copy;
	struct txn *t;
	struct stat st;

	t = write_txn(s);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put(t, TABLE_challenge, key, key);
	}
	OK(txn_commit(t, &e));
	t = write_txn(s);
	put(t, TABLE_challenge, "later", "x");
	OK(store_copy(s, target, &e));		/* while a write is under way */
	OK(txn_commit(t, &e));
	FAILS(store_copy(s, target, &e), CONFLICT, "exists already");
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_close(s);

	OK(store_open(&copy, target, &e));
	OK(store_upgrade(copy, &e));
	t = read_txn(copy);
	assert_int_equal(txn_count(t, TABLE_challenge), 1000);
	txn_abort(t);
	assert_one(copy, "999", "999");
	assert_one(copy, "later", NULL);
	put_one(copy, "later", "y");
	store_close(copy);
	free(target);
	free(file);
}

static void test_empty_copy(void **state)
{
	char *target = test_path("copy");
	struct store *s = open_test_store(), *copy;

	OK(store_copy(s, target, &e));
	store_close(s);
	OK(store_open(&copy, target, &e));
	check_whole(copy);
	store_close(copy);
	free(target);
}

#define BLOCK (1024 * 1024)

/* Puts a MiB under the key. */
static int put_block(struct txn *t, int key)
{
	static char block[BLOCK];

	memset(block, key, sizeof(block));
	return txn_put(t, TABLE_challenge, slice(&key, sizeof(key)), slice(block, sizeof(block)), &e);
}

static void assert_blocks(struct store *s, int blocks)
{
	struct txn *t = read_txn(s);

	assert_int_equal(txn_count(t, TABLE_challenge), blocks);
	for (int i = 0; i < blocks; i++) {
		struct slice value;

		assert_int_equal(txn_get(t, TABLE_challenge, slice(&i, sizeof(i)), &value, &e), 1);
		assert_int_equal(value.len, BLOCK);
		assert_int_equal(((const unsigned char *)value.data)[BLOCK - 1], i & 0xff);
	}
	txn_abort(t);
}

static void test_map_grows(void **state)
{
	struct store *s = open_test_store();
	struct txn *t;

	for (int i = 0; i < 150; i++) {		/* the map starts with 64 */
		t = write_txn(s);
		OK(put_block(t, i));
		OK(commit_now(s, t, &e));
	}
	assert_blocks(s, 150);
	store_close(s);
	s = open_test_store();			/* and starts larger for a larger file */
	assert_blocks(s, 150);
	t = write_txn(s);
	for (int i = 150; i < 250; i++)
		OK(put_block(t, i));
	OK(commit_now(s, t, &e));
	assert_blocks(s, 250);
	store_close(s);
}

/* A transaction larger than the room: the map grows for it. */
static void test_large_transaction(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);

	for (int i = 0; i < 200; i++)
		OK(put_block(t, i));
	OK(commit_now(s, t, &e));
	assert_blocks(s, 200);
	store_close(s);
}

/* The next one that is taken: after a loss, a trial has to succeed first. */
static struct txn *write_again(struct store *s)
{
	struct txn *t;

	for (int tries = 0; store_write(s, &t, &e) < 0; tries++) {
		assert_in_range(tries, 0, 500);
		poll(NULL, 0, 10);
	}
	return t;
}

/*
 * A thread that reads may write: the map waits with its growth.  Only who waits for the disk meanwhile hears that it
 * cannot.
 */
static void test_write_while_reading(void **state)
{
	struct store *s = open_test_store();
	struct txn *reader = read_txn(s), *t;
	int done = 0, failed;

	do {
		t = write_txn(s);
		OK(put_block(t, done));
		failed = commit_now(s, t, &e);
		done += !failed;
	} while (!failed && done < 70);
	assert_in_range(done, 10, 69);
	assert_non_null(strstr(e.message, "room"));
	assert_int_equal(txn_count(reader, TABLE_challenge), 0);
	txn_abort(reader);
	for (int i = done; i < 70; i++) {
		t = write_again(s);
		OK(put_block(t, i));
		OK(commit_now(s, t, &e));
	}
	assert_blocks(s, 70);
	store_close(s);
}

static void *write_blocks(void *arg)
{
	struct store *s = arg;

	for (int i = 0; i < 100; i++) {
		struct txn *t = NULL;

		if (store_write(s, &t, NULL) < 0)
			return "begin";
		if (put_block(t, i) < 0 || commit_now(s, t, NULL) < 0)
			return "commit";
	}
	return NULL;
}

/* One thread reads, reads again inside and writes inside, while another makes the map grow. */
static void test_nested_with_growth(void **state)
{
	struct store *s = open_test_store();
	pthread_t thread;
	void *problem;

	assert_int_equal(pthread_create(&thread, NULL, write_blocks, s), 0);
	for (int i = 0; i < 200; i++) {
		struct txn *outer = read_txn(s), *inner = read_txn(s), *t = write_txn(s);

		put(t, TABLE_consumer, "n", "x");
		OK(txn_commit(t, &e));
		txn_abort(inner);
		txn_abort(outer);
	}
	assert_int_equal(pthread_join(thread, &problem), 0);
	assert_null(problem);
	assert_blocks(s, 100);
	store_close(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_new_store),
		TEST(test_values_last),
		TEST(test_keys_have_bounds),
		TEST(test_isolation),
		TEST(test_walks),
		TEST(test_walks_end_early),
		TEST(test_walks_that_change_the_table),
		TEST(test_walk_deletes_many),
		TEST(test_changes_are_counted),
		TEST(test_one_daemon_a_store),
		TEST(test_children_inherit_nothing),
		TEST(test_refuses_what_is_no_store),
		TEST(test_copy),
		TEST(test_empty_copy),
		TEST(test_map_grows),
		TEST(test_large_transaction),
		TEST(test_write_while_reading),
		TEST(test_nested_with_growth),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
