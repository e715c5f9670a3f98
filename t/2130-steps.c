/*
 * A transaction has at most so many changes; what may be more goes in steps, and goes on after a crash between any two.
 * A crash here: the store is closed and opened again.
 */
#include "t/lib/store.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/ca/account.h"
#include "daemon/ca/rotation.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/sweep.h"
#include "daemon/order/recheck.h"
#include "daemon/order/removed.h"
#include "store/cert_plan.h"
#include "store/key/age.h"
#include "store/key/sharing.h"
#include "store/leftover.h"

#define MANY 3000	/* more than fit into one transaction, each with one change */
#define DAY 86400

/* The disk takes so many syncs, and no more. */
static atomic_int syncs_left = INT_MAX;

int fdatasync(int fd)
{
	errno = EIO;
	return syncs_left-- > 0 ? (int)syscall(SYS_fdatasync, fd) : -1;
}

static size_t count(struct store *s, enum table table)
{
	struct txn *t = read_txn(s);
	size_t n = txn_count(t, table);

	txn_abort(t);
	return n;
}

static bool is_planned(struct store *s, enum agenda_kind kind, const char *id)
{
	struct txn *t = read_txn(s);
	int64_t due;
	int found = agenda_due(t, kind, id, &due, &e);

	OK(found);
	txn_abort(t);
	return found && due <= clock_now();
}

static struct store *crash(struct store *s)
{
	store_close(s);
	return open_test_store();
}

static void put_many(struct store *s, int many, void (*put_nth)(struct txn *, int))
{
	for (int i = 0; i < many;) {
		struct txn *t = write_txn(s);

		for (; i < many && !txn_is_large(t); i++)
			put_nth(t, i);
		OK(txn_commit(t, &e));
	}
	OK(store_settle(s, &e));
}

static void put_cert(struct txn *t, int i, const struct rec_cert *like)
{
	struct rec_cert cert = *like;
	char id[20];

	snprintf(id, sizeof(id), "c%05d", i);
	cert.id = cert.name = id;
	cert.row = 0;
	OK(rec_cert_put(t, &cert, &e));
}

/*
 * The limit.
 */

static int try_changes(struct store *s, int many, bool looks)
{
	struct txn *t = write_txn(s);
	int failed = 0;

	err_clear(&e);
	for (int i = 0; i < many && !(failed && looks); i++) {
		char key[20];

		snprintf(key, sizeof(key), "%d", i);
		failed = txn_put(t, TABLE_challenge, slice_str(key), slice_str("v"), &e);
	}
	return commit_now(s, t, &e);
}

static void test_the_limit(void **state)
{
	struct store *s = open_test_store();

	FAILS(try_changes(s, TXN_MOST + 1, true), INTERNAL, "more than 4096 changes");
	assert_int_equal(count(s, TABLE_challenge), 0);
	FAILS(try_changes(s, TXN_MOST + 2, false), INTERNAL, "more than 4096 changes");	/* also who does not look */
	assert_int_equal(count(s, TABLE_challenge), 0);
	OK(try_changes(s, TXN_MOST, true));
	OK(try_changes(s, TXN_MOST, true));	/* the same keys again */
	assert_int_equal(count(s, TABLE_challenge), TXN_MOST);
	store_close(s);
}

/*
 * Removing.
 */

static void put_key_version(struct txn *t, int i)
{
	_cleanup_(rec_key_version_release) struct rec_key_version version = { 0 };

	version.id = record_child_id("k", i + 1);
	OK(rec_key_version_put(t, &version, &e));
}

static void go_on(struct store **s, enum agenda_kind kind, const char *id,
		  int (*due)(struct engine *, const struct agenda_row *, struct err *), const struct config *config)
{
	struct agenda_row row = { .kind = kind };
	int steps = 0;

	snprintf(row.id, sizeof(row.id), "%s", id);
	for (; is_planned(*s, kind, id); steps++) {
		struct loop *loop = loop_new();
		struct engine g = { .store = *s, .loop = loop, .config = config };

		assert_true(steps < 100);
		OK(due(&g, &row, &e));
		timer_stop(&g.turn);
		loop_free(loop);
		*s = crash(*s);
	}
	assert_true(steps > 0);
}

