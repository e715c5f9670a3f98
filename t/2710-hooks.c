/* Who chose a certificate's own scripts: what makes them an administrator's, what the audit log of a former release shows; who sees what they print. */
#include "t/lib/store.h"

#include "base/log.h"
#include "store/hooks.h"
#include "store/notify/alert.h"
#include "store/record/steps.h"

/* An event at a time of its own. */
static void happened(struct txn *t, int64_t time, const char *actor, const char *action, const char *object, const char *message)
{
	_cleanup_(rec_event_release) struct rec_event event = { 0 };
	char id[17];

	OK(history_add(t, &(struct event_of){ .actor = actor, .action = action, .object = object }, &e, "%s", message));
	snprintf(id, sizeof(id), "%016zx", txn_count(t, TABLE_event));
	OK(rec_event_get(t, &event, id, &e));
	event.time = time;
	OK(rec_event_put(t, &event, &e));
}

static void add_user(struct txn *t, const char *name, int64_t created, const char *role, const char *added)
{
	_cleanup_(rec_user_release) struct rec_user user = { .created = created };

	record_set(&user.id, name);
	record_set(&user.name, name);
	record_set(&user.role, role);
	OK(rec_user_put(t, &user, &e));
	happened(t, created, "local admin", "user.added", name, added);
}

static void add_token(struct txn *t, const char *name, int64_t created, const char *role, const char *user)
{
	_cleanup_(rec_token_release) struct rec_token token = { .created = created };

	record_set(&token.id, name);
	record_set(&token.name, name);
	record_set(&token.role, role);
	record_set(&token.user_id, user);
	OK(rec_token_put(t, &token, &e));
}

/* Until 200 these have their first role, from then on the other. */
static void add_people(struct txn *t)
{
	add_user(t, "first", 10, "admin", "the first administrator");
	add_user(t, "anna", 10, "admin", "with the role admin");
	add_user(t, "bob", 10, "operator", "with the role operator");
	add_user(t, "promoted", 10, "admin", "with the role operator");
	add_user(t, "demoted", 10, "operator", "with the role admin");
	add_user(t, "again", 150, "admin", "with the role admin");	/* another had that name before */
	happened(t, 200, "local admin", "user.changed", "promoted", "role admin");
	happened(t, 200, "local admin", "user.changed", "demoted", "role operator, disabled");
	add_token(t, "root", 10, "admin", NULL);
	add_token(t, "robot", 10, "operator", NULL);
	add_token(t, "late", 150, "admin", NULL);
	add_token(t, "deputy", 10, "admin", "demoted");
}

#define SET 1		/* what the certificate has of its own */
#define ENVIRONMENT 2
#define DEPLOY 4
#define NONE 8

