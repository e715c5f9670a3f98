/* Many readers and writers at once, while the map grows under them. */
#include "t/lib/store.h"

#include <pthread.h>
#include <stdatomic.h>

#define READERS 4
#define RECORDS 20000
#define BATCH 20		/* records of one transaction */
#define SIZE 5000		/* bytes of one */

/* Assertions of cmocka belong to the main thread: the others say what was wrong. */
static atomic_bool finished;

struct seen {
	int64_t count, sum;
};

static int add_up(void *arg, void *rec, struct err *err)
{
	const struct rec_version *v = rec;
	struct seen *seen = arg;

	seen->count++;
	seen->sum += v->key_version;
	if (strlen(v->chain) != SIZE || !str_ends(v->chain, v->serial))
		return err_set(err, ERR_INTERNAL, "record %s is not as it was written", v->id);
	return 0;
}

/* A snapshot holds whole batches, is the same when looked at twice, and never older than the one before. */
static const char *look(struct store *s, int64_t *least)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct seen first = { 0 }, again = { 0 };

	if (store_read(s, &t, NULL) < 0)
		return "cannot begin";
	if (record_each(t, &rec_version_type, NULL, false, add_up, &first, NULL) < 0 ||
	    record_each(t, &rec_version_type, NULL, true, add_up, &again, NULL) < 0)
		return "cannot walk";
	if (first.count != again.count || first.sum != again.sum)
		return "a snapshot changed";
	if (first.count % BATCH)
		return "a snapshot holds a part of a transaction";
	if (first.sum != first.count * (first.count + 1) / 2)
		return "a snapshot lacks a record";
	if (first.count < *least)
		return "a snapshot is older than the one before";
	if ((size_t)first.count != txn_count(t, TABLE_version))
		return "the count is another";
	*least = first.count;
	return NULL;
}

static void *read_all(void *arg)
{
	const char *problem = NULL;
	int64_t least = 0;

	while (!problem && !finished)
		problem = look(arg, &least);
	if (!problem)
		problem = look(arg, &least);
	return (void *)(problem ? problem : least == RECORDS ? NULL : "the last snapshot lacks records");
}

static void write_batch(struct store *s, int from)
{
	struct txn *t = write_txn(s);
	struct rec_version v = { 0 };
	char serial[20], chain[SIZE + 1];

	snprintf(serial, sizeof(serial), "-%d", from);
	memset(chain, 'c', SIZE);
	memcpy(chain + SIZE - strlen(serial), serial, strlen(serial) + 1);
	record_set(&v.serial, serial);
	record_set(&v.chain, chain);
	for (int i = from; i < from + BATCH; i++) {
		free(v.id);
		v.id = record_child_id("c", i);
		v.key_version = i + 1;
		OK(rec_version_put(t, &v, &e));
	}
	rec_version_release(&v);
	OK(from / BATCH % 8 ? txn_commit(t, &e) : commit_now(s, t, &e));
}

static void test_readers_and_a_writer(void **state)
{
	struct store *s = open_test_store();
	char *data = test_path("s/data.mdb");
	pthread_t reader[READERS];
	struct stat st;

	finished = false;
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&reader[i], NULL, read_all, s), 0);
	for (int i = 0; i < RECORDS; i += BATCH)
		write_batch(s, i);
	OK(store_settle(s, &e));
	finished = true;
	for (int i = 0; i < READERS; i++) {
		void *problem;

		assert_int_equal(pthread_join(reader[i], &problem), 0);
		if (problem)
			fail_msg("%s", (const char *)problem);
	}
	assert_int_equal(stat(data, &st), 0);
	assert_true(st.st_size > 100 * 1024 * 1024);		/* so the map of 64 MiB grew */
	store_close(s);
	free(data);
}

/* Several writers, each adding to one counter: none is lost. */
#define WRITERS 4
#define ADDITIONS 100

static void *write_counter(void *arg)
{
	for (int i = 0; i < ADDITIONS; i++) {
		_cleanup_txn_ struct txn *t = NULL;
		const struct event_of of = { .action = "counted", .object = "counter" };
		struct slice value;
		int64_t n = 0;

		if (store_write(arg, &t, NULL) < 0)
			return "cannot begin";
		if (txn_get(t, TABLE_challenge, slice_str("counter"), &value, NULL) == 1)
			memcpy(&n, value.data, sizeof(n));
		n++;
		if (txn_put(t, TABLE_challenge, slice_str("counter"), slice(&n, sizeof(n)), NULL) < 0 ||
		    history_add(t, &of, NULL, "to %lld", (long long)n) < 0 ||
		    agenda_set(t, AGENDA_issue, "counter", n, NULL) < 0 ||
		    txn_commit(TAKE(t), NULL) < 0)
			return "cannot write";
	}
	return store_settle(arg, NULL) < 0 ? "lost" : NULL;
}

static void test_writers(void **state)
{
	struct store *s = open_test_store();
	pthread_t writer[WRITERS];
	struct txn *t;
	int64_t due;

	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writer[i], NULL, write_counter, s), 0);
	for (int i = 0; i < WRITERS; i++) {
		void *problem;

		assert_int_equal(pthread_join(writer[i], &problem), 0);
		assert_null(problem);
	}
	t = read_txn(s);
	assert_int_equal(agenda_due(t, AGENDA_issue, "counter", &due, &e), 1);
	assert_int_equal(due, WRITERS * ADDITIONS);
	assert_int_equal(txn_count(t, TABLE_event), WRITERS * ADDITIONS);
	txn_abort(t);
	check_whole(s);
	store_close(s);
}

/* A read transaction may end on another thread than it began on. */
static void *end_it(void *arg)
{
	txn_abort(arg);
	return NULL;
}

static void test_read_changes_threads(void **state)
{
	struct store *s = open_test_store();
	pthread_t thread;

	for (int i = 0; i < 300; i++) {			/* more than there are reader slots */
		assert_int_equal(pthread_create(&thread, NULL, end_it, read_txn(s)), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	put_one(s, "a", "x");
	store_close(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_readers_and_a_writer),
		TEST(test_writers),
		TEST(test_read_changes_threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
