/* Records: their bytes, their index, their JSON. */
#include "t/lib/store.h"

static void fill(struct rec_cert *c, const char *id, const char *name)
{
	record_set(&c->id, id);
	record_set(&c->name, name);
	record_set(&c->key_type, "p256");
	strv_add(&c->names, "dns:www.example.org");
	strv_add(&c->names, "");
	strv_add(&c->names, "ip:192.0.2.1");
	record_set_blob(&c->access, slice("\0\1\2", 3));
	c->disabled = true;
	c->created = 1700000000;
	c->not_before = -5;
	c->renew_at = INT64_MAX;
	c->retry_at = INT64_MIN;
	c->failures = 300;
	record_set(&c->error, "{\"status\":403,\"detail\":\"the redirect is missing\"}");
}

static void assert_filled(const struct rec_cert *c, const char *id, const char *name)
{
	assert_string_equal(c->id, id);
	assert_string_equal(c->name, name);
	assert_string_equal(c->key_type, "p256");
	assert_int_equal(strv_len(c->names), 3);
	assert_string_equal(c->names[0], "dns:www.example.org");
	assert_string_equal(c->names[1], "");
	assert_string_equal(c->names[2], "ip:192.0.2.1");
	assert_true(slice_eq(slice_buf(&c->access), slice("\0\1\2", 3)));
	assert_true(c->disabled);
	assert_false(c->staging);
	assert_int_equal(c->created, 1700000000);
	assert_int_equal(c->not_before, -5);
	assert_true(c->renew_at == INT64_MAX);
	assert_true(c->retry_at == INT64_MIN);
	assert_int_equal(c->failures, 300);
	assert_non_null(strstr(c->error, "403"));
	assert_null(c->account_id);
	assert_int_equal(c->not_after, 0);
}

static void put_cert(struct txn *t, const char *id, const char *name, bool staging)
{
	struct rec_cert c = { .staging = staging };

	record_set(&c.id, id);
	record_set(&c.name, name);
	OK(rec_cert_put(t, &c, &e));
	rec_cert_release(&c);
}

static void test_round_trip(void **state)
{
	struct store *s = open_test_store();
	struct rec_cert c = { 0 }, back = { 0 };
	struct txn *t = write_txn(s);

	fill(&c, "id1", "www");
	OK(rec_cert_put(t, &c, &e));
	OK(txn_commit(t, &e));
	t = read_txn(s);
	OK(rec_cert_get(t, &back, "id1", &e));
	assert_filled(&back, "id1", "www");
	OK(rec_cert_get(t, &back, back.id, &e));		/* its own id, and filled already */
	assert_filled(&back, "id1", "www");
	OK(rec_cert_by_name(t, &back, "www", false, &e));
	assert_filled(&back, "id1", "www");
	FAILS(rec_cert_get(t, &back, "id2", &e), MISSING, "no certificate with the id \"id2\"");
	assert_filled(&back, "id1", "www");			/* left alone */
	FAILS(rec_cert_by_name(t, &back, "other", false, &e), MISSING, "no certificate named \"other\"");
	FAILS(rec_cert_by_name(t, &back, "www", true, &e), MISSING, "no staging certificate named \"www\"");
	FAILS(rec_cert_by_name(t, &back, NULL, true, &e), MISSING, "no staging certificate named \"\"");
	txn_abort(t);
	rec_cert_release(&c);
	assert_null(c.name);
	rec_cert_release(&c);
	rec_cert_release(&back);
	store_close(s);
}

static void test_empty_is_one_byte(void **state)
{
	struct rec_order o = { 0 };
	struct buf bytes = BUF_INIT;

	record_set(&o.id, "");
	record_encode(&rec_order_type, &o, &bytes);
	assert_int_equal(bytes.len, 1);
	rec_order_release(&o);
	OK(record_decode(&rec_order_type, &o, slice_buf(&bytes), &e));
	assert_null(o.id);
	assert_null(o.log);
	buf_release(&bytes);
}

/* The bytes on disk are a promise to later programs: version, then tag, length, value. */
static void test_bytes(void **state)
{
	struct rec_challenge c = { .created = -2 };
	struct buf bytes = BUF_INIT;

	record_set(&c.id, "ab");
	record_encode(&rec_challenge_type, &c, &bytes);
	assert_int_equal(bytes.len, 8);
	assert_memory_equal(bytes.data, "\x01" "\x01\x02" "ab" "\x04\x01\x03", 8);
	rec_challenge_release(&c);
	buf_release(&bytes);
}

