#include "store/env.h"

static int begin(struct store *s, bool write, struct txn **out)
{
	struct txn *t = xcalloc(1, sizeof(*t));
	int rc;

	t->store = s;
	t->write = write;
	gate_enter(&s->gate, &t->guest, write);
	rc = s->env ? mdb_txn_begin(s->env, NULL, write ? 0 : MDB_RDONLY, &t->mdb) : MDB_PANIC;
	if (rc) {
		gate_leave(&s->gate, &t->guest);
		free(t);
		t = NULL;
	}
	*out = t;
	return rc;
}

int store_read(struct store *s, struct txn **out, struct err *e)
{
	int rc = 0;

	*out = NULL;
	if (s->broken && !gate_is_inside(&s->gate)) {
		pthread_mutex_lock(&s->writer);
		rc = env_repair(s);
		pthread_mutex_unlock(&s->writer);
	}
	if (!rc)
		rc = begin(s, false, out);
	return rc ? env_fail(s, e, "reading", rc) : 0;
}

int store_write(struct store *s, struct txn **out, struct err *e)
{
	int rc;

	*out = NULL;
	gate_pin(&s->gate);
	pthread_mutex_lock(&s->writer);
	rc = env_repair(s);
	if (!rc)
		rc = env_make_room(s);
	if (!rc)
		rc = begin(s, true, out);
	if (!rc)
		return 0;
	pthread_mutex_unlock(&s->writer);
	return env_fail(s, e, "writing", rc);
}

static void end(struct txn *t)
{
	struct store *s = t->store;
	bool write = t->write;

	gate_leave(&s->gate, &t->guest);
	free(t);
	if (write)
		pthread_mutex_unlock(&s->writer);
}

int txn_commit(struct txn *t, struct err *e)
{
	struct store *s = t->store;
	bool write = t->write;
	int rc = mdb_txn_commit(t->mdb);

	if (rc)
		env_note_failure(t->store, rc);
	for (size_t i = 0; i < TABLES; i++)
		s->changes[i] += t->touched[i];
	end(t);
	if (rc)
		return env_fail(s, e, write ? "writing" : "reading", rc);
	return 0;
}

void txn_abort(struct txn *t)
{
	if (!t)
		return;
	mdb_txn_abort(t->mdb);
	end(t);
}

void cleanup_txn(struct txn **t)
{
	txn_abort(*t);
}

/*
 * Keys and values.
 */

static MDB_val to_val(struct slice s)
{
	return (MDB_val){ s.len, (void *)s.data };
}

static struct slice from_val(MDB_val v)
{
	return slice(v.mv_data, v.mv_size);
}

static bool key_fits(const struct txn *t, struct slice key)
{
	return key.len > 0 && key.len <= (size_t)mdb_env_get_maxkeysize(t->store->env);
}

int txn_get(struct txn *t, enum table table, struct slice key, struct slice *value, struct err *e)
{
	MDB_val k = to_val(key), v;
	int rc;

	*value = slice(NULL, 0);
	if (t->store->dbi[table] == NO_TABLE || !key_fits(t, key))
		return 0;
	rc = mdb_get(t->mdb, t->store->dbi[table], &k, &v);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return env_fail(t->store, e, "reading", rc);
	*value = from_val(v);
	return 1;
}

static int check_write(const struct txn *t, enum table table, struct err *e)
{
	if (!t->write)
		die("a change of table %s in a read transaction", table_name(table));
	if (t->store->dbi[table] == NO_TABLE)
		return err_set(e, ERR_STORAGE, "the store in %s has no table %s before it is upgraded",
			       t->store->directory, table_name(table));
	return 0;
}

int txn_put(struct txn *t, enum table table, struct slice key, struct slice value, struct err *e)
{
	MDB_val k = to_val(key), v = to_val(value);
	int rc;

	if (check_write(t, table, e) < 0)
		return -1;
	if (!key_fits(t, key))
		return err_set(e, ERR_INVALID, "a key of %zu bytes does not fit into table %s of the store: 1 to %d do",
			       key.len, table_name(table), mdb_env_get_maxkeysize(t->store->env));
	rc = mdb_put(t->mdb, t->store->dbi[table], &k, &v, 0);
	if (rc) {
		env_note_failure(t->store, rc);
		return env_fail(t->store, e, "writing", rc);
	}
	t->touched[table] = true;
	return 0;
}

