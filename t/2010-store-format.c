/*
 * Formats of the store: newer ones are refused, older ones migrated.  To have a newer one, this test is a program around
 * format.c itself.
 */
#include "store/db/format.h"

#undef STORE_FORMAT
#define STORE_FORMAT test_format
static int test_format = 7;

#include "store/db/format.c"

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
	set_format("8");
	assert_refused("has format 8", "up to 7");
	assert_true(strlen(e.hint) > 0);
	test_format = 8;	/* the newer program still opens it */
	store_close(open_test_store());
	test_format = 7;
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
	assert_true(slice_eq(value, slice_str("7")));
	txn_abort(t);
	assert_one(s, "early", "bird");
	store_close(s);
}

/* Behind the store's back, in LMDB. */
static void drop_tables(struct store *s, size_t from, size_t to, const char *make)
{
	MDB_txn *txn;
	MDB_dbi made;

	assert_int_equal(mdb_txn_begin(s->env, NULL, 0, &txn), 0);
	for (size_t i = from; i < to; i++)
		assert_int_equal(mdb_drop(txn, s->dbi[i], 1), 0);
	if (make)
		assert_int_equal(mdb_dbi_open(txn, make, MDB_CREATE, &made), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
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
	OK(commit_now(s, t, &e));
	drop_tables(s, TABLE_consumer, TABLE_consumer + 1, NULL);
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
	OK(commit_now(s, t, &e));

	drop_tables(s, TABLE_consumer, TABLE_consumer + 1, NULL);
	store_close(s);
	assert_refused("its table consumer is missing", "s: ");		/* in the present format none may */
}

static int count_cert(void *arg, void *rec, struct err *err)
{
	++*(int *)arg;
	return 0;
}

/* Format 1 did not know which certificates have a key. */
static void test_format_1_learns_who_has_a_key(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_cert cert = { .id = (char *)"c", .name = (char *)"www", .key_id = (char *)"k" };
	int64_t records = 0;
	int count = 0;

	OK(rec_cert_put(t, &cert, &e));
	put(t, TABLE_meta, "format", "1");
	OK(commit_now(s, t, &e));
	drop_tables(s, TABLE_cert_ref, TABLE_cert_ref + 1, NULL);
	drop_tables(s, TABLE_compromise, TABLE_compromise + 1, NULL);
	store_close(s);

	s = open_test_store();
	t = read_txn(s);
	OK(record_each_with(t, &rec_cert_type, REC_cert_key_id, "k", count_cert, &count, &e));
	assert_int_equal(count, 1);
	OK(record_verify_all(t, &records, &e));
	txn_abort(t);
	store_close(s);
}

/* Format 5 had no orders to page through. */
static void test_format_5_learns_orders(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_cert first = { .id = (char *)"c", .name = (char *)"www", .not_after = 9 };
	struct rec_cert second = { .id = (char *)"d", .name = (char *)"zzz", .not_after = 3 };
	struct record_page of = { REC_cert_not_after, false, 1, 1 };
	int64_t records = 0;
	int count = 0;

	OK(rec_cert_put(t, &first, &e));
	OK(rec_cert_put(t, &second, &e));
	put(t, TABLE_meta, "format", "5");
	OK(commit_now(s, t, &e));
	drop_tables(s, TABLE_cert_order, TABLE_cert_order + 1, NULL);
	drop_tables(s, TABLE_order_order, TABLE_order_order + 1, NULL);
	store_close(s);

	s = open_test_store();
	t = read_txn(s);
	OK(record_page(t, &rec_cert_type, &of, count_cert, &count, &e));
	assert_int_equal(count, 1);
	OK(record_verify_all(t, &records, &e));
	txn_abort(t);
	store_close(s);
}

/* Format 4 had a different spelling of an order's result, and no settings. */
static void test_format_4_learns_to_spell(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_order order = { .id = (char *)"c/00000001", .result = (char *)"cancelled" }, now = { 0 };

	OK(rec_order_put(t, &order, &e));
	order = (struct rec_order){ .id = (char *)"c/00000002", .result = (char *)"issued" };
	OK(rec_order_put(t, &order, &e));
	put(t, TABLE_meta, "format", "4");
	OK(commit_now(s, t, &e));
	drop_tables(s, TABLE_setting, TABLE_setting + 1, NULL);
	drop_tables(s, TABLE_reader, TABLE_reader + 1, NULL);
	store_close(s);

	s = open_test_store();
	t = read_txn(s);
	OK(rec_order_get(t, &now, "c/00000001", &e));
	assert_string_equal(now.result, "canceled");
	OK(rec_order_get(t, &now, "c/00000002", &e));
	assert_string_equal(now.result, "issued");
	rec_order_release(&now);
	txn_abort(t);
	store_close(s);
}

static void test_foreign_file_is_refused(void **state)
{
	struct store *s = open_test_store();

	drop_tables(s, 0, TABLES, "mail");
	store_close(s);
	assert_refused("not of Certera", "s: ");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_newer_is_refused),
		TEST(test_nonsense_is_refused),
		TEST(test_unfinished_first_start),
		TEST(test_older_lacks_tables),
		TEST(test_format_1_learns_who_has_a_key),
		TEST(test_format_5_learns_orders),
		TEST(test_format_4_learns_to_spell),
		TEST(test_foreign_file_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
