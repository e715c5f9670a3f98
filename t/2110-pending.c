/*
 * Transactions over changes that are not durable yet, against plain LMDB: random bodies do the same to both, and see
 * the same: rows, walks that change the table, counts, aborts, reads inside; and who has seen nothing sees whole batches.
 */
#include "t/lib/store.h"

#include <lmdb.h>
#include <poll.h>
#include <sys/syscall.h>

#include "base/digest.h"

#define BODIES 1500
#define OPERATIONS 12
#define KEYS 300
#define SEEDS 4

static uint64_t seed;

static uint64_t next(uint64_t most)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % most;
}

/* The disk takes its time, now and then: so batches are open, on their way and durable at once. */
int fdatasync(int fd)
{
	if (random_below(3) == 0)
		poll(NULL, 0, (int)random_below(4));
	return (int)syscall(SYS_fdatasync, fd);
}

/* The oracle. */
static MDB_env *env;
static MDB_dbi dbi;
static MDB_txn *plain;

static void oracle_open(void)
{
	_cleanup_free_ char *path = test_path("plain");
	MDB_txn *txn;

	mkdir(path, 0700);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_mapsize(env, 64 * 1024 * 1024), 0);
	assert_int_equal(mdb_env_open(env, path, MDB_NOSYNC | MDB_NOTLS, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
}

/* Keys share beginnings, have all lengths, and bytes that are not characters. */
static struct slice random_key(char out[16])
{
	uint64_t n = next(KEYS);
	size_t len = 1 + n % 7;

	for (size_t i = 0; i < len; i++, n /= 3)
		out[i] = (char)(n % 3 == 2 ? 0xff : n % 3 ? 'b' : i ? '\0' : 'a');
	return slice(out, len);
}

static struct slice random_value(char out[400])
{
	size_t len = next(8) ? next(20) : next(400);

	memset(out, 'a' + (int)next(26), len);
	return slice(out, len);
}

static struct slice val(MDB_val v)
{
	return slice(v.mv_data, v.mv_size);
}

static void assert_same_get(struct txn *t, struct slice key)
{
	MDB_val k = { key.len, (void *)key.data }, v;
	struct slice value;
	bool there = mdb_get(plain, dbi, &k, &v) == 0;

	assert_int_equal(txn_get(t, TABLE_challenge, key, &value, &e), there);
	assert_true(!there || slice_eq(value, val(v)));
}

static void both_put(struct txn *t, struct slice key, struct slice value)
{
	MDB_val k = { key.len, (void *)key.data }, v = { value.len, (void *)value.data };

	OK(txn_put(t, TABLE_challenge, key, value, &e));
	assert_int_equal(mdb_put(plain, dbi, &k, &v, 0), 0);
}

static void both_delete(struct txn *t, struct slice key)
{
	_cleanup_free_ char *copy = xmemdup(key.data, key.len);	/* it may be LMDB's own */
	MDB_val k = { key.len, copy };
	int rc;

	OK(txn_delete(t, TABLE_challenge, slice(copy, k.mv_size), &e));
	rc = mdb_del(plain, dbi, &k, NULL);
	assert_true(!rc || rc == MDB_NOTFOUND);
}

/* A walk, and where the same walk over plain LMDB would be now. */
struct pair {
	struct txn *t;
	struct buf here;
	bool begun, backwards, changes;
	struct slice first, end;
	int rows;
};

/* The next row of the oracle, looked for by its key each time.  False: none is left. */
static bool oracle_next(const struct pair *p, MDB_val *k, MDB_val *v)
{
	struct slice from = p->begun ? slice_buf(&p->here) : p->backwards ? p->end : p->first;
	MDB_cursor *c;
	int rc;

	assert_int_equal(mdb_cursor_open(plain, dbi, &c), 0);
	*k = (MDB_val){ from.len, (void *)from.data };
	rc = mdb_cursor_get(c, k, v, from.len ? MDB_SET_RANGE : p->backwards ? MDB_LAST : MDB_FIRST);
	if (p->backwards && from.len)
		rc = mdb_cursor_get(c, k, v, rc ? MDB_LAST : MDB_PREV);
	else if (!rc && p->begun && slice_eq(val(*k), from))
		rc = mdb_cursor_get(c, k, v, MDB_NEXT);
	mdb_cursor_close(c);
	if (rc)
		return false;
	if (p->backwards)
		return !p->first.len || mdb_cmp(plain, dbi, k, &(MDB_val){ p->first.len, (void *)p->first.data }) >= 0;
	return !p->end.len || mdb_cmp(plain, dbi, k, &(MDB_val){ p->end.len, (void *)p->end.data }) < 0;
}

static int meet(void *arg, struct slice key, struct slice value, struct err *err)
{
	struct pair *p = arg;
	MDB_val k, v;
	char bytes[16], text[400];

	assert_true(oracle_next(p, &k, &v));
	assert_true(slice_eq(key, val(k)));
	assert_true(slice_eq(value, val(v)));
	buf_clear(&p->here);
	buf_add(&p->here, key.data, key.len);
	p->begun = true;
	p->rows++;
	if (p->changes && !next(3))
		both_delete(p->t, slice_buf(&p->here));
	if (p->changes && !next(3))
		both_put(p->t, random_key(bytes), random_value(text));
	if (p->changes && !next(3))
		both_delete(p->t, random_key(bytes));
	return p->rows > 3 * KEYS;
}

static void assert_same_walk(struct txn *t, bool changes)
{
	char first[16], end[16];
	struct pair p = { .t = t, .backwards = next(2), .changes = changes };
	MDB_val k, v;

	if (next(2))
		p.first = random_key(first);
	if (next(2))
		p.end = random_key(end);
	OK(txn_range(t, TABLE_challenge, p.first, p.end, p.backwards, meet, &p, &e));
	assert_true(p.rows > 3 * KEYS || !oracle_next(&p, &k, &v));
	buf_release(&p.here);
}

static void assert_same_count(struct txn *t)
{
	MDB_stat stat;

	assert_int_equal(mdb_stat(plain, dbi, &stat), 0);
	assert_int_equal(txn_count(t, TABLE_challenge), stat.ms_entries);
}

static void operate(struct txn *t)
{
	char key[16], value[400];

	switch (next(6)) {
	case 0:
	case 1:
		both_put(t, random_key(key), random_value(value));
		break;
	case 2:
		both_delete(t, random_key(key));
		break;
	case 3:
		assert_same_get(t, random_key(key));
		break;
	case 4:
		assert_same_walk(t, next(2));
		break;
	case 5:
		assert_same_count(t);
		break;
	}
}

/* All there is, in brief. */
static int fold(void *arg, struct slice key, struct slice value, struct err *err)
{
	unsigned char *digest = arg;

	sha256_slices((const struct slice[]){ slice(digest, SHA256_SIZE), key, slice("=", 1), value }, 4, digest);
	return 0;
}

static void digest_of(struct txn *t, unsigned char digest[SHA256_SIZE])
{
	memset(digest, 0, SHA256_SIZE);
	OK(txn_walk(t, TABLE_challenge, slice(NULL, 0), false, fold, digest, &e));
}

/* After each commit: what there was, and the batch it went into. */
static struct {
	unsigned char digest[SHA256_SIZE];
	uint64_t batch;
} history[BODIES + 1];
static int commits;

static int version_of(struct txn *t)
{
	struct slice value;
	int n = 0;

	if (txn_get(t, TABLE_meta, slice_str("version"), &value, &e) == 1)
		memcpy(&n, value.data, sizeof(n));
	return n;
}

/* What is read is as it was after one of the commits. */
static int assert_a_state(struct txn *t)
{
	unsigned char digest[SHA256_SIZE];
	int n = version_of(t);

	digest_of(t, digest);
	assert_memory_equal(digest, history[n].digest, sizeof(digest));
	return n;
}

/* A task that has seen nothing: what it reads are whole batches, and never less than the last one. */
static int read_durable(struct store *s, int least)
{
	uint64_t seen = store_seen(s);
	struct txn *t;
	int n;

	store_task(s, 0);
	t = read_txn(s);
	n = assert_a_state(t);
	assert_int_equal(store_seen(s), 0);
	txn_abort(t);
	store_task(s, seen);
	assert_in_range(n, least, commits);
	assert_true(n == 0 || n == commits || history[n].batch != history[n + 1].batch);
	return n;
}

static void note_version(struct txn *t)
{
	int n = commits + 1;

	OK(txn_put(t, TABLE_meta, slice_str("version"), slice(&n, sizeof(n)), &e));
}

/* One body; a read inside it shows what there was before. */
static void body(struct store *s)
{
	struct txn *t = write_txn(s), *inside = next(4) ? NULL : read_txn(s);

	assert_int_equal(mdb_txn_begin(env, NULL, 0, &plain), 0);
	for (uint64_t i = next(OPERATIONS); i > 0; i--)
		operate(t);
	if (inside && version_of(inside) == commits)
		assert_a_state(inside);
	if (next(4)) {
		note_version(t);
		digest_of(t, history[commits + 1].digest);
		OK(next(3) ? txn_commit(t, &e) : txn_commit_within(t, 1000, &e));
		history[++commits].batch = store_seen(s);
		assert_int_equal(mdb_txn_commit(plain), 0);
	} else {
		txn_abort(t);
		mdb_txn_abort(plain);
	}
	txn_abort(inside);
}

/* What this thread has written, it reads, durable or not. */
static void read_own(struct store *s)
{
	struct txn *t = read_txn(s);

	assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &plain), 0);
	assert_int_equal(version_of(t), commits);
	assert_a_state(t);
	assert_same_count(t);
	assert_same_walk(t, false);
	mdb_txn_abort(plain);
	txn_abort(t);
}

