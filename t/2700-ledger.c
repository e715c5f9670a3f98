/* The ledger of rate limits, with a clock of our own. */
#include "t/lib/store.h"

#include "store/ledger.h"

#define NOW 1800000000
#define HOUR 3600
#define DAY 86400
#define LE "https://acme-v02.api.letsencrypt.org/directory"
#define OTHER "https://ca.example/directory"

static char *shop[] = { "shop.example.org", "www.example.org", NULL };
static char *shop_turned[] = { "www.example.org", "shop.example.org", NULL };
static char *elsewhere[] = { "a.example.co.uk", NULL };

static struct ledger_order order_of(const char *directory, char **names)
{
	return (struct ledger_order){ .account_id = "acc", .directory = directory, .names = names };
}

static int64_t ask(struct txn *t, const struct ledger_order *o, int64_t now, int64_t ahead, struct ledger_answer *a)
{
	OK(ledger_ask(t, o, now, ahead, a, &e));
	return a->when - now;
}

static void sent(struct txn *t, const struct ledger_order *o, int64_t now, int times)
{
	for (int i = 0; i < times; i++)
		OK(ledger_sent(t, o, now, &e));
}

static void test_known(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct ledger_order o = order_of(LE, shop), turned = order_of(LE, shop_turned), other = order_of(LE, elsewhere);
	struct ledger_answer a;

	assert_int_equal(ask(t, &o, NOW, 0, &a), 0);
	sent(t, &o, NOW, 5);
	assert_int_equal(ask(t, &o, NOW + 1, 0, &a), 7 * DAY);	/* and a second more */
	assert_int_equal(a.limit, LIMIT_set);
	assert_non_null(strstr(a.why, "5 certificates for exactly these names in 7 days"));
	assert_int_equal(ask(t, &turned, NOW + 1, 0, &a), 7 * DAY);	/* their order does not matter */
	assert_int_equal(ask(t, &other, NOW + 1, 0, &a), 0);
	assert_int_equal(ask(t, &o, NOW + 7 * DAY + 1, 0, &a), 0);
	txn_abort(t);
	store_close(s);
}

static void test_domain(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct ledger_answer a;
	struct ledger_order o = order_of(LE, shop), other = order_of(LE, elsewhere);

	for (int i = 0; i < 50; i++) {
		_cleanup_free_ char *name = xasprintf("n%d.example.org", i);
		char *names[] = { name, NULL };
		struct ledger_order one = order_of(LE, names);

		assert_int_equal(ask(t, &one, NOW + i, 0, &a), 0);
		sent(t, &one, NOW + i, 1);
	}
	assert_int_equal(ask(t, &o, NOW + 100, 0, &a), 7 * DAY - 99);
	assert_int_equal(a.limit, LIMIT_domain);
	assert_non_null(strstr(a.why, "50 certificates for example.org"));
	assert_int_equal(ask(t, &other, NOW + 100, 0, &a), 0);
	o.renewal = true;	/* Let's Encrypt does not count those */
	assert_int_equal(ask(t, &o, NOW + 100, 0, &a), 0);
	o.renewal = false;
	o.exempt = true;
	assert_int_equal(ask(t, &o, NOW + 100, 0, &a), 0);
	txn_abort(t);
	store_close(s);
}

static void test_slots(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct ledger_answer a;

	for (int i = 0; i < 300; i++) {
		_cleanup_free_ char *name = xasprintf("n%d.example", i);
		char *names[] = { name, NULL };
		struct ledger_order one = order_of(LE, names);

		sent(t, &one, NOW + i, 1);
	}
	struct ledger_order o = order_of(LE, elsewhere);

	assert_int_equal(ask(t, &o, NOW + 300, 0, &a), 3 * HOUR - 299);
	assert_int_equal(ask(t, &o, NOW + 300, 1, &a), 3 * HOUR - 298);
	assert_int_equal(ask(t, &o, NOW + 300, 299, &a), 3 * HOUR);
	assert_int_equal(ask(t, &o, NOW + 300, 300, &a), 3 * HOUR - 299 + 3 * HOUR + 1);
	assert_int_equal(ask(t, &o, NOW + 300, 3000, &a), 3 * HOUR - 299 + 10 * (3 * HOUR + 1));
	txn_abort(t);
	store_close(s);
}

