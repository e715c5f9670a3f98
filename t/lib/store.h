/* What the tests of the store share: a directory of their own, short calls that must succeed, a look at the whole. */
#ifndef T_LIB_STORE_H
#define T_LIB_STORE_H

#include "base/base.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/agenda.h"
#include "store/db/store.h"
#include "store/event/history.h"
#include "store/record/record.h"
#include "store/upgrade.h"

static char test_dir[200];
static struct err e;

/* Must succeed. */
#define OK(call) do { if ((call) < 0) fail_msg("%s: %s", #call, e.message); } while (0)
/* Must fail with this kind and with these words in the message. */
#define FAILS(call, of, words) do { \
	err_clear(&e); \
	assert_int_equal(call, -1); \
	assert_string_equal(err_kind_name(e.kind), #of); \
	if (!strstr(e.message, words)) fail_msg("\"%s\" does not say \"%s\"", e.message, words); \
} while (0)

static inline char *test_path(const char *name)
{
	return xasprintf("%s/%s", test_dir, name);
}

static inline void remove_tree(const char *path)
{
	DIR *dir = opendir(path);

	for (struct dirent *d; dir && (d = readdir(dir));) {
		char *sub = xasprintf("%s/%s", path, d->d_name);

		if (strcmp(d->d_name, ".") && strcmp(d->d_name, "..") && unlink(sub))
			remove_tree(sub);
		free(sub);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static inline int make_test_dir(void **state)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(test_dir, sizeof(test_dir), "%s/certera-store-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(test_dir) ? 0 : -1;
}

static inline int remove_test_dir(void **state)
{
	remove_tree(test_dir);
	return 0;
}

/* Opens and upgrades the store "s" in the test's directory. */
static inline struct store *open_test_store(void)
{
	char *path = test_path("s");
	struct store *s;

	OK(store_open(&s, path, &e));
	OK(store_upgrade(s, &e));
	free(path);
	return s;
}

static inline struct txn *read_txn(struct store *s)
{
	struct txn *t;

	OK(store_read(s, &t, &e));
	return t;
}

static inline struct txn *write_txn(struct store *s)
{
	struct txn *t;

	OK(store_write(s, &t, &e));
	return t;
}

/* Commits, and waits until it is durable. */
static inline int commit_now(struct store *s, struct txn *t, struct err *err)
{
	return txn_commit(t, err) < 0 ? -1 : store_settle(s, err);
}

static inline void put(struct txn *t, enum table table, const char *key, const char *value)
{
	OK(txn_put(t, table, slice_str(key), slice_str(value), &e));
}

static inline void put_one(struct store *s, const char *key, const char *value)
{
	struct txn *t = write_txn(s);

	put(t, TABLE_challenge, key, value);
	OK(commit_now(s, t, &e));
}

/* What table challenge has under the key; NULL: nothing.  Owned. */
static inline char *get(struct txn *t, const char *key)
{
	struct slice value;
	int found = txn_get(t, TABLE_challenge, slice_str(key), &value, &e);

	OK(found);
	return found ? xstrndup(value.data, value.len) : NULL;
}

static inline void assert_one(struct store *s, const char *key, const char *expected)
{
	struct txn *t = read_txn(s);
	char *value = get(t, key);

	if (expected)
		assert_non_null(value);
	else
		assert_null(value);
	if (expected)
		assert_string_equal(value, expected);
	free(value);
	txn_abort(t);
}

/*
 * The whole: every index entry leads to a record that has that name, there are as many of one as of the
 * other, the agenda and its due times agree, the audit log is whole.
 */
static inline int check_cert_index(void *arg, void *rec, struct err *err)
{
	struct rec_cert *c = rec, other = { 0 };

	OK(rec_cert_by_name(arg, &other, c->name, c->staging, &e));
	assert_string_equal(other.id, c->id);
	rec_cert_release(&other);
	return 0;
}

static inline int check_agenda_row(void *arg, struct slice key, struct slice value, struct err *err)
{
	struct slice due;

	assert_true(key.len >= 9);
	assert_int_equal(value.len, 0);
	assert_int_equal(txn_get(arg, TABLE_agenda_due, slice((const char *)key.data + 8, key.len - 8), &due, &e), 1);
	assert_true(slice_eq(due, slice(key.data, 8)));
	return 0;
}

static inline void check_whole(struct store *s)
{
	struct txn *t = read_txn(s);
	int64_t events;

	OK(record_each(t, &rec_cert_type, NULL, false, check_cert_index, t, &e));
	assert_int_equal(txn_count(t, TABLE_cert), txn_count(t, TABLE_cert_name));
	OK(txn_walk(t, TABLE_agenda, slice(NULL, 0), false, check_agenda_row, t, &e));
	assert_int_equal(txn_count(t, TABLE_agenda), txn_count(t, TABLE_agenda_due));
	OK(history_verify(t, &events, &e));
	assert_int_equal(events, txn_count(t, TABLE_event));
	txn_abort(t);
}

#endif
