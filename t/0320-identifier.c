#include "pki/identifier.h"

#include "t/lib/pki.h"

static const char label63[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void expect(const char *typed, const char *normal)
{
	struct err e = { 0 };
	_cleanup_free_ char *got = identifier_normal(typed, &e);

	if (!got)
		fail_msg("\"%s\": %s", typed, e.message);
	assert_string_equal(got, normal);
}

static void refused(const char *typed, const char *sentence)
{
	struct err e = { 0 };
	_cleanup_free_ char *got = identifier_normal(typed, &e);

	if (got)
		fail_msg("\"%s\" became \"%s\"", typed, got);
	assert_int_equal(e.kind, ERR_INVALID);
	assert_has(e.message, sentence);
}

static void test_names(void **state)
{
	_cleanup_free_ char *longest = NULL, *name63 = xasprintf("%s.test", label63);

	expect("www.example.org", "www.example.org");
	expect("a.test", "a.test");
	expect("WWW.Example.ORG", "www.example.org");
	expect("  www.example.org.\t\n", "www.example.org");
	expect("*.Example.org", "*.example.org");
	expect("3com.example", "3com.example");
	expect("1.2.3.4.example", "1.2.3.4.example");
	expect("a-b--c.example", "a-b--c.example");
	expect(name63, name63);
	longest = xasprintf("%s.%s.%s.%.61s", label63, label63, label63, label63);
	assert_int_equal(strlen(longest), 253);
	expect(longest, longest);
}

static void test_idn(void **state)
{
	_cleanup_free_ char *shown = identifier_display("*.xn--mnchen-3ya.example");
	_cleanup_free_ char *plain = identifier_display("*.example.org"), *ip = identifier_display("2001:db8::1");

	expect("M\u00fcnchen.example", "xn--mnchen-3ya.example");
	expect("*.m\u00fcnchen.example", "*.xn--mnchen-3ya.example");
	expect("mu\u0308nchen.example", "xn--mnchen-3ya.example");
	expect("XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example");
	expect("fa\u00df.example", "xn--fa-hia.example"); /* IDNA2008: not "fass" */
	expect("\u4f8b\u3048\u3002\u30c6\u30b9\u30c8", "xn--r8jz45g.xn--zckzah");
	assert_string_equal(shown, "*.m\u00fcnchen.example");
	assert_string_equal(plain, "*.example.org");
	assert_string_equal(ip, "2001:db8::1");
	refused("xn--99999999.example", "is not a name");
	refused("\u2603\xff.example", "is not a name");
	refused("ab--cd.example", "is not a name");
	refused("\uff11.\uff12.\uff13.\uff14", "ends in a number");
}

static void test_addresses(void **state)
{
	expect("192.0.2.1", "192.0.2.1");
	expect(" 192.0.2.1 ", "192.0.2.1");
	expect("2001:DB8:0:0::1", "2001:db8::1");
	expect("[2001:db8::1]", "2001:db8::1");
	expect("::1", "::1");
	refused("1.2.3", "ends in a number, but is no IP address");
	refused("300.1.1.1", "ends in a number, but is no IP address");
	refused("192.0.2.01", "ends in a number");
	refused("192.0.2.1.", "ends in a number");
	refused("*.192.0.2.1", "ends in a number");
	refused("192.0.2.1:443", "without a port");
	refused("[192.0.2.1]", "no IPv6 address");
	refused("[2001:db8::1", "no IPv6 address");
	refused("fe80::1%eth0", "no IPv6 address");
	refused("2001:db8:::1", "no IPv6 address");
	assert_true(identifier_is_ip("192.0.2.1"));
	assert_true(identifier_is_ip("2001:db8::1"));
	assert_false(identifier_is_ip("a.test"));
}

static void test_refused(void **state)
{
	_cleanup_free_ char *label64 = xasprintf("a%s.test", label63);
	_cleanup_free_ char *too_long = xasprintf("%s.%s.%s.%.62s", label63, label63, label63, label63);
	_cleanup_free_ char *too_long_wildcard = xasprintf("*.%s.%s.%s.%.60s", label63, label63, label63, label63);
	_cleanup_free_ char *huge = xmalloc(5001);

	refused("", "is empty");
	refused("  \n", "is empty");
	refused(NULL, "is empty");
	refused("localhost", "single word");
	refused("*", "asterisk");
	refused("*.org", "single word");
	refused("*.", "empty part");
	refused("*.*.example.org", "asterisk");
	refused("www.*.example.org", "asterisk");
	refused("w*.example.org", "asterisk");
	refused("my_host.example.org", "underscore");
	refused("https://www.example.org/path", "URL; enter only the host name");
	refused("www.example.org/path", "slash");
	refused("www.example.org:443", "without a port");
	refused("hostmaster@example.org", "e-mail");
	refused("-a.example", "hyphen");
	refused("a-.example", "hyphen");
	refused("a..example", "is not a name");
	refused(".example.org", "is not a name");
	refused("example.org..", "is not a name");
	refused(".", "is not a name");
	refused("a b.example", "letters, digits");
	refused("a\001b.example", "is not a name");
	refused("a$b.example", "letters, digits");
	refused("example.123", "ends in a number");
	refused(label64, "longer than 63");
	refused(too_long, "longer than 253");
	refused(too_long_wildcard, "longer than 253");
	memset(huge, 'a', 5000);
	huge[5000] = '\0';
	refused(huge, "far too long");
}

static void test_sentence(void **state)
{
	struct err e = { 0 };

	assert_null(identifier_normal("a\033[31m.example", &e));
	assert_null(strchr(e.message, '\033'));
	assert_null(identifier_normal("localhost", &e));
	assert_string_equal(e.message,
			    "\"localhost\" is not a name for a certificate: it is a single word; CAs issue only "
			    "for full names such as www.example.org");
}

static void test_list(void **state)
{
	struct err e = { 0 };
	_cleanup_strv_ char **list = identifier_list("b.example; A.example,b.EXAMPLE.\r\n\n *.a.example 192.0.2.1", &e);
	const char *const expected[] = { "b.example", "a.example", "*.a.example", "192.0.2.1", NULL };
	_cleanup_strv_ char **again = identifier_list_of(list, &e);

	assert_true(strv_eq(list, (char *const *)expected));
	assert_true(strv_eq(list, again));
	assert_null(identifier_list("a.example localhost", &e));
	assert_has(e.message, "\"localhost\"");
	assert_null(identifier_list(" ,;\n", &e));
	assert_has(e.message, "no name is given");
	assert_null(identifier_list(NULL, &e));
	assert_null(identifier_list_of(NULL, &e));
	assert_has(e.message, "no name is given");
}

static void test_list_limit(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_strv_ char **list = NULL;
	struct err e = { 0 };

	for (int i = 0; i < IDENTIFIERS_MAX; i++)
		buf_addf(&text, "n%d.example\n", i);
	buf_add_str(&text, "N0.example\n"); /* a double does not count */
	list = identifier_list(text.data, &e);
	assert_int_equal(strv_len(list), IDENTIFIERS_MAX);
	buf_add_str(&text, "more.example");
	assert_null(identifier_list(text.data, &e));
	assert_has(e.message, "more than 100 names");
}

static void test_covers(void **state)
{
	assert_true(identifier_covers("www.example.org", "www.example.org"));
	assert_true(identifier_covers("www.example.org", "WWW.example.ORG"));
	assert_false(identifier_covers("www.example.org", "example.org"));
	assert_true(identifier_covers("*.example.org", "www.example.org"));
	assert_true(identifier_covers("*.example.org", "WWW.EXAMPLE.org"));
	assert_false(identifier_covers("*.example.org", "example.org"));
	assert_false(identifier_covers("*.example.org", ".example.org"));
	assert_false(identifier_covers("*.example.org", "a.b.example.org"));
	assert_false(identifier_covers("*.example.org", "wwwexample.org"));
	assert_true(identifier_covers("192.0.2.1", "192.0.2.1"));
	assert_false(identifier_covers("*.0.2.1", "192.0.2.1"));
	assert_true(identifier_is_wildcard("*.example.org"));
	assert_false(identifier_is_wildcard("www.example.org"));
	assert_string_equal(identifier_base("*.example.org"), "example.org");
	assert_string_equal(identifier_base("www.example.org"), "www.example.org");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),      cmocka_unit_test(test_idn),      cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_refused),    cmocka_unit_test(test_sentence), cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_limit), cmocka_unit_test(test_covers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