static const struct old_cert {
	const char *name;
	int has;
	struct {
		int64_t time;
		const char *actor, *action, *message;
	} events[4];		/* in their order */
	enum hooks_choice hooks;
	const char *by;
} old_certs[] = {
#define ADDED "certificate.added", "www.example and 0 more, account ca, key x"
#define CHANGED(members) "certificate.hooks", "changed: " members
	{ "plain", 0, { { 100, "bob", ADDED } }, HOOKS_UNSAID, NULL },
	{ "local", SET | ENVIRONMENT, { { 100, "local admin", ADDED } }, HOOKS_CHOSEN, "local admin" },
	{ "operators", SET, { { 100, "bob", ADDED } }, HOOKS_UNCONFIRMED, "bob" },
	{ "no-events", SET, { { 0 } }, HOOKS_UNCONFIRMED, NULL },
	{ "replaced", SET | ENVIRONMENT, { { 100, "bob", ADDED }, { 101, "local admin", CHANGED("hook_set, hook_environment") } }, HOOKS_CHOSEN, "local admin" },
	{ "half", SET | ENVIRONMENT, { { 100, "bob", ADDED }, { 101, "local admin", CHANGED("hook_set") } }, HOOKS_UNCONFIRMED, "bob" },
	{ "two", SET | DEPLOY, { { 100, "bob", ADDED }, { 101, "anna", CHANGED("hook_set") }, { 102, "local admin", CHANGED("deploy_hook") } },
	  HOOKS_CHOSEN, "local admin" },
	{ "operator-after", SET | ENVIRONMENT, { { 100, "anna", ADDED }, { 101, "bob", CHANGED("hook_environment") } }, HOOKS_UNCONFIRMED, "bob" },
	{ "no-choice", SET, { { 100, "anna", ADDED }, { 101, "bob", CHANGED("propagation") }, { 102, "bob", "certificate.changed", "changed: names" } },
	  HOOKS_CHOSEN, "anna" },
	{ "overruled", SET, { { 100, "bob", CHANGED("hook_set") }, { 101, "anna", CHANGED("hook_set") } }, HOOKS_CHOSEN, "anna" },
	{ "unread", SET, { { 100, "anna", ADDED }, { 101, "bob", "certificate.hooks", "something else" } }, HOOKS_UNCONFIRMED, "bob" },
	{ "none", NONE, { { 100, "bob", ADDED } }, HOOKS_UNSAID, NULL },
	{ "firsts", SET, { { 100, "first", ADDED } }, HOOKS_CHOSEN, "first" },
	{ "before", SET, { { 100, "promoted", ADDED } }, HOOKS_UNCONFIRMED, "promoted" },
	{ "since", SET, { { 201, "promoted", ADDED } }, HOOKS_CHOSEN, "promoted" },
	{ "was", SET, { { 100, "demoted", ADDED } }, HOOKS_CHOSEN, "demoted" },
	{ "was-not", SET, { { 201, "demoted", ADDED } }, HOOKS_UNCONFIRMED, "demoted" },
	{ "other-one", SET, { { 100, "again", ADDED } }, HOOKS_UNCONFIRMED, "again" },
	{ "gone", SET, { { 100, "removed", ADDED } }, HOOKS_UNCONFIRMED, "removed" },
	{ "by-token", SET, { { 100, "token root", ADDED } }, HOOKS_CHOSEN, "token root" },
	{ "by-robot", SET, { { 100, "token robot", ADDED } }, HOOKS_UNCONFIRMED, "token robot" },
	{ "by-late", SET, { { 100, "token late", ADDED } }, HOOKS_UNCONFIRMED, "token late" },
	{ "by-deputy", SET, { { 100, "token deputy", ADDED } }, HOOKS_CHOSEN, "token deputy" },
	{ "by-former", SET, { { 201, "token deputy", ADDED } }, HOOKS_UNCONFIRMED, "token deputy" },
	{ "by-engine", SET, { { 100, "engine", ADDED } }, HOOKS_UNCONFIRMED, "engine" },
};

static void put_txt(struct txn *t, const char *cert_id, int number, const char *environment)
{
	_cleanup_(rec_txt_release) struct rec_txt txt = { 0 };
	_cleanup_free_ char *order = record_child_id(cert_id, 1);

	txt.id = record_child_id(order, number);
	record_set(&txt.cert_id, cert_id);
	record_set(&txt.hook_set, "own");
	record_set_blob(&txt.environment, slice_str(environment));
	OK(rec_txt_put(t, &txt, &e));
}

static void put_old(struct txn *t, const struct old_cert *old)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

	record_set(&cert.id, old->name);
	record_set(&cert.name, old->name);
	record_set(&cert.hook_set, old->has & SET ? "own" : NULL);
	record_set(&cert.deploy_hook, old->has & DEPLOY ? "own" : old->has & NONE ? HOOKS_NONE : NULL);
	if (old->has & ENVIRONMENT)
		record_set_blob(&cert.hook_environment, slice_str("sealed"));
	OK(rec_cert_put(t, &cert, &e));
	put_txt(t, old->name, 1, old->has & ENVIRONMENT ? "sealed" : "");
	put_txt(t, old->name, 2, "of before");
	for (size_t i = 0; i < ARRAY_SIZE(old->events) && old->events[i].actor; i++)
		happened(t, old->events[i].time, old->events[i].actor, old->events[i].action, old->name, old->events[i].message);
}

static void put_channel(struct txn *t)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };

	record_set(&channel.id, "channel");
	record_set(&channel.name, "channel");
	record_set(&channel.kind, "webhook");
	OK(rec_channel_put(t, &channel, &e));
}

static void assert_judged(struct txn *t, const struct old_cert *old, size_t *unconfirmed)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_free_ char *order = record_child_id(old->name, 1);

	OK(rec_cert_get(t, &cert, old->name, &e));
	if (cert.hooks != old->hooks || !str_eq(cert.hooks_by, old->by))
		fail_msg("%s: %d by %s", old->name, (int)cert.hooks, cert.hooks_by ? cert.hooks_by : "nobody");
	*unconfirmed += old->hooks == HOOKS_UNCONFIRMED;
	assert_int_equal(hooks_check_dns(&cert, &e) < 0, old->hooks == HOOKS_UNCONFIRMED && (old->has & (SET | ENVIRONMENT)));
	for (int number = 1; number <= 2; number++) {
		_cleanup_(rec_txt_release) struct rec_txt txt = { 0 };
		_cleanup_free_ char *id = record_child_id(order, number);

		OK(rec_txt_get(t, &txt, id, &e));
		if (txt.confirmed != (old->hooks == HOOKS_CHOSEN && number == 1))
			fail_msg("%s: its record %d is %sconfirmed", old->name, number, txt.confirmed ? "" : "un");
	}
}

