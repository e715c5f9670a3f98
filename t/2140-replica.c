/*
 * Stores that are equal: what one writes is an entry of a log before it is in LMDB; the others apply the entries, whole
 * and in order, and a crash between two is no matter.  The log of this test is in memory.
 */
#include "t/lib/store.h"

#include <stdatomic.h>

#include "base/digest.h"
#include "store/db/replica.h"

#define ROUNDS 300
#define KEYS 40

/* The log, and what becomes of an append. */
static struct buf entries[ROUNDS * 4];
static atomic_size_t count; /* entries[0] is the one at position 1 */
static atomic_bool refusing;

static int append(void *arg, uint64_t position, struct slice entry, struct err *why)
{
	assert_int_equal(position, count + 1);
	if (refusing)
		return err_set(why, ERR_LATER, "somebody else leads");
	buf_add(&entries[position - 1], entry.data, entry.len);
	count++;
	return 0;
}

static void fell_behind(void *arg)
{
	fail_msg("the disk is well");
}

static const struct store_log log_here = { append, fell_behind, NULL };

static void clear_log(void)
{
	for (size_t i = 0; i < count; i++)
		buf_release(&entries[i]);
	count = 0;
	refusing = false;
}

static struct store *open_replica(const char *directory)
{
	struct store *s;

	OK(store_open(&s, directory, &e));
	OK(store_upgrade(s, &e));
	OK(store_settle(s, &e));
	OK(store_replicate(s, &log_here, &e));
	return s;
}

static void apply_all(struct store *s)
{
	while (store_position(s) < count)
		if (store_apply(s, store_position(s) + 1, slice_buf(&entries[store_position(s)]), &e) < 0)
			fail_msg("%s", e.message);
	OK(store_settle(s, &e));
}

struct compare {
	struct txn *other;
	enum table table;
};

static int compare_row(void *arg, struct slice key, struct slice value, struct err *why)
{
	const struct compare *c = arg;
	struct slice there;

	assert_int_equal(txn_get(c->other, c->table, key, &there, why), 1);
	assert_true(slice_eq(value, there));
	return 0;
}

static void assert_equal_stores(struct store *a, struct store *b)
{
	_cleanup_txn_ struct txn *ta = NULL, *tb = NULL;

	OK(store_read_durable(a, &ta, &e));
	OK(store_read_durable(b, &tb, &e));
	for (size_t table = 0; table < TABLES; table++) {
		struct compare c = { tb, table };

		if (table == TABLE_node)
			continue;
		assert_int_equal(txn_count(ta, table), txn_count(tb, table));
		OK(txn_walk(ta, table, slice_str(""), false, compare_row, &c, &e));
	}
}

/* Some changes, in one transaction. */
static void change_some(struct store *s)
{
	struct txn *t;
	char key[16], value[64];

	OK(store_write(s, &t, &e));
	for (uint64_t n = 1 + random_below(8); n; n--) {
		enum table table = random_below(2) ? TABLE_challenge : TABLE_user;

		snprintf(key, sizeof(key), "k%llu", (unsigned long long)random_below(KEYS));
		snprintf(value, sizeof(value), "%llu", (unsigned long long)random_below(1000000));
		if (random_below(4))
			OK(txn_put(t, table, slice_str(key), slice_str(random_below(8) ? value : ""), &e));
		else
			OK(txn_delete(t, table, slice_str(key), &e));
	}
	OK(txn_commit(t, &e));
}

/* The follower is closed and opened again from time to time, and takes several entries at once or one by one. */
static void test_random(void **state)
{
	_cleanup_free_ char *first = test_path("a"), *second = test_path("b");
	struct store *a = open_replica(first), *b = open_replica(second);

	store_lead(a);
	for (int round = 0; round < ROUNDS; round++) {
		change_some(a);
		if (!random_below(3))
			OK(store_settle(a, &e));
		if (!random_below(5))
			apply_all(b);
		if (!random_below(20)) {
			store_close(b);
			b = open_replica(second);
			assert_int_equal(store_position(b), store_applied(b));
		}
	}
	change_some(a);
	OK(store_settle(a, &e));
	apply_all(b);
	assert_equal_stores(a, b);
	assert_int_equal(store_applied(a), count);
	assert_int_equal(store_applied(b), count);
	store_close(a);
	store_close(b);
	clear_log();
}

/* The log has an entry that its writer did not live to write to LMDB: it is applied at its next start, once. */
static void test_takes_over(void **state)
{
	_cleanup_free_ char *first = test_path("a"), *second = test_path("b");
	struct store *a = open_replica(first), *b = open_replica(second);

	store_lead(a);
	change_some(a);
	OK(store_settle(a, &e));
	apply_all(b);
	store_follow(a, &(struct err){ .kind = ERR_LATER, .message = "b leads" });
	store_lead(b);
	change_some(b);
	OK(store_settle(b, &e));
	apply_all(a);
	assert_equal_stores(a, b);
	assert_int_equal(store_apply(a, 1, slice_buf(&entries[0]), &e), 1); /* not again */
	change_some(b);
	OK(store_settle(b, &e));
	store_finish(a);
	assert_int_equal(store_apply(a, store_position(a) + 1, slice_buf(&entries[store_position(a)]), &e), 1); /* it takes no more */
	store_close(a);
	store_close(b);
	clear_log();
}

static void test_follower_writes_nothing(void **state)
{
	_cleanup_free_ char *first = test_path("a"), *id = NULL;
	struct store *a = open_replica(first);
	struct err why = { .kind = ERR_LATER, .message = "b leads" };
	struct txn *t;

	store_follow(a, &why);
	assert_int_equal(store_write(a, &t, &e), -1);
	assert_string_equal(e.message, "b leads");
	assert_true(e.retry_at > 0);
	/* ... but what is its own. */
	OK(store_join(a, "c1", 0, &e));
	OK(store_cluster(a, &id, &e));
	assert_string_equal(id, "c1");
	assert_int_equal(count, 0);
	store_close(a);
	clear_log();
}

/* What is not in the log is lost, with all that builds on it, and is nowhere. */
static void test_append_fails(void **state)
{
	_cleanup_free_ char *first = test_path("a");
	struct store *a = open_replica(first);
	struct txn *t;

	store_lead(a);
	put_one(a, "kept", "1");
	refusing = true;
	t = write_txn(a);
	put(t, TABLE_challenge, "lost", "1");
	OK(txn_commit(t, &e));
	assert_int_equal(store_settle(a, &e), -1);
	assert_string_equal(e.message, "somebody else leads");
	store_task(a, 0);
	assert_one(a, "lost", NULL);
	assert_one(a, "kept", "1");
	assert_int_equal(store_write(a, &t, &e), -1);
	refusing = false;
	store_lead(a);
	put_one(a, "later", "1");
	assert_int_equal(store_applied(a), 2);
	store_close(a);
	clear_log();
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_random),
		TEST(test_takes_over),
		TEST(test_follower_writes_nothing),
		TEST(test_append_fails),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
