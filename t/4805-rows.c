/* Rows: what lists need of records, kept a second time, always as the records are; and the check that finds where they are not. */
#include "t/lib/store.h"

#include "store/status.h"

struct seen {
	size_t count;
	char name[8][32];
	int64_t not_after[8];
};

static int see(void *arg, const void *rec, const struct slice *value, struct err *err)
{
	const struct rec_cert *cert = rec;
	struct seen *seen = arg;
	struct slice names = value[REC_cert_names], one;
	size_t texts = 0;

	while (record_next_text(&names, &one))
		texts++;
	assert_int_equal(texts, 2);
	assert_null(cert->name);			/* texts are not in the record */
	assert_null(value[REC_cert_note].data);		/* what is no ROW field is nowhere */
	snprintf(seen->name[seen->count], sizeof(seen->name[0]), "%.*s", (int)value[REC_cert_name].len,
		 (const char *)value[REC_cert_name].data);
	seen->not_after[seen->count++] = cert->not_after;
	return 0;
}

static void put_shop(struct txn *t, const char *id, const char *name, int64_t not_after)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { .not_after = not_after };

	record_set(&cert.id, id);
	record_set(&cert.name, name);
	record_set(&cert.key_id, "k");
	record_set(&cert.note, "long and of no interest for lists");
	strv_add(&cert.names, "a.example");
	strv_add(&cert.names, "b.example");
	OK(rec_cert_put(t, &cert, &e));
}

static struct seen look(struct txn *t)
{
	struct seen seen = { .count = 0 };

	OK(record_skim(t, &rec_cert_type, see, &seen, &e));
	return seen;
}

static void test_rows_follow(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct seen seen;

	put_shop(t, "z", "first", 1);
	put_shop(t, "a", "second", -2);
	put_shop(t, "m", "third", INT64_MAX);
	seen = look(t);
	assert_int_equal(seen.count, 3);		/* in the order in which they came */
	assert_string_equal(seen.name[0], "first");
	assert_string_equal(seen.name[1], "second");
	assert_int_equal(seen.not_after[1], -2);
	assert_int_equal(seen.not_after[2], INT64_MAX);
	put_shop(t, "a", "renamed", 7);			/* a struct that never knew its row */
	seen = look(t);
	assert_int_equal(seen.count, 3);
	assert_string_equal(seen.name[1], "renamed");
	assert_int_equal(seen.not_after[1], 7);
	OK(rec_cert_delete(t, "m", &e));
	OK(rec_cert_delete(t, "nobody", &e));
	assert_int_equal(look(t).count, 2);
	put_shop(t, "n", "fourth", 4);
	assert_string_equal(look(t).name[2], "fourth");
	txn_abort(t);
	store_close(s);
}

static void test_changes_are_counted(void **state)
{
	struct store *s = open_test_store();
	uint64_t before = store_changes(s, TABLE_cert_row);
	struct txn *t = write_txn(s);

	put_shop(t, "a", "one", 1);
	assert_int_equal(store_changes(s, TABLE_cert_row), before);	/* not yet */
	OK(commit_now(s, t, &e));
	assert_int_equal(store_changes(s, TABLE_cert_row), before + 1);
	t = write_txn(s);
	put_shop(t, "a", "one", 1);						/* the same again */
	OK(commit_now(s, t, &e));
	assert_int_equal(store_changes(s, TABLE_cert_row), before + 1);
	assert_true(store_changes(s, TABLE_cert) > before);
	t = write_txn(s);
	put_shop(t, "b", "two", 1);
	txn_abort(t);
	assert_int_equal(store_changes(s, TABLE_cert_row), before + 1);
	store_close(s);
}

static int64_t next(uint64_t *seed, int64_t most)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)(*seed >> 33) % most;
}

enum kind { KIND_STR, KIND_STRV, KIND_BLOB, KIND_BOOL, KIND_INT, KIND_TIME };

static void fill_one(void *field, enum kind kind, uint64_t *seed)
{
	if (kind == KIND_BOOL)
		*(bool *)field = next(seed, 6) == 0;
	else if (kind == KIND_INT)
		*(int64_t *)field = next(seed, 3) ? 0 : next(seed, 4);
	else if (kind == KIND_TIME)
		*(int64_t *)field = next(seed, 3) ? next(seed, 2000) : 0;
}