static void test_upgrade(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	size_t unconfirmed = 0;

	add_people(t);
	put_channel(t);
	for (size_t i = 0; i < ARRAY_SIZE(old_certs); i++)
		put_old(t, &old_certs[i]);
	put(t, TABLE_meta, "format", "1");
	OK(txn_commit(t, &e));
	store_close(s);

	s = open_test_store();
	t = read_txn(s);
	for (size_t i = 0; i < ARRAY_SIZE(old_certs); i++)
		assert_judged(t, &old_certs[i], &unconfirmed);
	assert_int_equal(txn_count(t, TABLE_outbox), unconfirmed);	/* people are told of each */
	txn_abort(t);
	store_close(s);
}

static void assert_chosen(const struct rec_cert *cert, enum hooks_choice hooks, const char *by)
{
	assert_int_equal(cert->hooks, hooks);
	if (!str_eq(cert->hooks_by, by))
		fail_msg("by %s", cert->hooks_by ? cert->hooks_by : "nobody");
}

static void test_choose(void **state)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

	hooks_choose(&cert, HOOKS_ALL, "anna");
	assert_chosen(&cert, HOOKS_UNSAID, NULL);
	record_set(&cert.hook_set, "own");
	FAILS(hooks_check_dns(&cert, &e), DENIED, "no administrator confirmed");
	assert_string_equal(e.code, HOOKS_UNCONFIRMED_CODE);
	OK(hooks_check_deploy(&cert, &e));
	hooks_choose(&cert, hooks_member("hook_set"), "anna");
	assert_chosen(&cert, HOOKS_CHOSEN, "anna");
	OK(hooks_check_dns(&cert, &e));

	cert.hooks = HOOKS_UNCONFIRMED;
	record_set(&cert.deploy_hook, "own");
	hooks_choose(&cert, hooks_member("deploy_hook"), "carl");	/* the other one is still nobody's */
	assert_chosen(&cert, HOOKS_UNCONFIRMED, "anna");
	FAILS(hooks_check_deploy(&cert, &e), DENIED, "no administrator confirmed");
	hooks_choose(&cert, hooks_member("deploy_hook") | hooks_member("hook_set"), "carl");
	assert_chosen(&cert, HOOKS_CHOSEN, "carl");
	record_set(&cert.hook_set, NULL);
	record_set(&cert.deploy_hook, HOOKS_NONE);
	hooks_choose(&cert, hooks_member("hook_set"), "carl");
	assert_chosen(&cert, HOOKS_UNSAID, NULL);
	assert_int_equal(hooks_member("names"), 0);
}

static void assert_steps(char *const *log, bool all, const char *const *expected)
{
	_cleanup_json_ json_t *list = steps_json(log, all);
	size_t n = 0;

	for (; expected[n]; n++)
		assert_non_null(strstr(json_string_value(json_array_get(list, n)), expected[n]));
	assert_int_equal(json_array_size(list), n);
}

static void test_steps(void **state)
{
	_cleanup_strv_ char **log = NULL;

	strv_add(&log, "2026-11-21T00:08:40Z setting x by own");	/* of a former release, which did not mark its own */
	strv_add(&log, "2026-11-21T00:08:41Z own: printed before");
	strv_add(&log, "short");
	steps_add(&log, STEPS_OURS, (char *[]){ "setting y by own", NULL });
	steps_add(&log, STEPS_PRINTED, (char *[]){ "own: one", NULL });
	steps_add(&log, STEPS_OURS, (char *[]){ "removed y", NULL });
	steps_add(&log, STEPS_PRINTED, (char *[]){ "own: two", "own:\tthree", NULL });
	assert_steps(log, true, (const char *[]){ "00:08:40Z setting x", "00:08:41Z own: printed", "short", "Z setting y by own",
						   "Z own: one", "Z removed y", "Z own: two", "Z own: three", NULL });
	assert_steps(log, false, (const char *[]){ "00:08:40Z 3 lines for administrators only", "Z setting y by own",
						    "Z 1 line for administrators only", "Z removed y", "Z 2 lines for", NULL });
	assert_steps(NULL, false, (const char *[]){ NULL });
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = { TEST(test_upgrade), TEST(test_choose), TEST(test_steps) };

	log_setup(LOG_LEVEL_ERROR, false);	/* each that is not confirmed is a warning */
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