static void test_learning(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct ledger_order o = order_of(OTHER, shop);
	struct err limited = { .kind = ERR_CA, .code = "rateLimited", .detail = "slow down", .retry_at = NOW + 60 };
	struct ledger_answer a;

	assert_int_equal(ask(t, &o, NOW, 5000, &a), 0);	/* nothing is known */
	for (int i = 0; i < 10; i++)
		sent(t, &o, NOW + i, 1);
	sent(t, &o, NOW + 10, 1);
	OK(ledger_refused(t, &o, &limited, NOW + 10, &e));
	assert_int_equal(ask(t, &o, NOW + 11, 0, &a), 51);	/* when the CA said, and a second */
	assert_int_equal(a.limit, LIMIT_orders);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(ask(t, &o, NOW + 62 + i, 0, &a), 0);
		sent(t, &o, NOW + 62 + i, 1);
	}
	assert_true(ask(t, &o, NOW + 72, 0, &a) >= 50);	/* ten, not eleven */

	/* It was a bucket that fills slowly: the second refusal teaches the true rate. */
	limited.retry_at = NOW + 200 + 36;
	sent(t, &o, NOW + 200, 1);
	sent(t, &o, NOW + 201, 1);
	OK(ledger_refused(t, &o, &limited, NOW + 201, &e));
	sent(t, &o, NOW + 240, 1);
	sent(t, &o, NOW + 241, 1);
	limited.retry_at = NOW + 276;
	OK(ledger_refused(t, &o, &limited, NOW + 241, &e));
	assert_int_equal(ask(t, &o, NOW + 277, 0, &a), 1);
	sent(t, &o, NOW + 278, 1);
	assert_true(ask(t, &o, NOW + 279, 0, &a) >= 36);
	assert_int_equal(ask(t, &o, NOW + 10 * DAY, 100, &a), 0);	/* long ago: forgotten */
	txn_abort(t);
	store_close(s);
}

static void test_meaning(void **state)
{
	static const struct {
		const char *detail;
		enum limit limit;
	} cases[] = {
		{ "too many certificates (50) already issued for \"example.org\" in the last 168h0m0s", LIMIT_domain },
		{ "too many certificates (5) already issued for this exact set of identifiers", LIMIT_set },
		{ "too many failed authorizations (5) for \"www.example.org\" in the last 1h0m0s", LIMIT_failed },
		{ "too many new orders (300) from this account in the last 3h0m0s", LIMIT_orders },
		{ "see https://notexample.org/limits", LIMIT_orders },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store *s = open_test_store();
		struct txn *t = write_txn(s);
		struct ledger_order o = order_of(OTHER, shop), other = order_of(OTHER, elsewhere);
		struct err limited = { .kind = ERR_CA, .code = "rateLimited", .retry_at = NOW + 500 };
		struct ledger_answer a;

		err_detail(&limited, "%s", cases[i].detail);
		sent(t, &o, NOW, 1);
		OK(ledger_refused(t, &o, &limited, NOW, &e));
		assert_int_equal(ask(t, &o, NOW, 0, &a), 501);
		assert_int_equal(a.limit, cases[i].limit);
		assert_int_equal(ask(t, &other, NOW, 0, &a), cases[i].limit == LIMIT_orders ? 501 : 0);
		txn_abort(t);
		store_close(s);
	}
}

