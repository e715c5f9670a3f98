/* Addresses and networks. */
#include "base/net.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/un.h>

#include <cmocka.h>

static void addresses(void **state)
{
	static const struct {
		const char *in, *text, *host;
		int family, port;
		bool any;
	} cases[] = {
		{ "192.0.2.1:80", "192.0.2.1:80", "192.0.2.1", AF_INET, 80, false },
		{ "0.0.0.0:65535", "0.0.0.0:65535", "0.0.0.0", AF_INET, 65535, false },
		{ "[2001:db8::1]:443", "[2001:db8::1]:443", "2001:db8::1", AF_INET6, 443, false },
		{ "[2001:0DB8:0::1]:443", "[2001:db8::1]:443", "2001:db8::1", AF_INET6, 443, false },
		{ "[::ffff:192.0.2.1]:80", "192.0.2.1:80", "192.0.2.1", AF_INET6, 80, false },
		{ "*:80", "*:80", "::", AF_INET6, 80, true },
		{ ":80", "*:80", "::", AF_INET6, 80, true },
		{ "[::]:80", "*:80", "::", AF_INET6, 80, true },
	};
	char out[ADDRESS_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct address a;

		assert_int_equal(address_parse(&a, cases[i].in, NULL), 0);
		assert_int_equal(a.sa.ss_family, cases[i].family);
		assert_int_equal(a.len,
				 cases[i].family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		assert_int_equal(address_port(&a), cases[i].port);
		assert_int_equal(address_any(&a), cases[i].any);
		assert_string_equal(address_text(out, &a), cases[i].text);
		assert_string_equal(address_host(out, &a), cases[i].host);
	}
}

static void bad_addresses(void **state)
{
	static const char *const bad[] = {
		"",
		"192.0.2.1",
		"192.0.2.1:",
		"192.0.2.1:0",
		"192.0.2.1:65536",
		"192.0.2.1:999999999999",
		"192.0.2.1:-1",
		"192.0.2.1: 80",
		"192.0.2.1:80 ",
		"192.0.2.1:8x",
		"192.0.2.1:http",
		"192.0.2.256:80",
		"192.0.2:80",
		"2001:db8::1:443",
		"[2001:db8::1]",
		"[192.0.2.1]:80",
		"[]:80",
		"[:80",
		"localhost:80",
		"[*]:80",
		"::80",
		"[fe80::1%eth0]:80",
		"*",
		"**:80",
	};
	struct address a;
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&e);
		assert_int_equal(address_parse(&a, bad[i], &e), -1);
		assert_int_equal(e.kind, ERR_INVALID);
		assert_non_null(strstr(e.message, bad[i]));
	}
}