static void run(struct store *s)
{
	struct txn *old = NULL;
	int least = 0, old_version = 0;

	for (int i = 0; i < BODIES; i++) {
		body(s);
		if (!next(3))
			read_own(s);
		if (!next(5))
			least = read_durable(s, least);
		if (!next(40)) {
			OK(store_settle(s, &e));
			assert_int_equal(read_durable(s, least), commits);
		}
		if (!next(10)) {	/* a long read: what it shows never changes */
			if (old)
				assert_int_equal(assert_a_state(old), old_version);
			txn_abort(old);
			old = read_txn(s);
			old_version = version_of(old);
		}
	}
	txn_abort(old);
}

static void test_random_bodies(void **state)
{
	for (int i = 0; i < SEEDS; i++) {
		struct store *s = open_test_store();
		struct txn *t;

		seed = 20261129 + (uint64_t)i;
		commits = 0;
		memset(history, 0, sizeof(history));
		oracle_open();
		run(s);
		store_close(s);
		s = open_test_store();		/* closing waits for the disk */
		t = read_txn(s);
		assert_int_equal(assert_a_state(t), commits);
		txn_abort(t);
		store_close(s);
		mdb_env_close(env);
		remove_test_dir(NULL);
		make_test_dir(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_bodies, make_test_dir, remove_test_dir),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
