/* Sites as people type them: what each line means, its shortest form, and what is refused. */
#include "pki/service.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
	const char *typed, *name;	/* NULL: refused */
	const char *scheme, *host;	/* refused: scheme is in the sentence */
	int port;
} lines[] = {
	{ "www.example.org", "www.example.org", "https", "www.example.org", 443 },
	{ "  WWW.Example.org.\t\r", "www.example.org", "https", "www.example.org", 443 },
	{ "www.example.org:443", "www.example.org", "https", "www.example.org", 443 },
	{ "www.example.org:8443", "www.example.org:8443", "https", "www.example.org", 8443 },
	{ "https://www.example.org/", "www.example.org", "https", "www.example.org", 443 },
	{ "HTTPS://www.example.org:8443/a?b#c", "www.example.org:8443", "https", "www.example.org", 8443 },
	{ "www.example.org/path:1", "www.example.org", "https", "www.example.org", 443 },
	{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example", "https", "xn--bcher-kva.example", 443 },
	{ "mail", "mail", "https", "mail", 443 },
	{ "Mail-2:993", "mail-2:993", "https", "mail-2", 993 },
	{ "smtp://mail.example.org", "smtp://mail.example.org", "smtp", "mail.example.org", 25 },
	{ "smtp://mail.example.org:25", "smtp://mail.example.org", "smtp", "mail.example.org", 25 },
	{ "smtp://mail.example.org:587", "smtp://mail.example.org:587", "smtp", "mail.example.org", 587 },
	{ "imaps://mail.example.org", "imaps://mail.example.org", "imaps", "mail.example.org", 993 },
	{ "xmpp://chat.example.org", "xmpp://chat.example.org", "xmpp", "chat.example.org", 5222 },
	{ "postgres://db", "postgres://db", "postgres", "db", 5432 },
	{ "192.0.2.1", "192.0.2.1", "https", "192.0.2.1", 443 },
	{ "192.0.2.1:80", "192.0.2.1:80", "https", "192.0.2.1", 80 },
	{ "[2001:DB8::1]", "[2001:db8::1]", "https", "2001:db8::1", 443 },
	{ "[2001:db8::1]:8443", "[2001:db8::1]:8443", "https", "2001:db8::1", 8443 },
	{ "2001:db8:0::1", "[2001:db8::1]", "https", "2001:db8::1", 443 },
	{ "ldap://[::1]", "ldap://[::1]", "ldap", "::1", 389 },

	{ "", NULL, "is empty", NULL, 0 },
	{ " \t", NULL, "is empty", NULL, 0 },
	{ "http://www.example.org", NULL, "no TLS with http", NULL, 0 },
	{ "ftp://www.example.org", NULL, "scheme ftp is not known", NULL, 0 },
	{ "://www.example.org", NULL, "scheme  is not known", NULL, 0 },
	{ "https://", NULL, "is empty", NULL, 0 },
	{ "user@www.example.org", NULL, "a user name", NULL, 0 },
	{ "*.example.org", NULL, "an asterisk", NULL, 0 },
	{ "www.example.org:", NULL, "a port from 1", NULL, 0 },
	{ "www.example.org:0", NULL, "a port from 1", NULL, 0 },
	{ "www.example.org:65536", NULL, "a port from 1", NULL, 0 },
	{ "www.example.org:-1", NULL, "a port from 1", NULL, 0 },
	{ "www.example.org:12x", NULL, "a port from 1", NULL, 0 },
	{ "[2001:db8::1", NULL, "closing bracket", NULL, 0 },
	{ "[2001:db8::1]8443", NULL, "behind the bracket", NULL, 0 },
	{ "[www.example.org]", NULL, "not the name of a server", NULL, 0 },
	{ "a b.example", NULL, "not the name of a server", NULL, 0 },
	{ "12", NULL, "not the name of a server", NULL, 0 },
	{ "-a", NULL, "not the name of a server", NULL, 0 },
};

static void test_lines(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct service s = { .scheme = NULL };
		struct err e = { 0 };
		int failed = service_parse(&s, lines[i].typed, &e);
		_cleanup_free_ char *name = failed ? NULL : service_name(&s);

		if (!str_eq(name, lines[i].name))
			fail_msg("\"%s\": %s, not %s", lines[i].typed, name ? name : e.message, lines[i].name);
		if (failed && !strstr(e.message, lines[i].scheme))
			fail_msg("\"%s\": \"%s\" lacks \"%s\"", lines[i].typed, e.message, lines[i].scheme);
		if (failed)
			continue;
		assert_string_equal(s.scheme, lines[i].scheme);
		assert_string_equal(s.host, lines[i].host);
		assert_int_equal(s.port, lines[i].port);
		service_release(&s);
	}
}

/* The short form means the same. */
static void test_again(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines) && lines[i].name; i++) {
		struct service s;
		_cleanup_free_ char *name = NULL;

		assert_int_equal(service_parse(&s, lines[i].name, NULL), 0);
		name = service_name(&s);
		assert_string_equal(name, lines[i].name);
		service_release(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_again) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