/* And in the order of tags, so that rows of record.def may be moved: what is stored is compared with what would be. */
static void test_order_of_bytes(void **state)
{
	static const char want[] = "\x01" "\x01\x01" "a" "\x0d\x01\x02" "\x82\x01\x01" "o";
	struct rec_cert c = { .current = 1 };
	struct buf bytes = BUF_INIT;

	assert_true(REC_cert_owner_id < REC_cert_current);	/* else this shows nothing */
	record_set(&c.id, "a");
	record_set(&c.owner_id, "o");
	record_encode(&rec_cert_type, &c, &bytes);
	assert_int_equal(bytes.len, sizeof(want) - 1);
	assert_memory_equal(bytes.data, want, sizeof(want) - 1);
	rec_cert_release(&c);
	buf_release(&bytes);
}

static void test_unknown_fields_are_skipped(void **state)
{
	static const char bytes[] = "\x01" "\x01\x02" "ab" "\xff\x7f\x03" "new" "\x04\x01\x06";
	struct rec_challenge c = { 0 };

	OK(record_decode(&rec_challenge_type, &c, slice(bytes, sizeof(bytes) - 1), &e));
	assert_string_equal(c.id, "ab");
	assert_int_equal(c.created, 3);
	rec_challenge_release(&c);
}

static void test_damage_is_told(void **state)
{
	static const struct {
		struct slice bytes;
		const char *words;
	} damages[] = {
#define BYTES(text) { text, sizeof(text) - 1 }
		{ BYTES(""), "empty" },
		{ BYTES("\x02" "\x01\x01" "a"), "encoding is unknown" },
		{ BYTES("\x01" "\x01"), "cut short" },
		{ BYTES("\x01" "\x01\x05" "four"), "cut short" },
		{ BYTES("\x01" "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" "x"), "cut short" },
		{ BYTES("\x01" "\x81\x80\x80\x80\x80\x80\x80\x80\x80\x02\x00"), "cut short" },
		{ BYTES("\x01" "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x00"), "cut short" },
		{ BYTES("\x01" "\x01\x03" "a\0b"), "id" },
		{ BYTES("\x01" "\x0c\x00"), "created" },
		{ BYTES("\x01" "\x0c\x02\x01\x01"), "created" },
		{ BYTES("\x01" "\x0c\x01\x80"), "created" },
		{ BYTES("\x01" "\x0b\x02\x02\x02"), "disabled" },
		{ BYTES("\x01" "\x04\x02\x05" "a"), "names" },
		{ BYTES("\x01" "\x04\x04\x01" "a\x01\0"), "names" },
#undef BYTES
	};
	struct rec_cert c = { 0 };

	record_set(&c.name, "before");
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++)
		FAILS(record_decode(&rec_cert_type, &c, damages[i].bytes, &e), STORAGE, damages[i].words);
	assert_string_equal(c.name, "before");
	rec_cert_release(&c);
}

/* A small generator of its own: the same mutations every time. */
static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void decode_mutant(const char *data, size_t len, int *good, int *bad)
{
	char *exact = xmemdup(data, len);	/* of its own, so that a sanitizer sees a step beyond */
	struct rec_cert c = { 0 };
	struct buf again = BUF_INIT;

	err_clear(&e);
	if (record_decode(&rec_cert_type, &c, slice(exact, len), &e) < 0) {
		assert_int_equal(e.kind, ERR_STORAGE);
		assert_null(c.id);
		++*bad;
	} else {
		record_encode(&rec_cert_type, &c, &again);
		json_decref(rec_cert_json(&c));
		++*good;
	}
	buf_release(&again);
	rec_cert_release(&c);
	free(exact);
}

static void test_mutations(void **state)
{
	struct rec_cert c = { 0 };
	struct buf bytes = BUF_INIT, mutant = BUF_INIT;
	uint32_t seed = 20261121;
	int good = 0, bad = 0;

	fill(&c, "id1", "www");
	record_encode(&rec_cert_type, &c, &bytes);
	for (size_t len = 0; len < bytes.len; len++)
		decode_mutant(bytes.data, len, &good, &bad);
	assert_true(bad > 100);
	for (int i = 0; i < 50000; i++) {
		buf_clear(&mutant);
		buf_add(&mutant, bytes.data, bytes.len);
		for (uint32_t n = next_random(&seed) % 4 + 1; n; n--)
			mutant.data[next_random(&seed) % mutant.len] = (char)next_random(&seed);
		if (i % 4 == 0)
			mutant.len = next_random(&seed) % mutant.len;
		decode_mutant(mutant.data, mutant.len, &good, &bad);
	}
	assert_true(good > 1000);
	assert_true(bad > 1000);
	rec_cert_release(&c);
	buf_release(&bytes);
	buf_release(&mutant);
}

