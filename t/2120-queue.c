/*
 * The commit queue: nobody waits for the disk but who wants to; batches gather; bells ring when they are durable; what
 * fails takes all that builds on it along.
 */
#include "t/lib/store.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/loop.h"

/* The disk: each sync waits for a turn while it is slow, and fails while it is broken. */
static atomic_bool slow, broken;
static atomic_int syncs;
static sem_t turns, asked;

int fdatasync(int fd)
{
	syncs++;
	if (slow) {
		sem_post(&asked);
		sem_wait(&turns);
	}
	errno = EIO;
	return broken ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static void make_slow(void)
{
	sem_init(&turns, 0, 0);
	sem_init(&asked, 0, 0);
	slow = true;
}

/* The batch on its way, and all that come, go on. */
static void make_quick(void)
{
	slow = false;
	sem_post(&turns);
}

/* Commits this; returns its batch. */
static uint64_t write_one(struct store *s, const char *key, const char *value)
{
	struct txn *t = write_txn(s);

	put(t, TABLE_challenge, key, value);
	OK(txn_commit(t, &e));
	return store_seen(s);
}

/* The same, and the batch is on its way to a slow disk. */
static uint64_t begin_batch(struct store *s, const char *key, const char *value)
{
	uint64_t batch = write_one(s, key, value);

	sem_wait(&asked);
	return batch;
}

/* What somebody sees who has nothing to do with what is under way. */
static void assert_durable(struct store *s, const char *key, const char *expected)
{
	uint64_t seen = store_seen(s);

	store_task(s, 0);
	assert_one(s, key, expected);
	store_task(s, seen);
}

static void test_nobody_waits(void **state)
{
	struct store *s = open_test_store();
	uint64_t first, batch;
	char key[20];
	int before;

	make_slow();
	before = syncs;
	first = begin_batch(s, "first", "1");
	for (int i = 0; i < 200; i++) {		/* the disk does not move meanwhile */
		snprintf(key, sizeof(key), "%d", i);
		batch = write_one(s, key, "x");
		assert_int_equal(batch, first + 1);
		assert_one(s, key, "x");
	}
	assert_one(s, "first", "1");
	assert_int_equal(store_fate(s, first), FATE_OPEN);
	assert_durable(s, "first", NULL);
	assert_durable(s, "199", NULL);
	make_quick();
	OK(store_settle(s, &e));
	assert_int_equal(syncs, before + 2);	/* all of them are one batch */
	assert_int_equal(store_fate(s, batch), FATE_KEPT);
	assert_int_equal(store_seen(s), 0);
	assert_durable(s, "first", "1");
	assert_durable(s, "199", "x");
	store_close(s);
}

/* What nobody waits for comes along, or is written a little later by itself. */
static void test_company(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	int before = syncs;
	uint64_t batch;

	put(t, TABLE_challenge, "later", "x");
	OK(txn_commit_within(t, 1000, &e));
	batch = store_seen(s);
	poll(NULL, 0, 200);
	assert_int_equal(store_fate(s, batch), FATE_OPEN);
	assert_int_equal(write_one(s, "soon", "x"), batch);
	for (int i = 0; i < 100 && store_fate(s, batch) == FATE_OPEN; i++)
		poll(NULL, 0, 10);
	assert_int_equal(store_fate(s, batch), FATE_KEPT);
	assert_int_equal(syncs, before + 1);

	t = write_txn(s);
	put(t, TABLE_challenge, "alone", "x");
	OK(txn_commit_within(t, 1000, &e));
	for (int i = 0; i < 300 && store_seen(s); i++)
		poll(NULL, 0, 10);
	assert_durable(s, "alone", "x");
	assert_int_equal(syncs, before + 2);
	store_close(s);
}

/* Closing waits. */
static void test_close(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);

	put(t, TABLE_challenge, "a", "x");
	OK(txn_commit_within(t, 1000, &e));
	store_close(s);
	s = open_test_store();
	assert_one(s, "a", "x");
	store_close(s);
}

struct ringing {
	struct store *store;
	struct loop *loop;
	uint64_t batch;
	enum fate fate;
	int rung;
};

static void rang(void *arg)
{
	struct ringing *r = arg;

	r->rung++;
	r->fate = store_fate(r->store, r->batch);
	loop_stop(r->loop);
}

static void *let_it(void *arg)
{
	poll(NULL, 0, 50);
	make_quick();
	return NULL;
}