int txn_delete(struct txn *t, enum table table, struct slice key, struct err *e)
{
	MDB_val k = to_val(key);
	int rc;

	if (check_write(t, table, e) < 0)
		return -1;
	if (!key_fits(t, key))
		return 0;
	rc = mdb_del(t->mdb, t->store->dbi[table], &k, NULL);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc) {
		env_note_failure(t->store, rc);
		return env_fail(t->store, e, "writing", rc);
	}
	t->touched[table] = true;
	return 0;
}

uint64_t store_changes(const struct store *s, enum table table)
{
	return s->changes[table];
}

size_t txn_count(struct txn *t, enum table table)
{
	MDB_stat stat;

	if (t->store->dbi[table] == NO_TABLE || mdb_stat(t->mdb, t->store->dbi[table], &stat))
		return 0;
	return stat.ms_entries;
}

/*
 * Walks.
 */

static int compare(struct slice a, struct slice b)
{
	size_t shared = MIN(a.len, b.len);
	int order = shared ? memcmp(a.data, b.data, shared) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The first key at or after `from`. */
static int seek(MDB_cursor *c, struct slice from, MDB_val *key, MDB_val *value)
{
	*key = to_val(from);
	return mdb_cursor_get(c, key, value, from.len ? MDB_SET_RANGE : MDB_FIRST);
}

/* The last key before `end`; no end: the last of all. */
static int seek_before(MDB_cursor *c, struct slice end, MDB_val *key, MDB_val *value)
{
	int rc = end.len ? seek(c, end, key, value) : MDB_NOTFOUND;

	return rc && rc != MDB_NOTFOUND ? rc : mdb_cursor_get(c, key, value, rc ? MDB_LAST : MDB_PREV);
}

/* The first key after `here`, which may be gone. */
static int seek_after(MDB_cursor *c, struct slice here, MDB_val *key, MDB_val *value)
{
	int rc = seek(c, here, key, value);

	return rc || compare(from_val(*key), here) ? rc : mdb_cursor_get(c, key, value, MDB_NEXT);
}

static void cleanup_cursor(MDB_cursor **c)
{
	if (*c)
		mdb_cursor_close(*c);
}

int txn_range(struct txn *t, enum table table, struct slice first, struct slice end, bool backwards, txn_walk_fn *fn,
	      void *arg, struct err *e)
{
	_cleanup_(cleanup_cursor) MDB_cursor *c = NULL;
	_cleanup_buf_ struct buf here = BUF_INIT;
	MDB_val key, value;
	int rc, result;

	if (t->store->dbi[table] == NO_TABLE)
		return 0;
	rc = mdb_cursor_open(t->mdb, t->store->dbi[table], &c);
	if (!rc)
		rc = backwards ? seek_before(c, end, &key, &value) : seek(c, first, &key, &value);
	while (!rc) {
		struct slice k = from_val(key);

		if (backwards ? compare(k, first) < 0 : end.len && compare(k, end) >= 0)
			return 0;
		if (t->write) {		/* fn may change the table: keep the key, and find the place again by it */
			buf_clear(&here);
			buf_add(&here, k.data, k.len);
			k = slice_buf(&here);
		}
		result = fn(arg, k, from_val(value), e);
		if (result)
			return MIN(result, 0);
		if (!t->write)
			rc = mdb_cursor_get(c, &key, &value, backwards ? MDB_PREV : MDB_NEXT);
		else
			rc = backwards ? seek_before(c, k, &key, &value) : seek_after(c, k, &key, &value);
	}
	return rc == MDB_NOTFOUND ? 0 : env_fail(t->store, e, "reading", rc);
}

int txn_walk(struct txn *t, enum table table, struct slice prefix, bool backwards, txn_walk_fn *fn, void *arg,
	     struct err *e)
{
	_cleanup_buf_ struct buf end = BUF_INIT;

	/* The first key behind all with the prefix: the prefix with its last byte raised by one. */
	buf_add(&end, prefix.data, prefix.len);
	while (end.len && (unsigned char)end.data[end.len - 1] == 0xff)
		end.len--;
	if (end.len)
		end.data[end.len - 1]++;
	return txn_range(t, table, prefix, slice_buf(&end), backwards, fn, arg, e);
}