static void test_names_are_unique(void **state)
{
	struct store *s = open_test_store();
	struct rec_cert c = { 0 };
	struct rec_key k = { 0 };
	struct txn *t = write_txn(s);

	put_cert(t, "id1", "www", false);
	put_cert(t, "id2", "www", true);		/* another environment */
	record_set(&c.id, "id3");
	record_set(&c.name, "www");
	FAILS(rec_cert_put(t, &c, &e), CONFLICT, "there is already a certificate named \"www\"");
	c.staging = true;
	FAILS(rec_cert_put(t, &c, &e), CONFLICT, "there is already a staging certificate named \"www\"");
	record_set(&k.id, "id3");
	record_set(&k.name, "www");
	OK(rec_key_put(t, &k, &e));			/* another kind */
	OK(txn_commit(t, &e));				/* a conflict spoils nothing */
	t = write_txn(s);
	assert_int_equal(txn_count(t, TABLE_cert), 2);
	put_cert(t, "id1", "www", false);		/* itself again */
	FAILS(rec_cert_put(t, &c, &e), CONFLICT, "already");
	OK(rec_cert_delete(t, "id2", &e));
	OK(rec_cert_put(t, &c, &e));			/* the name is free now */
	OK(txn_commit(t, &e));
	check_whole(s);
	rec_cert_release(&c);
	rec_key_release(&k);
	store_close(s);
}

static void test_renaming(void **state)
{
	struct store *s = open_test_store();
	struct rec_cert c = { 0 };
	struct txn *t = write_txn(s);

	put_cert(t, "id1", "old", false);
	put_cert(t, "id1", "new", false);
	FAILS(rec_cert_by_name(t, &c, "old", false, &e), MISSING, "old");
	OK(rec_cert_by_name(t, &c, "new", false, &e));
	assert_string_equal(c.id, "id1");
	put_cert(t, "id1", "new", true);		/* moved to the other environment */
	FAILS(rec_cert_by_name(t, &c, "new", false, &e), MISSING, "new");
	OK(rec_cert_by_name(t, &c, "new", true, &e));
	put_cert(t, "id2", "old", false);
	put_cert(t, "id3", "new", false);
	OK(txn_commit(t, &e));
	check_whole(s);
	t = write_txn(s);
	OK(rec_cert_delete(t, "id1", &e));
	OK(rec_cert_delete(t, "id1", &e));		/* absent is fine */
	OK(txn_commit(t, &e));
	check_whole(s);
	rec_cert_release(&c);
	store_close(s);
}

static void test_what_is_refused(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_cert c = { 0 };
	char name[600];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	record_set(&c.name, "www");
	FAILS(rec_cert_put(t, &c, &e), INVALID, "needs an id");
	record_set(&c.id, name);
	FAILS(rec_cert_put(t, &c, &e), INVALID, "id of a certificate is too long: 599 bytes");
	record_set(&c.id, "id");
	record_set(&c.name, "");
	FAILS(rec_cert_put(t, &c, &e), INVALID, "needs a name");
	record_set(&c.name, name);
	FAILS(rec_cert_put(t, &c, &e), INVALID, "name of a certificate is too long");
	name[500] = '\0';
	record_set(&c.name, name);
	OK(rec_cert_put(t, &c, &e));
	OK(rec_cert_by_name(t, &c, name, false, &e));
	txn_abort(t);
	rec_cert_release(&c);
	store_close(s);
}

/* A damaged record is named, can be replaced and can be deleted, and its name becomes free. */
static void test_damaged_record(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_cert c = { 0 };

	put_cert(t, "id1", "www", false);
	put_cert(t, "id2", "mail", false);
	OK(txn_put(t, TABLE_cert, slice_str("id1"), slice("\x01\x02", 2), &e));
	OK(txn_put(t, TABLE_cert, slice_str("id2"), slice("\x01\x01\x03" "id9", 6), &e));
	FAILS(rec_cert_get(t, &c, "id1", &e), STORAGE, "certificate with the id \"id1\"");
	FAILS(rec_cert_by_name(t, &c, "www", false, &e), STORAGE, "certificate with the id \"id1\"");
	FAILS(rec_cert_get(t, &c, "id2", &e), STORAGE, "its id is different");
	put_cert(t, "id1", "www2", false);
	put_cert(t, "id3", "www", false);
	OK(txn_put(t, TABLE_cert, slice_str("id3"), slice("\x01\x02", 2), &e));
	OK(rec_cert_delete(t, "id3", &e));
	FAILS(rec_cert_by_name(t, &c, "www", false, &e), MISSING, "www");
	OK(txn_delete(t, TABLE_cert, slice_str("id1"), &e));
	FAILS(rec_cert_by_name(t, &c, "www2", false, &e), STORAGE, "its record is gone");
	txn_abort(t);
	store_close(s);
}

