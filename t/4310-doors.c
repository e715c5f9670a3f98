/* Who may come in: limits of one address, of which an IPv6 network is one; whose connection is closed for others. */
#include "daemon/front/doors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/metric.h"
#include "daemon/front/waits.h"

static struct doors *doors;

static int set_up(void **state)
{
	struct cidr trusted;
	struct doors_limits limits = {
		.connections = 400, .per_address = 3, .per_second = 2, .trusted = { &trusted, 1 }
	};

	doors = doors_new();
	assert_int_equal(cidr_parse(&trusted, "10.0.0.0/8", NULL), 0);
	doors_limit(doors, &limits);
	return 0;
}

static int tear_down(void **state)
{
	doors_free(doors);
	return 0;
}

static struct door *enter(enum face face, const char *from)
{
	struct address peer;

	assert_int_equal(address_parse_host(&peer, from), 0);
	return doors_enter(doors, face, &peer);
}

static void test_connections(void **state)
{
	struct door *door[3];
	uint64_t refused = metric_get(METRIC_refused_many);

	for (size_t i = 0; i < ARRAY_SIZE(door); i++)
		assert_non_null(door[i] = enter(FACE_HTTPS, "192.0.2.1"));
	assert_null(enter(FACE_HTTPS, "192.0.2.1"));
	assert_null(enter(FACE_HTTPS, "::ffff:192.0.2.1"));
	assert_int_equal(metric_get(METRIC_refused_many), refused + 2);
	doors_leave(doors, enter(FACE_HTTPS, "192.0.2.2"), FACE_HTTPS, true);
	doors_leave(doors, enter(FACE_HTTP, "192.0.2.1"), FACE_HTTP, true);
	doors_leave(doors, door[0], FACE_HTTPS, false);
	assert_non_null(door[0] = enter(FACE_HTTPS, "192.0.2.1"));
	for (size_t i = 0; i < ARRAY_SIZE(door); i++)
		doors_leave(doors, door[i], FACE_HTTPS, false);
}

static void test_networks(void **state)
{
	struct door *door[] = { enter(FACE_HTTPS, "2001:db8::1"), enter(FACE_HTTPS, "2001:db8::2"),
				enter(FACE_HTTPS, "2001:db8:0:0:ffff::") };

	assert_ptr_equal(door[0], door[2]);
	assert_null(enter(FACE_HTTPS, "2001:db8::3"));
	doors_leave(doors, enter(FACE_HTTPS, "2001:db8:0:1::3"), FACE_HTTPS, true);
	for (size_t i = 0; i < ARRAY_SIZE(door); i++)
		doors_leave(doors, door[i], FACE_HTTPS, true);
}

/* Ten seconds' worth at once, then no more: by https. */
static void test_rate(void **state)
{
	uint64_t refused = metric_get(METRIC_refused_fast);
	int came = 0;

	for (int i = 0; i < 40; i++) {
		struct door *one = enter(FACE_HTTPS, "192.0.2.7"), *http = enter(FACE_HTTP, "192.0.2.7");

		came += one != NULL;
		if (one)
			doors_leave(doors, one, FACE_HTTPS, false);
		assert_non_null(http);
		doors_leave(doors, http, FACE_HTTP, true);
	}
	assert_in_range(came, 20, 23);
	assert_int_equal(metric_get(METRIC_refused_fast), refused + 40 - (uint64_t)came);
}

/* By http only who has not sent a whole request counts. */
static void test_unread(void **state)
{
	struct door *door[10];

	for (size_t i = 0; i < ARRAY_SIZE(door); i++) {
		assert_non_null(door[i] = enter(FACE_HTTP, "192.0.2.3"));
		if (i < 7)
			door_unread(door[i], FACE_HTTP, false);
	}
	assert_null(enter(FACE_HTTP, "192.0.2.3"));
	door_unread(door[9], FACE_HTTP, false);
	assert_non_null(door[9] = enter(FACE_HTTP, "192.0.2.3"));
	for (size_t i = 0; i < ARRAY_SIZE(door); i++)
		doors_leave(doors, door[i], FACE_HTTP, i >= 7);
}

static void test_trusted(void **state)
{
	struct door *door[40];

	for (size_t i = 0; i < ARRAY_SIZE(door); i++)
		assert_non_null(door[i] =
					enter(i % 2 ? FACE_HTTPS : FACE_HTTP, i % 3 ? "10.9.8.7" : "::ffff:10.0.0.1"));
	for (size_t i = 0; i < ARRAY_SIZE(door); i++)
		doors_leave(doors, door[i], i % 2 ? FACE_HTTPS : FACE_HTTP, true);
}

/* However many have come, only those are remembered of whom there is something to remember. */
static void test_many_addresses(void **state)
{
	for (int i = 0; i < 100000; i++) {
		char from[32];
		struct door *one;

		snprintf(from, sizeof(from), "198.%d.%d.%d", 18 + i / 65536, i / 256 % 256, i % 256);
		one = enter(FACE_HTTPS, from);
		assert_non_null(one);
		doors_leave(doors, one, FACE_HTTPS, true);
	}
}

/* Where fewer files may be open, there are fewer connections; and no address has more than half of a port's. */
static void test_shares(void **state)
{
	struct doors_limits limits = { .connections = 400, .per_address = 1000, .per_second = 1000 };
	struct rlimit old, low;
	struct door *door[19];

	assert_int_equal(doors_most(doors, FACE_HTTP), 100);
	assert_int_equal(doors_most(doors, FACE_HTTPS), 300);
	getrlimit(RLIMIT_NOFILE, &old);
	low = (struct rlimit){ 200, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &low);
	doors_limit(doors, &limits);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(doors_most(doors, FACE_HTTP), 37);
	assert_int_equal(doors_most(doors, FACE_HTTPS), 113);
	for (size_t i = 0; i < ARRAY_SIZE(door); i++)
		door[i] = enter(FACE_HTTP, "192.0.2.1");
	assert_non_null(door[17]);
	assert_null(door[18]);
	for (size_t i = 0; i < 18; i++)
		doors_leave(doors, door[i], FACE_HTTP, true);
}

static void test_waits(void **state)
{
	struct waiting one[4];
	struct waits w;

	waits_init(&w);
	assert_null(waits_victim(&w));
	waits_add(&w, &one[0], WAIT_ANSWER, 0);
	assert_null(waits_victim(&w));
	assert_null(waits_late(&w, 1000000000));
	waits_add(&w, &one[1], WAIT_READER, 1000);
	assert_ptr_equal(waits_victim(&w), &one[1]);
	waits_add(&w, &one[2], WAIT_HEAD, 3000);
	waits_add(&w, &one[3], WAIT_IDLE, 2000);
	assert_ptr_equal(waits_victim(&w), &one[3]);
	assert_null(waits_late(&w, 12999));
	assert_ptr_equal(waits_late(&w, 13000), &one[2]);
	waits_move(&w, &one[2], WAIT_BODY, 13000);
	assert_null(waits_late(&w, 30999));
	assert_ptr_equal(waits_late(&w, 31000), &one[1]);
	waits_remove(&one[1]);
	assert_ptr_equal(waits_late(&w, 32000), &one[3]);
	waits_remove(&one[3]);
	assert_ptr_equal(waits_victim(&w), &one[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_trusted),
		cmocka_unit_test(test_many_addresses),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_waits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
