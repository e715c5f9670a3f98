/* The agenda: one row a kind and id, in order of due time. */
#include "t/lib/store.h"

/* "issue a 5,prune  7," */
static void assert_agenda(struct txn *t, int max, const char *expected)
{
	struct agenda_row row[20];
	struct buf text = BUF_INIT;
	int rows = agenda_first(t, row, max, &e);

	OK(rows);
	for (int i = 0; i < rows; i++)
		buf_addf(&text, "%s %s %lld,", agenda_kind_name(row[i].kind), row[i].id, (long long)row[i].due);
	assert_string_equal(buf_str(&text), expected);
	buf_release(&text);
}

static void test_order(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);

	assert_agenda(t, 20, "");
	OK(agenda_set(t, AGENDA_issue, "b", 300, &e));
	OK(agenda_set(t, AGENDA_issue, "a", 70000000000, &e));
	OK(agenda_set(t, AGENDA_register, "a", 300, &e));
	OK(agenda_set(t, AGENDA_register, "", 0, &e));
	OK(agenda_set(t, AGENDA_issue, "old", -1, &e));
	OK(agenda_set(t, AGENDA_issue, "first", INT64_MIN, &e));
	OK(agenda_set(t, AGENDA_issue, "last", INT64_MAX, &e));
	assert_agenda(t, 20, "issue first -9223372036854775808,issue old -1,register  0,issue b 300,register a 300,"
		      "issue a 70000000000,issue last 9223372036854775807,");
	assert_agenda(t, 2, "issue first -9223372036854775808,issue old -1,");
	assert_agenda(t, 0, "");
	OK(txn_commit(t, &e));
	check_whole(s);
	store_close(s);
}

static void test_moving(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	int64_t due = 0;

	OK(agenda_set(t, AGENDA_issue, "a", 100, &e));
	OK(agenda_set(t, AGENDA_issue, "b", 200, &e));
	OK(agenda_set(t, AGENDA_issue, "a", 300, &e));
	OK(agenda_set(t, AGENDA_issue, "a", 300, &e));
	assert_agenda(t, 20, "issue b 200,issue a 300,");
	assert_int_equal(agenda_due(t, AGENDA_issue, "a", &due, &e), 1);
	assert_int_equal(due, 300);
	assert_int_equal(agenda_due(t, AGENDA_register, "a", &due, &e), 0);
	assert_int_equal(agenda_due(t, AGENDA_issue, "ab", &due, &e), 0);
	OK(agenda_delete(t, AGENDA_issue, "a", &e));
	OK(agenda_delete(t, AGENDA_issue, "a", &e));
	OK(agenda_delete(t, AGENDA_register, "b", &e));
	assert_agenda(t, 20, "issue b 200,");
	OK(txn_commit(t, &e));
	check_whole(s);
	store_close(s);
}

static void test_ids_have_bounds(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct agenda_row row;
	char id[65];
	int64_t due;

	memset(id, 'i', 64);
	id[64] = '\0';
	FAILS(agenda_set(t, AGENDA_issue, id, 1, &e), INVALID, "iiii");
	FAILS(agenda_delete(t, AGENDA_issue, id, &e), INVALID, "iiii");
	FAILS(agenda_due(t, AGENDA_issue, id, &due, &e), INVALID, "iiii");
	id[63] = '\0';
	OK(agenda_set(t, AGENDA_issue, id, 1, &e));
	assert_int_equal(agenda_first(t, &row, 1, &e), 1);
	assert_string_equal(row.id, id);
	txn_abort(t);
	store_close(s);
}

static void test_damage_is_told(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct agenda_row row;
	int64_t due;

	OK(txn_put(t, TABLE_agenda, slice_str("short"), slice(NULL, 0), &e));
	FAILS(agenda_first(t, &row, 1, &e), STORAGE, "damaged");
	OK(txn_put(t, TABLE_agenda_due, slice_str("\x01" "a"), slice_str("not 8"), &e));
	FAILS(agenda_due(t, AGENDA_issue, "a", &due, &e), STORAGE, "damaged");
	txn_abort(t);
	store_close(s);
}

static void test_names(void **state)
{
	assert_string_equal(agenda_kind_name(AGENDA_issue), "issue");
	assert_string_equal(agenda_kind_name((enum agenda_kind)255), "unknown");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_moving),
		TEST(test_ids_have_bounds),
		TEST(test_damage_is_told),
		cmocka_unit_test(test_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