static void test_json(void **state)
{
	struct rec_cert c = { 0 };
	struct rec_version v = { 0 };
	json_t *json;

	fill(&c, "id1", "www");
	c.renew_at = 0;
	json = rec_cert_json(&c);
	assert_string_equal(json_str(json, "name"), "www");
	assert_string_equal(json_str(json, "created"), "2023-11-14T22:13:20Z");
	assert_true(json_is_null(json_object_get(json, "renew_at")));
	assert_true(json_is_null(json_object_get(json, "account_id")));
	assert_null(json_object_get(json, "access"));		/* HIDE */
	assert_true(json_is_true(json_object_get(json, "disabled")));
	assert_true(json_is_false(json_object_get(json, "staging")));
	assert_int_equal(json_int(json, "failures", 0), 300);
	assert_int_equal(json_array_size(json_object_get(json, "names")), 3);
	assert_int_equal(json_int(json_object_get(json, "error"), "status", 0), 403);
	json_decref(json);

	record_set(&c.error, "plain words");
	json = rec_cert_json(&c);
	assert_string_equal(json_str(json, "error"), "plain words");
	json_decref(json);
	record_set(&c.error, NULL);
	json = rec_cert_json(&c);
	assert_true(json_is_null(json_object_get(json, "error")));
	json_decref(json);
	rec_cert_release(&c);

	json = rec_version_json(&v);
	assert_true(json_is_array(json_object_get(json, "names")));
	json_decref(json);
}

struct met {
	struct txn *txn;
	struct buf ids;
	char *kept;
};

static int note(void *arg, void *rec, struct err *err)
{
	struct met *met = arg;
	struct rec_version *v = rec;

	buf_addf(&met->ids, "%s,", v->id);
	free(met->kept);
	met->kept = TAKE(v->id);
	return met->txn ? rec_version_delete(met->txn, met->kept, err) : 0;
}

static void test_child_ids(void **state)
{
	_cleanup_free_ char *order = record_child_id("c1", 7), *txt = record_child_id(order, 123456789), *up = record_parent_id(txt),
			    *top = record_parent_id(up), *none = record_parent_id(top);

	assert_string_equal(txt, "c1/00000007/123456789");
	assert_int_equal(record_child_number(txt), 123456789);
	assert_string_equal(up, order);
	assert_int_equal(record_child_number(up), 7);
	assert_string_equal(top, "c1");
	assert_int_equal(record_child_number(top), 0);
	assert_string_equal(none, "c1");
}

static void test_each(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct rec_version v = { 0 };
	struct met met = { 0 };

	for (int i = 8; i < 12; i++) {
		free(v.id);
		v.id = record_child_id("a", i);
		OK(rec_version_put(t, &v, &e));
	}
	record_set(&v.id, "b/00000001");
	OK(rec_version_put(t, &v, &e));
	rec_version_release(&v);
	OK(record_each(t, &rec_version_type, "a/", true, note, &met, &e));
	assert_string_equal(met.ids.data, "a/00000011,a/00000010,a/00000009,a/00000008,");
	buf_clear(&met.ids);
	OK(record_each(t, &rec_version_type, "a/0000001", false, note, &met, &e));
	assert_string_equal(met.ids.data, "a/00000010,a/00000011,");
	buf_clear(&met.ids);
	met.txn = t;
	OK(record_each(t, &rec_version_type, NULL, false, note, &met, &e));
	assert_string_equal(met.ids.data, "a/00000008,a/00000009,a/00000010,a/00000011,b/00000001,");
	assert_int_equal(txn_count(t, TABLE_version), 0);
	OK(txn_put(t, TABLE_version, slice_str("c/00000001"), slice_str("?"), &e));
	FAILS(record_each(t, &rec_version_type, "c", false, note, &met, &e), STORAGE, "version with the id \"c/00000001\"");
	txn_abort(t);
	buf_release(&met.ids);
	free(met.kept);
	store_close(s);
}

