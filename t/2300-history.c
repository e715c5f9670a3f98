/* The audit log: what it tells, and that tampering shows. */
#include "t/lib/store.h"

#include "base/clock.h"

#define EVENTS 20

static void add(struct txn *t, const char *object, int number)
{
	const struct event_of of = { "anna", "192.0.2.1", "certificate.added", object, "www", NULL };

	OK(history_add(t, &of, &e, "%s number %d", "event", number));
}

/* Events 1 to 20, every third about "b", the others about "a". */
static struct store *store_with_events(void)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);

	for (int i = 1; i <= EVENTS; i++)
		add(t, i % 3 ? "a" : "b", i);
	OK(txn_commit(t, &e));
	return s;
}

static void test_fields(void **state)
{
	const struct event_of bare = { .action = "store.opened", .object = "" };
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_event event = { 0 };
	int64_t events;

	add(t, "id1", 1);
	OK(history_add(t, &bare, &e, "%s", ""));
	OK(rec_event_get(t, &event, "0000000000000001", &e));
	assert_string_equal(event.actor, "anna");
	assert_string_equal(event.address, "192.0.2.1");
	assert_string_equal(event.action, "certificate.added");
	assert_string_equal(event.object, "id1");
	assert_string_equal(event.name, "www");
	assert_string_equal(event.message, "event number 1");
	assert_in_range(clock_now() - event.time, 0, 60);
	assert_int_equal(event.chain.len, 32);
	OK(rec_event_get(t, &event, "0000000000000002", &e));
	assert_string_equal(event.action, "store.opened");
	assert_null(event.actor);
	assert_int_equal(txn_count(t, TABLE_event_object), 2);	/* by its id, by its name */
	OK(history_verify(t, &events, &e));
	assert_int_equal(events, 2);
	txn_abort(t);
	t = read_txn(s);
	OK(history_verify(t, &events, &e));
	assert_int_equal(events, 0);		/* an event is part of its transaction */
	txn_abort(t);
	rec_event_release(&event);
	store_close(s);
}

struct met {
	struct buf numbers;
	int most;		/* then stop */
};

static int note(void *arg, void *rec, struct err *err)
{
	const struct rec_event *event = rec;
	struct met *met = arg;

	buf_addf(&met->numbers, "%lld,", strtoll(event->id, NULL, 16));
	return --met->most == 0;
}

static void assert_each(struct txn *t, const char *object, int64_t before, int most, const char *expected)
{
	struct met met = { .most = most };

	OK(history_each(t, object, before, note, &met, &e));
	assert_string_equal(buf_str(&met.numbers), expected);
	buf_release(&met.numbers);
}

static void test_each(void **state)
{
	struct store *s = store_with_events();
	struct txn *t = write_txn(s);

	add(t, "aa", 21);
	OK(txn_commit(t, &e));
	t = read_txn(s);
	assert_each(t, NULL, 0, 3, "21,20,19,");
	assert_each(t, NULL, 4, -1, "3,2,1,");
	assert_each(t, NULL, 1, -1, "");
	assert_each(t, NULL, 1000, 1, "21,");
	assert_each(t, "a", 0, 3, "20,19,17,");
	assert_each(t, "a", 5, -1, "4,2,1,");
	assert_each(t, "b", 0, -1, "18,15,12,9,6,3,");
	assert_each(t, "b", 18, -1, "15,12,9,6,3,");
	assert_each(t, "b", 19, 1, "18,");
	assert_each(t, "aa", 0, -1, "21,");
	assert_each(t, "c", 0, -1, "");
	assert_each(t, "", 0, -1, "");
	txn_abort(t);
	store_close(s);
}

static void test_each_fails(void **state)
{
	struct store *s = store_with_events();
	struct txn *t = write_txn(s);
	struct met met = { .most = -1 };

	OK(txn_put(t, TABLE_event, slice_str("0000000000000012"), slice_str("?"), &e));
	FAILS(history_each(t, NULL, 0, note, &met, &e), STORAGE, "0000000000000012");
	FAILS(history_each(t, "b", 0, note, &met, &e), STORAGE, "0000000000000012");
	txn_abort(t);
	buf_release(&met.numbers);
	store_close(s);
}

static char *key_of(int number)
{
	return xasprintf("%016x", (unsigned)number);
}