static void test_children(void **state)
{
	struct store *s = open_test_store();
	struct txn *t;

	put_many(s, MANY, put_key_version);
	t = write_txn(s);
	OK(leftover_remove_children(t, &rec_key_version_type, "k", &e));
	OK(commit_now(s, t, &e));
	assert_true(count(s, TABLE_key_version) > 0);
	s = crash(s);
	go_on(&s, AGENDA_leftover, "key_version/k/", leftover_due, NULL);
	assert_int_equal(count(s, TABLE_key_version), 0);

	put_many(s, 10, put_key_version);	/* few go at once, and leave nothing */
	t = write_txn(s);
	OK(leftover_remove_children(t, &rec_key_version_type, "k", &e));
	OK(commit_now(s, t, &e));
	assert_int_equal(count(s, TABLE_key_version), 0);
	assert_int_equal(count(s, TABLE_agenda), 0);
	store_close(s);
}

static void put_owned(struct txn *t, int i)
{
	struct rec_token token = { .user_id = (char *)"u" };
	char id[20];

	put_cert(t, i, &(struct rec_cert){ .owner_id = (char *)"u" });
	snprintf(id, sizeof(id), "t%05d", i);
	token.id = token.name = id;
	OK(rec_token_put(t, &token, &e));
}

static int is_owned(void *arg, void *rec, struct err *err)
{
	*(int *)arg += str_eq(((struct rec_cert *)rec)->owner_id, "u");
	return 0;
}

static void test_a_user(void **state)
{
	struct store *s = open_test_store();
	struct txn *t;
	int owned = 0;

	put_many(s, MANY, put_owned);
	t = write_txn(s);
	OK(leftover_leave(t, "u", &e));
	OK(commit_now(s, t, &e));
	s = crash(s);
	go_on(&s, AGENDA_departed, "u", departed_due, NULL);
	assert_int_equal(count(s, TABLE_token), 0);
	t = read_txn(s);
	OK(record_each(t, &rec_cert_type, "", false, is_owned, &owned, &e));
	txn_abort(t);
	assert_int_equal(owned, 0);
	assert_int_equal(count(s, TABLE_cert), MANY);
	store_close(s);
}

static void put_ended_order(struct txn *t, int i)
{
	_cleanup_(rec_order_release) struct rec_order order = { .finished = 1 };
	char *held[] = { (char *)"https://ca.example/authz", NULL };

	order.id = record_child_id("c", i + 1);
	if (i % 2) {	/* this one stays, until what it proved is given up */
		order.authorizations = strv_dup(held);
		OK(agenda_set(t, AGENDA_relinquish, order.id, clock_now(), &e));
	}
	OK(rec_order_put(t, &order, &e));
}

static void test_orders_of_a_removed_certificate(void **state)
{
	struct store *s = open_test_store();
	struct txn *t;

	put_many(s, MANY, put_ended_order);
	t = write_txn(s);
	OK(agenda_set(t, AGENDA_removed, "c", clock_now(), &e));
	OK(commit_now(s, t, &e));
	go_on(&s, AGENDA_removed, "c", removed_due, NULL);
	assert_int_equal(count(s, TABLE_order), MANY / 2);
	store_close(s);
}

/*
 * All certificates, or keys.
 */

static int64_t earliest(struct store *s, enum agenda_kind kind, int many)
{
	struct txn *t = read_txn(s);
	int64_t first = INT64_MAX, due;

	for (int i = 0; i < many; i++) {
		char id[20];

		snprintf(id, sizeof(id), "c%05d", i);
		if (agenda_due(t, kind, id, &due, &e) > 0)
			first = MIN(first, due);
		else
			first = 0;
	}
	txn_abort(t);
	return first;
}

