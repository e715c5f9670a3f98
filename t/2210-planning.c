/* Planners: records get what they lack once, in the background; a later start looks at none, a changed setting at all. */
#include "t/lib/store.h"

#include "daemon/engine/walk.h"

#define MANY 1000

static int looked_at, setting;

static int begin(struct engine *g, struct txn *t, void **arg, struct buf *mark, struct err *err)
{
	*arg = xmemdup(&setting, sizeof(setting));
	buf_addf(mark, "1 %d", setting);
	return 0;
}

static int plan_one(void *arg, struct txn *t, void *rec, struct err *err)
{
	const struct rec_key *key = rec;

	assert_int_equal(*(int *)arg, setting);
	looked_at++;
	return agenda_set(t, AGENDA_rotation, key->id, INT64_MAX, err);
}

static const struct planner planner = { "test", &rec_key_type, begin, plan_one };
static const struct kind kinds[] = { { AGENDA_backup, .at_once = 1 }, { AGENDA_rotation, .at_once = 1, .planner = &planner } };

struct running {
	struct engine *engine;
	struct timer timer;
	int turns;	/* left; 0: until all is planned */
};

static bool is_done(struct store *s)
{
	_cleanup_free_ char *mark = xasprintf("1 %d", setting);
	struct txn *t = read_txn(s);
	struct slice value;
	bool done = txn_get(t, TABLE_meta, slice_str("planned/test"), &value, &e) > 0 && slice_eq(value, slice_str(mark));

	txn_abort(t);
	return done;
}

static void turn(void *arg)
{
	struct running *r = arg;

	if (r->turns ? --r->turns == 0 : is_done(r->engine->store))
		loop_stop(r->engine->loop);
	else
		timer_start(&r->timer, r->engine->loop, 1, turn, r);
}

/* So many turns: an engine that is released in the middle of something is one that has crashed. */
static void run(struct store *s, int turns, int new_setting)
{
	static const struct config config;
	struct loop *loop = loop_new();
	struct engine g = { .store = s, .loop = loop, .config = &config, .kinds = kinds, .kind_count = ARRAY_SIZE(kinds) };
	struct running r = { .engine = &g, .turns = turns };

	looked_at = 0;
	planning_init(&g);
	engine_init(&g);
	assert_int_equal(looked_at, 0);		/* nothing waits for it */
	if (new_setting) {
		setting = new_setting;
		engine_replan(&g);
	}
	timer_start(&r.timer, loop, 0, turn, &r);
	loop_run(loop);
	timer_stop(&r.timer);
	planning_release(&g);
	engine_release(&g);
	loop_free(loop);
	store_task(s, 0);
	OK(store_settle(s, &e));
}

static struct store *make_keys(void)
{
	struct store *s = open_test_store();

	for (int i = 0; i < MANY; i += 100) {
		struct txn *t = write_txn(s);

		for (int n = i; n < i + 100; n++) {
			char id[20];

			snprintf(id, sizeof(id), "k%05d", n);
			OK(rec_key_put(t, &(struct rec_key){ .id = id, .name = id }, &e));
		}
		OK(commit_now(s, t, &e));
	}
	return s;
}

static size_t planned(struct store *s)
{
	struct txn *t = read_txn(s);
	size_t count = txn_count(t, TABLE_agenda);

	txn_abort(t);
	return count;
}

static void test_once(void **state)
{
	struct store *s = make_keys();

	setting = 1;
	for (int turns = 1; !is_done(s); turns++)
		run(s, turns, 0);
	assert_int_equal(planned(s), MANY);
	run(s, 20, 0);
	assert_int_equal(looked_at, 0);		/* a later start finds it done */
	store_close(s);
	s = open_test_store();
	run(s, 20, 0);
	assert_int_equal(looked_at, 0);
	store_close(s);
}

static void test_in_steps(void **state)
{
	struct store *s = make_keys();

	setting = 1;
	run(s, 1, 0);
	assert_true(looked_at < MANY);
	store_close(s);
}

static void test_a_new_setting(void **state)
{
	struct store *s = make_keys();

	setting = 1;
	run(s, 0, 0);
	assert_int_equal(planned(s), MANY);
	run(s, 0, 2);
	assert_int_equal(looked_at, MANY);	/* all again, while it runs */
	run(s, 20, 0);
	assert_int_equal(looked_at, 0);
	setting = 3;				/* or before a start */
	run(s, 0, 0);
	assert_int_equal(looked_at, MANY);
	store_close(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = { TEST(test_once), TEST(test_in_steps), TEST(test_a_new_setting) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
