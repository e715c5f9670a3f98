/*
 * Formats of the store: newer ones are refused, older ones migrated.  To have an older one without a
 * way on, and a migration of our own, this test is a program of format 3 around format.c itself.
 */
#include "store/store.h"

#undef STORE_FORMAT
#define STORE_FORMAT test_format
static int test_format = 1;

#include "store/format.c"

#include "t/lib/store.h"

static void set_format(const char *text)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);

	put(t, TABLE_challenge, "kept", "as it was");
	put(t, TABLE_meta, "format", text);
	OK(txn_commit(t, &e));
	store_close(s);
}

static char *read_data(size_t *len)
{
	_cleanup_free_ char *file = test_path("s/data.mdb");
	_cleanup_fclose_ FILE *f = fopen(file, "r");
	char *data = xmalloc(1024 * 1024);

	assert_non_null(f);
	*len = fread(data, 1, 1024 * 1024, f);
	assert_in_range(*len, 1, 1024 * 1024 - 1);
	return data;
}

/* Opening fails with these words, and not a byte is another afterwards. */
static void assert_refused(const char *words, const char *more)
{
	_cleanup_free_ char *path = test_path("s");
	size_t len_before, len_after;
	_cleanup_free_ char *before = read_data(&len_before), *after = NULL;
	struct store *s;

	FAILS(store_open(&s, path, &e), STORAGE, words);
	if (!strstr(e.message, more))
		fail_msg("\"%s\" does not say \"%s\"", e.message, more);
	assert_null(s);
	after = read_data(&len_after);
	assert_int_equal(len_before, len_after);
	assert_memory_equal(before, after, len_after);
}

static void test_newer_is_refused(void **state)
{
	set_format("2");
	assert_refused("has format 2", "up to 1");
	assert_true(strlen(e.hint) > 0);
	test_format = 2;	/* the newer program still opens it */
	store_close(open_test_store());
	test_format = 1;
}

static void test_nonsense_is_refused(void **state)
{
	static const char *const nonsense[] = { "-1", "one", "1 ", "12345678901234567890", "" };

	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
		set_format(nonsense[i]);
		assert_refused("its format is not a number", "s: ");
		remove_test_dir(NULL);
		make_test_dir(NULL);
	}
}

static void test_no_way_on_is_refused(void **state)
{
	set_format("1");
	test_format = 3;	/* and there is no migration from 1 in this program */
	assert_refused("has format 1", "no way on from format 1");
	test_format = 1;
	store_close(open_test_store());
}

/* A first start that ended before the format was named. */
static void test_unfinished_first_start(void **state)
{
	_cleanup_free_ char *path = test_path("s");
	struct store *s;
	struct txn *t;
	struct slice value;

	OK(store_open(&s, path, &e));
	put_one(s, "early", "bird");
	store_close(s);

	OK(store_open(&s, path, &e));
	t = read_txn(s);
	assert_int_equal(txn_get(t, TABLE_meta, slice_str("format"), &value, &e), 0);
	txn_abort(t);
	OK(store_upgrade(s, &e));
	OK(store_upgrade(s, &e));
	t = read_txn(s);
	assert_int_equal(txn_get(t, TABLE_meta, slice_str("format"), &value, &e), 1);
	assert_true(slice_eq(value, slice_str("1")));
	txn_abort(t);
	assert_one(s, "early", "bird");
	store_close(s);
}

/* An older store may lack tables: they read as empty until the upgrade has made them. */
static void test_older_lacks_tables(void **state)
{
	_cleanup_free_ char *path = test_path("s");
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct slice value;
	int rows = 0;

	OK(txn_delete(t, TABLE_meta, slice_str("format"), &e));
	assert_int_equal(mdb_drop(t->mdb, s->dbi[TABLE_consumer], 1), 0);
	OK(txn_commit(t, &e));
	store_close(s);

	OK(store_open(&s, path, &e));
	t = write_txn(s);
	assert_int_equal(txn_get(t, TABLE_consumer, slice_str("x"), &value, &e), 0);
	assert_int_equal(txn_count(t, TABLE_consumer), 0);
	OK(txn_walk(t, TABLE_consumer, slice(NULL, 0), false, NULL, &rows, &e));
	FAILS(txn_put(t, TABLE_consumer, slice_str("x"), slice_str("y"), &e), STORAGE, "no table consumer");
	txn_abort(t);
	OK(store_upgrade(s, &e));
	t = write_txn(s);
	put(t, TABLE_consumer, "x", "y");
	OK(txn_commit(t, &e));

	t = write_txn(s);
	assert_int_equal(mdb_drop(t->mdb, s->dbi[TABLE_consumer], 1), 0);
	OK(txn_commit(t, &e));
	store_close(s);
	assert_refused("its table consumer is missing", "s: ");		/* in the present format none may */
}

static void test_foreign_file_is_refused(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	MDB_dbi foreign;

	for (size_t i = 0; i < TABLES; i++)
		assert_int_equal(mdb_drop(t->mdb, s->dbi[i], 1), 0);
	assert_int_equal(mdb_dbi_open(t->mdb, "mail", MDB_CREATE, &foreign), 0);
	OK(txn_commit(t, &e));
	store_close(s);
	assert_refused("not of Certera", "s: ");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_newer_is_refused),
		TEST(test_nonsense_is_refused),
		TEST(test_no_way_on_is_refused),
		TEST(test_unfinished_first_start),
		TEST(test_older_lacks_tables),
		TEST(test_foreign_file_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