static void put_failed(struct txn *t, int i)
{
	char id[20];

	put_cert(t, i, &(struct rec_cert){ .account_id = (char *)"a", .failures = 3 });
	snprintf(id, sizeof(id), "c%05d", i);
	OK(agenda_set(t, AGENDA_issue, id, clock_now() + DAY, &e));
}

static void put_use(struct txn *t, int i)
{
	struct rec_usage usage = { .blocked_until = 1 };
	char id[20];

	snprintf(id, sizeof(id), "a/%05d", i);
	usage.id = id;
	OK(rec_usage_put(t, &usage, &e));
}

static void make_due(struct store *s, enum agenda_kind kind, const char *id)
{
	struct txn *t = write_txn(s);

	OK(agenda_set(t, kind, id, clock_now(), &e));
	OK(commit_now(s, t, &e));
}

static void test_the_daily_recheck(void **state)
{
	struct store *s = open_test_store();
	struct config config = { .renewal_recheck = (char *)"03:00" };

	put_many(s, MANY, put_failed);
	put_many(s, 2 * MANY, put_use);
	make_due(s, AGENDA_recheck, "daily");
	go_on(&s, AGENDA_recheck, "daily", recheck_due, &config);
	assert_true(earliest(s, AGENDA_issue, MANY) > 0);
	assert_true(earliest(s, AGENDA_issue, MANY) < clock_now() + DAY / 2);
	assert_int_equal(count(s, TABLE_usage), 0);
	store_close(s);
}

static void test_an_account_that_works(void **state)
{
	struct store *s = open_test_store();
	struct txn *t;

	put_many(s, MANY, put_failed);
	t = write_txn(s);
	OK(account_release_certs(t, "a", ACCOUNT_FAILED, &e));
	OK(commit_now(s, t, &e));
	go_on(&s, AGENDA_release, "a/00000001", release_due, NULL);
	assert_true(earliest(s, AGENDA_issue, MANY) <= clock_now());
	store_close(s);
}

static void put_old_key(struct txn *t, int i)
{
	_cleanup_(rec_key_version_release) struct rec_key_version version = { .created = 1 };
	struct rec_key key = { .current = 1, .newest = 1 };
	char id[20];

	snprintf(id, sizeof(id), "k%05d", i);
	key.id = key.name = id;
	version.id = record_child_id(id, 1);
	OK(rec_key_put(t, &key, &e));
	OK(rec_key_version_put(t, &version, &e));
}

struct turns {
	struct engine *engine;
	struct timer timer;
	int left;
};

static void turned(void *arg)
{
	struct turns *turns = arg;

	if (turns->left-- > 0 && turns->engine->jobs)
		timer_start(&turns->timer, turns->engine->loop, 1, turned, turns);
	else
		loop_stop(turns->engine->loop);
}

/* A job this time: it has so many turns, then comes a crash.  True: it was done. */
static bool rotate_some(struct store **s, const struct config *config, int turns)
{
	struct loop *loop = loop_new();
	struct engine g = { .store = *s, .loop = loop, .config = config };
	struct agenda_row row = { .kind = AGENDA_rotation, .id = KEY_AGE_ROW };
	struct turns of = { .engine = &g, .left = turns };
	bool done;

	engine_init(&g);
	OK(rotation_due(&g, &row, &e));
	turned(&of);
	loop_run(loop);
	done = !g.jobs;
	timer_stop(&of.timer);
	engine_release(&g);
	loop_free(loop);
	store_task(*s, 0);
	*s = crash(*s);
	return done;
}