static void hosts(void **state)
{
	struct address a;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char out[ADDRESS_TEXT];

	assert_int_equal(address_parse_host(&a, "2001:db8::1"), 0);
	assert_int_equal(address_port(&a), 0);
	assert_string_equal(address_text(out, &a), "[2001:db8::1]:0");
	assert_int_equal(address_parse_host(&a, "192.0.2.1"), 0);
	assert_int_equal(address_parse_host(&a, "192.0.2.1:80"), -1);
	assert_int_equal(address_parse_host(&a, "example.org"), -1);
	a = (struct address){ .len = sizeof(un) };
	memcpy(&a.sa, &un, sizeof(un));
	assert_string_equal(address_text(out, &a), "local");
	assert_string_equal(address_host(out, &a), "local");
	assert_int_equal(address_port(&a), 0);
	assert_int_equal(address_parse_host(&a, "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"), 0);
	assert_string_equal(address_host(out, &a), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

/* Is the address in a list of this one network? */
static bool covers(const char *network, const char *host)
{
	struct cidr c;
	struct cidr_list list = { &c, 1 };
	struct address a;

	assert_int_equal(cidr_parse(&c, network, NULL), 0);
	assert_int_equal(address_parse_host(&a, host), 0);
	return cidr_list_has(&list, (const struct sockaddr *)&a.sa);
}

static void networks(void **state)
{
	assert_true(covers("192.0.2.0/24", "192.0.2.255"));
	assert_false(covers("192.0.2.0/24", "192.0.3.0"));
	assert_true(covers("192.0.2.128/25", "192.0.2.200"));
	assert_false(covers("192.0.2.128/25", "192.0.2.127"));
	assert_true(covers("10.0.0.0/7", "11.255.255.255"));
	assert_false(covers("10.0.0.0/7", "12.0.0.0"));
	assert_true(covers("0.0.0.0/0", "255.1.2.3"));
	assert_false(covers("0.0.0.0/0", "2001:db8::1"));
	assert_true(covers("::/0", "2001:db8::1"));
	assert_false(covers("::/0", "192.0.2.1"));
	assert_true(covers("192.0.2.1", "192.0.2.1"));
	assert_false(covers("192.0.2.1", "192.0.2.2"));
	assert_true(covers("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(covers("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(covers("2001:db8::1/128", "2001:db8::1"));
	assert_true(covers("255.255.255.255/32", "255.255.255.255"));
}

static void mapped(void **state)
{
	assert_true(covers("192.0.2.0/24", "::ffff:192.0.2.9"));
	assert_false(covers("192.0.2.0/24", "::ffff:192.0.3.9"));
	assert_true(covers("::ffff:192.0.2.0/120", "192.0.2.9"));
	assert_true(covers("::ffff:192.0.2.0/120", "::ffff:192.0.2.9"));
	assert_true(covers("::ffff:192.0.2.9", "192.0.2.9"));
	assert_true(covers("::ffff:0.0.0.0/96", "203.0.113.1"));
	assert_false(covers("::/0", "::ffff:192.0.2.9"));
	assert_false(covers("::192.0.2.0/120", "192.0.2.9"));
}

static void bad_networks(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/24",
		"192.0.2.0/",
		"192.0.2.0/33",
		"192.0.2.0/-1",
		"192.0.2.0/+8",
		"192.0.2.0/24 ",
		"192.0.2.0/2x",
		"192.0.2.1/24",
		"192.0.2.128/24",
		"2001:db8::1/64",
		"2001:db8::/129",
		"::1/0",
		"1.2.3.4/0",
		"192.0.2/24",
		"example.org",
		"::ffff:192.0.2.1/120",
		"::ffff:0.0.0.0/95",
		"192.0.2.0/24/8",
		"[::1]",
		"192.0.2.0/000000",
	};
	struct cidr c;
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&e);
		assert_int_equal(cidr_parse(&c, bad[i], &e), -1);
		assert_int_equal(e.kind, ERR_INVALID);
		assert_non_null(strstr(e.message, bad[i]));
	}
}

static void lists(void **state)
{
	static const char *const networks_of[] = { "192.0.2.0/24", "2001:db8::/32" };
	struct cidr_list list = { NULL, 0 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct address a;

	assert_int_equal(address_parse_host(&a, "2001:db8::1"), 0);
	assert_false(cidr_list_has(&list, (const struct sockaddr *)&a.sa));
	list.item = xcalloc(ARRAY_SIZE(networks_of), sizeof(*list.item));
	for (; list.count < ARRAY_SIZE(networks_of); list.count++)
		assert_int_equal(cidr_parse(&list.item[list.count], networks_of[list.count], NULL), 0);
	assert_true(cidr_list_has(&list, (const struct sockaddr *)&a.sa));
	assert_false(cidr_list_has(&list, (const struct sockaddr *)&un));
	cidr_list_release(&list);
	assert_null(list.item);
	assert_int_equal(list.count, 0);
}

static void public_addresses(void **state)
{
	static const char *const outside[] = { "8.8.8.8", "172.15.0.1", "172.32.0.1", "192.0.3.1", "100.128.0.1", "223.255.255.1",
					       "2600::1", "2001:200::1", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8" };
	static const char *const inside[] = { "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254",
					      "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.0.2.1", "198.18.0.1", "224.0.0.1",
					      "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
					      "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:c0a8:1::1",
					      "2001:db8::1", "2001::1", "fc00::1", "fd12::1", "fe80::1", "ff02::1" };
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct address a;

	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		assert_int_equal(address_parse_host(&a, outside[i]), 0);
		if (!address_is_public((const struct sockaddr *)&a.sa))
			fail_msg("%s is public", outside[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
		assert_int_equal(address_parse_host(&a, inside[i]), 0);
		if (address_is_public((const struct sockaddr *)&a.sa))
			fail_msg("%s is not public", inside[i]);
	}
	assert_false(address_is_public((const struct sockaddr *)&local));
}

static void reaches(void **state)
{
	static const struct {
		const char *address;
		bool listed, public_only, any;
	} rows[] = {
		{ "8.8.8.8", true, true, true }, { "10.1.2.3", true, false, true }, { "::ffff:10.1.2.3", true, false, true },
		{ "10.2.0.1", false, false, true }, { "127.0.0.1", false, false, true }, { "fe80::1", false, false, true },
	};
	struct cidr item;
	const struct cidr_list listed = { &item, 1 };

	assert_int_equal(cidr_parse(&item, "10.1.0.0/16", NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct address a;
		const struct sockaddr *sa = (const struct sockaddr *)&a.sa;

		assert_int_equal(address_parse_host(&a, rows[i].address), 0);
		assert_int_equal(address_in_reach(sa, REACH_LISTED, &listed), rows[i].listed);
		assert_int_equal(address_in_reach(sa, REACH_PUBLIC, &listed), rows[i].public_only);
		assert_int_equal(address_in_reach(sa, REACH_ANY, &listed), rows[i].any);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses), cmocka_unit_test(bad_addresses), cmocka_unit_test(hosts),
		cmocka_unit_test(networks),  cmocka_unit_test(mapped),        cmocka_unit_test(bad_networks),
		cmocka_unit_test(lists),
		cmocka_unit_test(public_addresses), cmocka_unit_test(reaches),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