/* Every number and flag of a certificate is something, or nothing. */
static void fill(struct rec_cert *cert, uint64_t seed)
{
#define RECORD(rec, table, index, doc)
#define FIELD(rec, tag, type, name, flags, doc) \
	if (str_eq(#rec, "cert")) \
		fill_one((char *)cert + offsetof(struct rec_##rec, name), KIND_##type, &seed);
#define END(rec)
#include "store/record/record.def"
#undef RECORD
#undef FIELD
#undef END
}

/* A status by a row is that by the whole record: all that cert_status() looks at is in rows. */
static int compare_status(void *arg, const void *rec, const struct slice *value, struct err *err)
{
	_cleanup_(rec_cert_release) struct rec_cert whole = { 0 };
	_cleanup_free_ char *id = xstrndup(value[REC_cert_id].data, value[REC_cert_id].len);

	OK(rec_cert_get(arg, &whole, id, &e));
	for (int64_t now = 0; now < 2000; now += 7)
		if (cert_status(rec, now) != cert_status(&whole, now))
			fail_msg("%s instead of %s: a field that cert_status() looks at is no ROW field in record.def",
				 cert_status_word(cert_status(rec, now)), cert_status_word(cert_status(&whole, now)));
	return 0;
}

static void test_status_of_rows(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);

	for (int i = 0; i < 500; i++) {
		_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

		fill(&cert, (uint64_t)i);
		cert.row = 0;
		cert.id = xasprintf("%d", i);
		cert.name = xasprintf("n%d", i);
		OK(rec_cert_put(t, &cert, &e));
	}
	OK(record_skim(t, &rec_cert_type, compare_status, t, &e));
	txn_abort(t);
	store_close(s);
}

static int first_key(void *arg, struct slice key, struct slice value, struct err *err)
{
	buf_add(arg, key.data, key.len);
	return 1;
}

static void test_verify(void **state)
{
	static const struct {
		enum table table;
		const char *says;
	} damages[] = { { TABLE_cert_row, "what lists know of it" }, { TABLE_cert_name, "its name leads elsewhere" },
			{ TABLE_cert_ref, "it is not found by what it says" },
			{ TABLE_cert_order, "it is not in the order" } };

	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct store *s = open_test_store();
		struct txn *t = write_txn(s);
		struct buf key = BUF_INIT;
		int64_t records = 0;

		put_shop(t, "a", "one", 1);
		OK(record_verify_all(t, &records, &e));
		assert_int_equal(records, 1);
		OK(txn_walk(t, damages[i].table, slice(NULL, 0), false, first_key, &key, &e));
		OK(txn_delete(t, damages[i].table, slice_buf(&key), &e));
		FAILS(record_verify_all(t, &records, &e), STORAGE, damages[i].says);
		buf_release(&key);
		txn_abort(t);
		store_close(s);
	}
}

static int list_id(void *arg, void *rec, struct err *err)
{
	buf_addf(arg, "%s ", ((const struct rec_cert *)rec)->id);
	return 0;
}

static void assert_with(struct txn *t, const char *key_id, const char *ids)
{
	_cleanup_buf_ struct buf found = BUF_INIT;

	OK(record_each_with(t, &rec_cert_type, REC_cert_key_id, key_id, list_id, &found, &e));
	assert_string_equal(buf_str(&found), ids);
}

/* Who has a key is found by it, and no longer when it has another one, or is gone. */
static void test_refs_follow(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_cert cert = { 0 };
	int64_t records = 0;

	put_shop(t, "a", "one", 1);
	put_shop(t, "b", "two", 1);
	put_shop(t, "a", "one", 2);
	assert_with(t, "k", "a b ");
	assert_with(t, "", "");
	assert_with(t, NULL, "");
	OK(rec_cert_get(t, &cert, "a", &e));
	record_set(&cert.key_id, "kk");			/* of which the other one is the beginning */
	record_set(&cert.public_key, "k");
	OK(rec_cert_put(t, &cert, &e));
	assert_with(t, "k", "b ");
	assert_with(t, "kk", "a ");
	OK(record_verify_all(t, &records, &e));
	put(t, TABLE_cert_ref, "more", "b");
	FAILS(record_verify_all(t, &records, &e), STORAGE, "more is known");
	OK(txn_delete(t, TABLE_cert_ref, slice_str("more"), &e));
	OK(rec_cert_delete(t, "a", &e));
	assert_with(t, "kk", "");
	OK(record_verify_all(t, &records, &e));
	rec_cert_release(&cert);
	txn_abort(t);
	store_close(s);
}

struct page {
	struct record_page of;
	char names[4096];
};

static int list_name(void *arg, void *rec, struct err *err)
{
	struct page *page = arg;
	size_t len = strlen(page->names);

	snprintf(page->names + len, sizeof(page->names) - len, "%s ", ((const struct rec_cert *)rec)->name);
	return 0;
}

static void assert_page(struct txn *t, struct record_page of, const char *names)
{
	struct page page = { .names = "" };

	OK(record_page(t, &rec_cert_type, &of, list_name, &page, &e));
	assert_string_equal(page.names, names);
}

/* Pages are what sorting says: changes move a record, zero is first or last, equal ones go by name. */
static void test_orders_follow(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	int64_t records = 0;

	put_shop(t, "z", "b", 5);
	put_shop(t, "y", "a", 5);
	put_shop(t, "x", "d", -3);
	put_shop(t, "w", "c", 0);
	assert_page(t, (struct record_page){ REC_cert_not_after, false, 0, 10 }, "d a b c ");
	assert_page(t, (struct record_page){ REC_cert_not_after, true, 0, 10 }, "c b a d ");
	assert_page(t, (struct record_page){ REC_cert_not_after, false, 1, 2 }, "a b ");
	assert_page(t, (struct record_page){ REC_cert_not_after, false, 4, 2 }, "");
	assert_page(t, (struct record_page){ REC_cert_name, true, 1, 2 }, "c b ");
	assert_page(t, (struct record_page){ REC_cert_created, false, 0, 10 }, "a b c d ");
	OK(commit_now(s, t, &e));
	t = write_txn(s);
	put_shop(t, "z", "e", 5);			/* a new name, and a new time */
	put_shop(t, "y", "a", 9);
	OK(rec_cert_delete(t, "x", &e));
	assert_page(t, (struct record_page){ REC_cert_not_after, false, 0, 10 }, "e a c ");
	assert_page(t, (struct record_page){ REC_cert_name, false, 0, 10 }, "a c e ");
	assert_int_equal(record_count(t, &rec_cert_type), 3);
	OK(record_verify_all(t, &records, &e));
	put(t, TABLE_cert_order, "more", "");
	FAILS(record_verify_all(t, &records, &e), STORAGE, "more is known of their order");
	txn_abort(t);
	store_close(s);
}

static int sort_them(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Any changes, and then all pages of any order. */
static void test_orders_of_many(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	int64_t ends[40] = { 0 };
	uint64_t seed = 7;

	for (int i = 0; i < 400; i++) {
		int64_t n = next(&seed, 40), end = next(&seed, 3) ? next(&seed, 6) + 1 : 0;
		_cleanup_free_ char *id = xasprintf("%lld", (long long)(n * 7919 % 1000)), *name = xasprintf("n%02lld", (long long)n);

		ends[n] = end + 1;
		put_shop(t, id, name, end);
		if (i % 50 == 49) {
			OK(commit_now(s, t, &e));
			t = write_txn(s);
		}
	}
	for (int64_t first = 0; first < 42; first += 3) {
		_cleanup_strv_ char **all = NULL;
		_cleanup_buf_ struct buf expected = BUF_INIT;
		struct page page = { .names = "" };

		for (int n = 0; n < 40; n++) {
			_cleanup_free_ char *line = xasprintf("%lld n%02d ", ends[n] == 1 ? 9LL : (long long)ends[n], n);

			if (ends[n])
				strv_add(&all, line);
		}
		qsort(all, strv_len(all), sizeof(*all), sort_them);
		for (int64_t i = first; i < MIN(first + 3, (int64_t)strv_len(all)); i++)
			buf_add_str(&expected, all[i] + 2);
		page.of = (struct record_page){ REC_cert_not_after, false, first, 3 };
		OK(record_page(t, &rec_cert_type, &page.of, list_name, &page, &e));
		assert_string_equal(page.names, buf_str(&expected));
	}
	txn_abort(t);
	store_close(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = { TEST(test_rows_follow), TEST(test_changes_are_counted), TEST(test_refs_follow), TEST(test_verify),
					    TEST(test_status_of_rows), TEST(test_orders_follow), TEST(test_orders_of_many) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
