/* Mails as they go over the line: headers, addresses, quoted-printable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/notify/mime.h"
#include "pki/file/mailbox.h"

static void assert_header(const char *value, const char *expected)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	mime_header(&out, "Subject", value);
	assert_string_equal(buf_str(&out), expected);
}

static void plain_headers_stay(void **state)
{
	assert_header("shop cannot be issued", "Subject: shop cannot be issued\r\n");
	assert_header("", "Subject: \r\n");
}

static void other_letters_are_encoded_words(void **state)
{
	assert_header("bücher", "Subject: =?utf-8?B?YsO8Y2hlcg==?=\r\n");
	/* what looks like an encoded word must not be read as one */
	assert_header("=?utf-8?B?YQ==?=", "Subject: =?utf-8?B?PT91dGYtOD9CP1lRPT0/PQ==?=\r\n");
}

static void no_header_begins_in_a_value(void **state)
{
	assert_header("a\r\nBcc: all@example.org", "Subject: a  Bcc: all@example.org\r\n");
	assert_header("a\nb\tc\x01", "Subject: a b c \r\n");
	assert_header("bad \xff byte", "Subject: bad ? byte\r\n");
}

static void assert_lines_at_most(const char *text, size_t most)
{
	while (*text) {
		size_t len = strcspn(text, "\r");

		assert_true(len <= most);
		assert_memory_equal(text + len, "\r\n", 2);
		text += len + 2;
	}
}

static void long_headers_are_folded(void **state)
{
	_cleanup_buf_ struct buf plain = BUF_INIT, other = BUF_INIT, text = BUF_INIT;

	for (int i = 0; i < 100; i++)
		buf_add_str(&text, "words and ");
	mime_header(&plain, "Subject", buf_str(&text));
	assert_lines_at_most(buf_str(&plain), 78);
	buf_clear(&text);
	for (int i = 0; i < 100; i++)
		buf_add_str(&text, "€");
	mime_header(&other, "Subject", buf_str(&text));
	assert_lines_at_most(buf_str(&other), 78);
	assert_null(strstr(buf_str(&other), "?=\r\n\r\n"));
}

static void assert_quoted(const char *text, const char *expected)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	mime_quote(&out, text);
	assert_string_equal(buf_str(&out), expected);
}

static void text_is_quoted_printable(void **state)
{
	assert_quoted("one\ntwo\n", "one\r\ntwo\r\n");
	assert_quoted("one\r\ntwo", "one\r\ntwo\r\n");
	assert_quoted("a = b", "a =3D b\r\n");
	assert_quoted("ü", "=C3=BC\r\n");
	assert_quoted("blank \nat the end ", "blank=20\r\nat the end=20\r\n");
	assert_quoted("a\rb", "a=0Db\r\n");
	assert_quoted("", "");
}

static void long_lines_are_broken_softly(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT, out = BUF_INIT;

	for (int i = 0; i < 2000; i++)
		buf_add_str(&text, i % 7 ? "x" : "ß");
	mime_quote(&out, buf_str(&text));
	assert_lines_at_most(buf_str(&out), 76);
}

static void assert_address(const char *typed, const char *expected)
{
	struct err e = { 0 };
	_cleanup_free_ char *address = mailbox_address(typed, &e);

	if (!expected) {
		assert_null(address);
		assert_string_equal(err_kind_name(e.kind), "INVALID");
		return;
	}
	assert_non_null(address);
	assert_string_equal(address, expected);
}

static void addresses(void **state)
{
	static const char *const none[] = {
		"", "@", "a@", "@example.org", "example.org", "a b@example.org", "a@b@example.org", ".a@example.org", "a..b@example.org",
		"a@exam ple.org", "a@192.0.2.1", "a@*.example.org", "a@example.org\r\nBcc: b@example.org", "<a@example.org> b",
		"a@example.org> RCPT TO:<b@example.org", "ü@example.org", "\"a\"@example.org", NULL,
	};

	assert_address("a@example.org", "a@example.org");
	assert_address("A.b+c@Example.ORG", "A.b+c@example.org");
	assert_address("Certera <certera@example.org>", "certera@example.org");
	assert_address("root@localhost", "root@localhost");
	assert_address("a@bücher.example", "a@xn--bcher-kva.example");
	for (const char *const *typed = none; *typed; typed++)
		assert_address(*typed, NULL);
}

static void a_mail(void **state)
{
	struct mime_message m = {
		.from = "Zertifikate für alle <certera@example.org>", .to = "a@example.org", .subject = "shop", .text = "text\n",
		.html = "<p>text</p>\n", .key = "0123", .host = "certera.example", .time = 1795641000,
	};
	_cleanup_buf_ struct buf out = BUF_INIT, bad = BUF_INIT;
	struct err e = { 0 };

	assert_int_equal(mime_compose(&m, &out, &e), 0);
	assert_non_null(strstr(buf_str(&out), "Date: Wed, 25 Nov 2026 21:10:00 +0000\r\n"));
	assert_non_null(strstr(buf_str(&out), "From: =?utf-8?B?WmVydGlmaWthdGUgZsO8ciBhbGxl?=\r\n <certera@example.org>\r\n"));
	assert_non_null(strstr(buf_str(&out), "To: a@example.org\r\n"));
	assert_non_null(strstr(buf_str(&out), "Message-ID: <0123@certera.example>\r\n"));
	assert_lines_at_most(buf_str(&out), 78);
	m.to = "a@example.org\r\nBcc: b@example.org";
	assert_int_equal(mime_compose(&m, &bad, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_headers_stay),
		cmocka_unit_test(other_letters_are_encoded_words),
		cmocka_unit_test(no_header_begins_in_a_value),
		cmocka_unit_test(long_headers_are_folded),
		cmocka_unit_test(text_is_quoted_printable),
		cmocka_unit_test(long_lines_are_broken_softly),
		cmocka_unit_test(addresses),
		cmocka_unit_test(a_mail),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