/* The loop turns while the disk is slow, and hears of it. */
static void test_bells(void **state)
{
	struct store *s = open_test_store();
	struct ringing r = { .store = s, .loop = loop_new(), .fate = FATE_OPEN };
	struct bell *bell = bell_new(s, r.loop, rang, &r);
	pthread_t thread;

	make_slow();
	r.batch = begin_batch(s, "a", "x");
	bell_await(bell, r.batch);
	assert_int_equal(pthread_create(&thread, NULL, let_it, NULL), 0);
	loop_run(r.loop);
	pthread_join(thread, NULL);
	assert_int_equal(r.rung, 1);
	assert_int_equal(r.fate, FATE_KEPT);
	bell_await(bell, r.batch);		/* known already: it rings, too */
	loop_run(r.loop);
	assert_int_equal(r.rung, 2);

	bell_watch(bell, TABLE_consumer, true);
	write_one(s, "b", "x");
	OK(store_settle(s, &e));		/* another table */
	assert_int_equal(r.rung, 2);
	struct txn *t = write_txn(s);
	put(t, TABLE_consumer, "c", "x");
	OK(commit_now(s, t, &e));
	loop_run(r.loop);
	assert_int_equal(r.rung, 3);
	bell_free(bell);
	loop_free(r.loop);
	store_close(s);
}

static void *write_elsewhere(void *arg)
{
	struct txn *t;

	if (store_write(arg, &t, NULL) < 0)
		return "refused";
	txn_abort(t);
	return store_seen(arg) ? "it has seen something" : NULL;
}

/* A batch fails: it and the next are lost, who builds on them cannot go on, everybody else can. */
static void test_loss(void **state)
{
	struct store *s = open_test_store();
	struct ringing r = { .store = s, .loop = loop_new(), .fate = FATE_OPEN };
	struct bell *bell = bell_new(s, r.loop, rang, &r);
	uint64_t kept, lost, behind;
	struct txn *t, *body;
	pthread_t thread;
	void *problem;

	kept = write_one(s, "kept", "x");
	OK(store_settle(s, &e));
	make_slow();
	lost = begin_batch(s, "kept", "another");
	behind = write_one(s, "behind", "x");
	body = write_txn(s);
	put(body, TABLE_challenge, "body", "x");
	r.batch = behind;
	bell_await(bell, kept);			/* a loss rings all bells */
	loop_run(r.loop);
	broken = true;
	slow = false;
	sem_post(&turns);
	for (int i = 0; i < 500 && store_fate(s, behind) == FATE_OPEN; i++)
		poll(NULL, 0, 10);
	FAILS(txn_commit(body, &e), STORAGE, "input/output error");
	assert_int_equal(store_fate(s, kept), FATE_KEPT);
	assert_int_equal(store_fate(s, lost), FATE_LOST);
	assert_int_equal(store_fate(s, behind), FATE_LOST);
	FAILS(store_write(s, &t, &e), STORAGE, "input/output error");
	FAILS(store_read(s, &t, &e), STORAGE, "input/output error");	/* what it has seen is not there */
	loop_run(r.loop);
	assert_int_equal(r.fate, FATE_LOST);
	assert_durable(s, "kept", "x");
	assert_durable(s, "behind", NULL);

	broken = false;
	for (int i = 0; i < 500; i++) {
		assert_int_equal(pthread_create(&thread, NULL, write_elsewhere, s), 0);
		pthread_join(thread, &problem);
		if (!problem)
			break;
		poll(NULL, 0, 10);
	}
	assert_null(problem);
	FAILS(store_write(s, &t, &e), STORAGE, "input/output error");	/* still: it has to begin anew */
	store_task(s, 0);
	assert_true(write_one(s, "new", "x") > behind);
	OK(store_settle(s, &e));
	assert_one(s, "kept", "x");
	assert_one(s, "behind", NULL);
	assert_one(s, "body", NULL);
	assert_one(s, "new", "x");
	bell_free(bell);
	loop_free(r.loop);
	store_close(s);
}

/* What was lost long ago stays lost. */
static void test_many_losses(void **state)
{
	struct store *s = open_test_store();
	uint64_t first = 0, batch;

	for (int i = 0; i < 100; i++) {
		struct txn *t;

		while (store_write(s, &t, &e) < 0)
			poll(NULL, 0, 1);
		put(t, TABLE_challenge, "a", "x");
		OK(txn_commit(t, &e));
		batch = store_seen(s);
		first = first ? first : batch;
		broken = true;
		for (int tries = 0; tries < 500 && store_fate(s, batch) == FATE_OPEN; tries++)
			poll(NULL, 0, 10);
		broken = false;
		assert_int_equal(store_fate(s, batch), FATE_LOST);
		assert_int_equal(store_fate(s, first), FATE_LOST);
		store_task(s, 0);
	}
	store_close(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_nobody_waits),
		TEST(test_company),
		TEST(test_close),
		TEST(test_bells),
		TEST(test_loss),
		TEST(test_many_losses),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