static void test_failed(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct ledger_order o = order_of(LE, shop);
	char *one[] = { "shop.example.org", NULL }, *two[] = { "www.example.org", NULL };
	struct ledger_order innocent = order_of(LE, one), guilty = order_of(LE, two);
	struct err why = { .kind = ERR_CA, .code = "unauthorized" };
	struct ledger_answer a;

	err_set(&why, ERR_CA, "www.example.org: 403 unauthorized");
	for (int i = 0; i < 5; i++)
		OK(ledger_failed(t, &o, &why, NOW, &e));
	assert_int_equal(ask(t, &guilty, NOW, 0, &a), HOUR + 1);
	assert_int_equal(a.limit, LIMIT_failed);
	assert_int_equal(ask(t, &o, NOW, 0, &a), HOUR + 1);
	assert_int_equal(ask(t, &innocent, NOW, 0, &a), 0);
	txn_abort(t);
	store_close(s);
}

static void test_shown_and_pruned(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct ledger_order o = order_of(LE, shop);
	json_t *list;

	sent(t, &o, NOW, 4);
	list = ledger_json(t, "acc", LE, NOW);
	assert_int_equal(json_array_size(list), 2);	/* the domain is far from its limit */
	assert_int_equal(json_int(json_array_get(list, 0), "left", -1), 1);
	assert_int_equal(json_int(json_array_get(list, 1), "left", -1), 296);
	assert_string_equal(json_str(json_array_get(list, 0), "of"), "shop.example.org, www.example.org");
	assert_string_equal(json_str(json_array_get(list, 1), "of"), "");
	json_decref(list);
	OK(txn_commit(t, &e));
	OK(ledger_prune(s, NOW + DAY, &e));
	t = read_txn(s);
	assert_int_equal(txn_count(t, TABLE_usage), 3);
	txn_abort(t);
	OK(ledger_prune(s, NOW + 9 * DAY, &e));
	t = read_txn(s);
	assert_int_equal(txn_count(t, TABLE_usage), 0);
	txn_abort(t);
	store_close(s);
}

/* However many names a set has, its row says which it is. */
static void test_of_many_names(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	char *names[] = { "a.example", "b.example", "c.example", "d.example", "e.example", "f.example", "g.example", NULL };
	struct ledger_order o = order_of(LE, names);
	_cleanup_json_ json_t *list = NULL;

	sent(t, &o, NOW, 4);
	list = ledger_json(t, "acc", LE, NOW);
	assert_string_equal(json_str(json_array_get(list, 0), "of"), "a.example, b.example, c.example, d.example, e.example and 2 more");
	txn_abort(t);
	store_close(s);
}

static void test_of_an_order(void **state)
{
	struct store *s = open_test_store();
	struct txn *t = write_txn(s);
	struct ledger_order o = order_of(LE, shop), other = order_of(OTHER, shop);
	_cleanup_json_ json_t *touched = NULL, *nothing = NULL;

	sent(t, &o, NOW, 2);
	touched = ledger_order_json(t, &o, NOW + 1);
	assert_int_equal(json_array_size(touched), 5);	/* orders, the domain, the set, failures of each name */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(json_int(json_array_get(touched, i), "used", -1), 2);
	assert_string_equal(json_str(json_array_get(touched, 1), "of"), "example.org");
	assert_string_equal(json_str(json_array_get(touched, 2), "of"), "shop.example.org, www.example.org");
	assert_int_equal(json_int(json_array_get(touched, 2), "left", -1), 3);
	assert_int_equal(json_int(json_array_get(touched, 3), "used", -1), 0);
	nothing = ledger_order_json(t, &other, NOW);
	assert_int_equal(json_array_size(nothing), 0);
	txn_abort(t);
	store_close(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_test_dir, remove_test_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_of_many_names),
		TEST(test_known),	TEST(test_domain),	TEST(test_slots),
		TEST(test_learning),	TEST(test_meaning),	TEST(test_failed),
		TEST(test_shown_and_pruned), TEST(test_of_an_order),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