/* The stored bytes of an event.  Owned. */
static void load(struct txn *t, int number, struct buf *bytes)
{
	_cleanup_free_ char *key = key_of(number);
	struct slice value;

	assert_int_equal(txn_get(t, TABLE_event, slice_str(key), &value, &e), 1);
	buf_clear(bytes);
	buf_add(bytes, value.data, value.len);
}

static void store_bytes(struct txn *t, int number, const struct buf *bytes)
{
	_cleanup_free_ char *key = key_of(number);

	OK(txn_put(t, TABLE_event, slice_str(key), slice_buf(bytes), &e));
}

static void drop(struct txn *t, int number)
{
	_cleanup_free_ char *key = key_of(number);

	OK(txn_delete(t, TABLE_event, slice_str(key), &e));
}

static void change_message(struct txn *t)
{
	struct rec_event event = { 0 };

	OK(rec_event_get(t, &event, "0000000000000007", &e));
	record_set(&event.message, "nothing happened");
	OK(rec_event_put(t, &event, &e));
	rec_event_release(&event);
}

static void change_time(struct txn *t)
{
	struct rec_event event = { 0 };

	OK(rec_event_get(t, &event, "0000000000000014", &e));
	event.time++;
	OK(rec_event_put(t, &event, &e));
	rec_event_release(&event);
}

static void add_unknown_field(struct txn *t)
{
	struct buf bytes = BUF_INIT;

	load(t, 7, &bytes);
	buf_add(&bytes, "\x63\x01x", 3);
	store_bytes(t, 7, &bytes);
	buf_release(&bytes);
}

static void cut_short(struct txn *t)
{
	struct buf bytes = BUF_INIT;

	load(t, 7, &bytes);
	bytes.len--;
	store_bytes(t, 7, &bytes);
	buf_release(&bytes);
}

static void swap(struct txn *t)
{
	struct buf seven = BUF_INIT, eight = BUF_INIT;

	load(t, 7, &seven);
	load(t, 8, &eight);
	store_bytes(t, 7, &eight);
	store_bytes(t, 8, &seven);
	buf_release(&seven);
	buf_release(&eight);
}

static void drop_first(struct txn *t)
{
	drop(t, 1);
}

static void drop_middle(struct txn *t)
{
	drop(t, 7);
}

static void drop_last(struct txn *t)
{
	drop(t, 19);
	drop(t, 20);
}

static void drop_all(struct txn *t)
{
	for (int i = 1; i <= EVENTS; i++)
		drop(t, i);
}

/* Event 7 goes, and all behind it move up. */
static void renumber(struct txn *t)
{
	char id[17];

	for (int i = 8; i <= EVENTS; i++) {
		struct rec_event event = { 0 };
		_cleanup_free_ char *key = key_of(i);

		OK(rec_event_get(t, &event, key, &e));
		snprintf(id, sizeof(id), "%016x", (unsigned)i - 1);
		record_set(&event.id, id);
		OK(rec_event_put(t, &event, &e));
		rec_event_release(&event);
	}
	drop(t, EVENTS);
}

static void insert_between(struct txn *t)
{
	struct buf bytes = BUF_INIT;

	load(t, 7, &bytes);
	OK(txn_put(t, TABLE_event, slice_str("0000000000000007x"), slice_buf(&bytes), &e));
	buf_release(&bytes);
}

static void insert_before(struct txn *t)
{
	struct buf bytes = BUF_INIT;

	load(t, 1, &bytes);
	store_bytes(t, 0, &bytes);
	buf_release(&bytes);
}

static void append(struct txn *t)
{
	struct buf bytes = BUF_INIT;

	load(t, 20, &bytes);
	store_bytes(t, 21, &bytes);
	buf_release(&bytes);
}

/* A proper event behind the last, but the head was put back. */
static void append_well_made(struct txn *t)
{
	struct buf head = BUF_INIT;
	struct slice value;

	assert_int_equal(txn_get(t, TABLE_meta, slice_str("event_head"), &value, &e), 1);
	buf_add(&head, value.data, value.len);
	add(t, "a", 21);
	OK(txn_put(t, TABLE_meta, slice_str("event_head"), slice_buf(&head), &e));
	buf_release(&head);
}

static void change_head(struct txn *t)
{
	struct buf head = BUF_INIT;
	struct slice value;

	assert_int_equal(txn_get(t, TABLE_meta, slice_str("event_head"), &value, &e), 1);
	buf_add(&head, value.data, value.len);
	head.data[39] ^= 1;
	OK(txn_put(t, TABLE_meta, slice_str("event_head"), slice_buf(&head), &e));
	buf_release(&head);
}