/* How many turns it took at last. */
static int rotate(struct store **s, const struct config *config)
{
	int turns = 1;

	make_due(*s, AGENDA_rotation, KEY_AGE_ROW);
	while (!rotate_some(s, config, turns++)) {
		assert_true(turns < 5000);
		assert_true(is_planned(*s, AGENDA_rotation, KEY_AGE_ROW));
	}
	assert_false(is_planned(*s, AGENDA_rotation, KEY_AGE_ROW));
	return turns;
}

static void test_old_keys(void **state)
{
	struct store *s = open_test_store();
	struct config config = { .keys_rotate_after = DAY };

	put_many(s, MANY, put_old_key);
	assert_true(rotate(&s, &config) > 3);
	assert_int_equal(count(s, TABLE_event), MANY);
	rotate(&s, &config);
	assert_int_equal(count(s, TABLE_event), MANY);	/* of each once */
	store_close(s);
}

static void put_sharing(struct txn *t, int i)
{
	_cleanup_(rec_version_release) struct rec_version version = { .key_version = i ? 1 : 2 };
	char id[20];

	put_cert(t, i, &(struct rec_cert){ .account_id = (char *)"a", .key_id = (char *)"k", .key_type = (char *)"p256",
					   .current = 1, .newest = 1, .not_after = INT64_MAX });
	snprintf(id, sizeof(id), "c%05d", i);
	record_set(&version.key_id, "k");
	version.id = record_child_id(id, 1);
	OK(rec_version_put(t, &version, &e));
}

static void test_a_shared_key(void **state)
{
	struct store *s = open_test_store();
	struct rec_key key = { .id = (char *)"k", .name = (char *)"k", .type = (char *)"p256", .current = 2, .newest = 2 };
	struct txn *t;

	put_many(s, 1000, put_sharing);
	t = write_txn(s);
	OK(rec_key_put(t, &key, &e));
	OK(sharing_follow(t, &key, false, &e));
	OK(commit_now(s, t, &e));
	s = crash(s);
	go_on(&s, AGENDA_follow, "k/00000000", follow_due, NULL);
	assert_int_equal(count(s, TABLE_event), 999);
	store_close(s);
}

/*
 * Upgrades.
 */

static void put_any(struct txn *t, int i)
{
	put_cert(t, i, &(struct rec_cert){ .key_id = (char *)"k", .deploy_hook = (char *)"reload" });
}

static void set_format(struct store *s, const char *format)
{
	struct txn *t = write_txn(s);

	OK(txn_put(t, TABLE_meta, slice_str("format"), slice_str(format), &e));
	OK(commit_now(s, t, &e));
	store_close(s);
}

static void test_an_upgrade(void **state)
{
	_cleanup_free_ char *path = test_path("s");
	struct store *s = open_test_store();
	int64_t records = 0;
	struct txn *t;
	int crashes = 0;

	put_many(s, MANY, put_any);
	set_format(s, "1");
	for (;; crashes++) {	/* the disk fails later and later */
		OK(store_open(&s, path, &e));
		syncs_left = crashes / 2;
		if (store_upgrade(s, &e) == 0)
			break;
		syncs_left = INT_MAX;
		store_close(s);
		assert_true(crashes < 200);
	}
	syncs_left = INT_MAX;
	assert_true(crashes > 4);
	t = read_txn(s);
	OK(record_verify_all(t, &records, &e));
	assert_int_equal(txn_count(t, TABLE_cert_ref), MANY);
	assert_int_equal(txn_count(t, TABLE_event), MANY);	/* each is unconfirmed, which is said once */
	txn_abort(t);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_test_dir, remove_test_dir)
		TEST(test_the_limit),
		TEST(test_children),
		TEST(test_a_user),
		TEST(test_orders_of_a_removed_certificate),
		TEST(test_the_daily_recheck),
		TEST(test_an_account_that_works),
		TEST(test_old_keys),
		TEST(test_a_shared_key),
		TEST(test_an_upgrade),
	};

	log_setup(LOG_LEVEL_ERROR + 1, false);	/* thousands of keys are old */
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