static void test_setters(void **state)
{
	char *text = NULL;
	struct buf blob = BUF_INIT;

	record_set(&text, "one");
	record_set(&text, text);		/* its own value */
	assert_string_equal(text, "one");
	record_set(&text, NULL);
	assert_null(text);
	record_set_blob(&blob, slice("abc", 3));
	record_set_blob(&blob, slice(blob.data + 1, 2));
	assert_true(slice_eq(slice_buf(&blob), slice("bc", 2)));
	record_set_blob(&blob, slice(NULL, 0));
	assert_int_equal(blob.len, 0);
	buf_release(&blob);
}

/* Many records are changed in steps: each is written by itself, so an error in the middle leaves those before. */
struct steps {
	struct txn *last;
	int seen, transactions, fail_at;
};

static int plan_one(void *arg, struct txn *t, void *rec, struct err *err)
{
	const struct rec_plan *plan = rec;
	struct steps *s = arg;

	s->transactions += s->last != t || s->seen % RECORD_STEP == 0;
	s->last = t;
	if (++s->seen == s->fail_at)
		return err_set(err, ERR_INVALID, "as asked");
	return agenda_set(t, AGENDA_issue, plan->id, 1, err);
}

static void test_steps(void **state)
{
	struct store *s = open_test_store();
	struct steps all = { 0 }, failing = { .fail_at = 700 };
	struct rec_plan plan = { 0 };
	struct txn *t;

	OK(record_each_in_steps(s, &rec_key_type, plan_one, &all, &e));		/* there are none */
	for (int i = 0; i < 1000; i++) {
		t = write_txn(s);
		free(plan.id);
		plan.id = xasprintf("%03d%s", i, i % 2 ? "" : "x");
		record_set(&plan.name, plan.id);
		OK(rec_plan_put(t, &plan, &e));
		OK(txn_commit(t, &e));
	}
	rec_plan_release(&plan);
	FAILS(record_each_in_steps(s, &rec_plan_type, plan_one, &failing, &e), INVALID, "as asked");
	t = read_txn(s);
	assert_int_equal(txn_count(t, TABLE_agenda), 2 * RECORD_STEP);
	txn_abort(t);
	OK(record_each_in_steps(s, &rec_plan_type, plan_one, &all, &e));
	assert_int_equal(all.seen, 1000);
	assert_int_equal(all.transactions, 4);
	t = read_txn(s);
	assert_int_equal(txn_count(t, TABLE_agenda), 1000);
	txn_abort(t);
	store_close(s);
}

static int see_issuer(void *arg, const void *rec, const struct slice *value, struct err *err)
{
	if (!slice_eq(value[REC_cert_issuer], slice_str("CN=Some CA")) || !slice_eq(value[REC_cert_profile], slice_str("short")))
		return err_set(err, ERR_INTERNAL, "the row lacks them");
	++*(int *)arg;
	return 0;
}

/* A store of format 3 has neither the issuer in its certificates, nor the profile in their rows. */
static void test_issuers(void **state)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_(rec_cert_release) struct rec_cert cert = { .current = 2 };
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	int seen = 0;
	int64_t records;

	record_set(&cert.id, "old");
	record_set(&cert.name, "old");
	record_set(&version.id, "old/00000002");
	record_set(&version.issuer, "CN=Some CA");
	OK(rec_version_put(t, &version, &e));
	OK(rec_cert_put(t, &cert, &e));
	record_set(&cert.profile, "short");	/* as an older program did: the record alone has it */
	{
		_cleanup_buf_ struct buf bytes = BUF_INIT;

		record_encode(&rec_cert_type, &cert, &bytes);
		OK(txn_put(t, TABLE_cert, slice_str("old"), slice_buf(&bytes), &e));
	}
	put(t, TABLE_meta, "format", "3");
	OK(txn_commit(t, &e));
	store_close(s);

	s = open_test_store();
	t = read_txn(s);
	OK(record_skim(t, &rec_cert_type, see_issuer, &seen, &e));
	assert_int_equal(seen, 1);
	OK(record_verify_all(t, &records, &e));
	txn_abort(t);
	store_close(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_empty_is_one_byte),
		TEST(test_bytes),
		TEST(test_order_of_bytes),
		TEST(test_unknown_fields_are_skipped),
		TEST(test_damage_is_told),
		TEST(test_mutations),
		TEST(test_names_are_unique),
		TEST(test_renaming),
		TEST(test_what_is_refused),
		TEST(test_damaged_record),
		TEST(test_json),
		TEST(test_each),
		TEST(test_setters),
		TEST(test_issuers),
		TEST(test_steps),
		cmocka_unit_test(test_child_ids),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