static void shorten_head(struct txn *t)
{
	put(t, TABLE_meta, "event_head", "short");
}

static void drop_head(struct txn *t)
{
	OK(txn_delete(t, TABLE_meta, slice_str("event_head"), &e));
}

static void test_tampering_shows(void **state)
{
	static const struct {
		void (*tamper)(struct txn *);
		const char *words;
	} tamperings[] = {
		{ change_message, "event 7 was changed" },
		{ change_time, "event 20 was changed" },
		{ add_unknown_field, "event 7 was changed" },
		{ cut_short, "event 7 cannot be read" },
		{ swap, "event 7 was changed" },
		{ drop_first, "event 1 is missing" },
		{ drop_middle, "event 7 is missing" },
		{ drop_last, "event 19 is missing" },
		{ drop_all, "event 1 is missing" },
		{ renumber, "event 7 was changed" },
		{ insert_between, "event 8 has a stranger" },
		{ insert_before, "event 1 has a stranger" },
		{ append, "event 21 was changed" },
		{ append_well_made, "event 21 was added" },
		{ change_head, "event 20 is not the last" },
		{ shorten_head, "its head has 5 bytes" },
		{ drop_head, "event 1 was added" },
	};
	struct store *s = store_with_events();
	int64_t events;

	for (size_t i = 0; i < ARRAY_SIZE(tamperings); i++) {
		struct txn *t = write_txn(s);

		OK(history_verify(t, &events, &e));
		assert_int_equal(events, EVENTS);
		tamperings[i].tamper(t);
		FAILS(history_verify(t, &events, &e), STORAGE, tamperings[i].words);
		txn_abort(t);
	}
	store_close(s);
}

static struct store *open_other_store(void)
{
	char *path = test_path("other");
	struct store *s;

	OK(store_open(&s, path, &e));
	OK(store_upgrade(s, &e));
	free(path);
	return s;
}

/* The seal is of an event of this log, or it shows: the log shortened with its head, written anew, the seal spoiled. */
static void test_seal(void **state)
{
	struct store *s = store_with_events(), *other = open_other_store();
	struct history_seal seal = { { 0 }, { 0 } };
	struct txn *t = write_txn(s);
	int64_t events;

	assert_int_equal(history_seal_get(t, &seal, &e), 0);
	assert_int_equal(history_head(t, seal.head, &e), 1);
	OK(history_seal_put(t, &seal, &e));
	assert_int_equal(history_seal_get(t, &seal, &e), 1);
	OK(history_verify(t, &events, &e));
	add(t, "a", EVENTS + 1);
	OK(history_verify(t, &events, &e));		/* what came since is not sealed yet */
	txn_abort(t);

	/* The same number of events, every chain value right: but not those that were sealed. */
	t = write_txn(other);
	for (int i = 1; i <= EVENTS; i++)
		add(t, "a", i);
	OK(history_verify(t, &events, &e));
	OK(history_seal_put(t, &seal, &e));
	FAILS(history_verify(t, &events, &e), STORAGE, "event 20 is not the one that the keeper has sealed");
	seal.head[7]++;
	OK(history_seal_put(t, &seal, &e));
	FAILS(history_verify(t, &events, &e), STORAGE, "event 21 is missing, which the keeper has sealed");
	OK(txn_put(t, TABLE_meta, slice_str("event_seal"), slice_str("short"), &e));
	FAILS(history_verify(t, &events, &e), STORAGE, "its seal has 5 bytes");
	txn_abort(t);
	store_close(other);
	store_close(s);
}

/* Every bit of every event counts. */
static void test_every_bit_counts(void **state)
{
	struct store *s = store_with_events();
	struct buf bytes = BUF_INIT;
	struct txn *t = write_txn(s);
	int64_t events;

	load(t, 5, &bytes);
	for (size_t i = 0; i < bytes.len * 8; i++) {
		bytes.data[i / 8] ^= (char)(1 << i % 8);
		store_bytes(t, 5, &bytes);
		FAILS(history_verify(t, &events, &e), STORAGE, "event 5 ");
		bytes.data[i / 8] ^= (char)(1 << i % 8);
	}
	store_bytes(t, 5, &bytes);
	OK(history_verify(t, &events, &e));
	txn_abort(t);
	buf_release(&bytes);
	store_close(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_fields),
		TEST(test_each),
		TEST(test_each_fails),
		TEST(test_tampering_shows),
		TEST(test_every_bit_counts),
		TEST(test_seal),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
