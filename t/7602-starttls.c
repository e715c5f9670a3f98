/* The dialogues before TLS, byte by byte: whatever pieces an answer comes in, it means the same. */
#include "daemon/track/starttls.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct turn {
	struct slice said;	/* by us, or a part of it; NULL: the dialogue is over */
	struct slice heard;
};
#define BYTES(text) { text, sizeof(text) - 1 }
#define OVER { { NULL, 0 }, { NULL, 0 } }

/* Hears byte by byte; returns how many it took until there was a verdict. */
static int hear(struct starttls *s, struct slice all, struct err *e)
{
	_cleanup_buf_ struct buf in = BUF_INIT;
	int heard = 0;

	for (size_t i = 0; i < all.len && !heard; i++) {
		buf_add(&in, (const char *)all.data + i, 1);
		heard = starttls_hear(s, &in, e);
		if (heard && i + 1 < all.len)
			fail_msg("%s: a verdict after %zu of %zu bytes", s->protocol, i + 1, all.len);
	}
	return heard;
}

static void converse(const char *protocol, const struct turn *turns)
{
	struct starttls s;
	struct err e = { 0 };

	starttls_init(&s, protocol, "chat.example", "certera.example");
	for (; turns->said.data; turns++) {
		_cleanup_buf_ struct buf out = BUF_INIT;

		assert_false(starttls_is_over(&s));
		starttls_say(&s, &out);
		if (turns->said.len ? !memmem(out.data, out.len, turns->said.data, turns->said.len) : out.len > 0)
			fail_msg("%s: says \"%s\", not \"%s\"", protocol, buf_str(&out), (const char *)turns->said.data);
		if (hear(&s, turns->heard, &e) != 1)
			fail_msg("%s: \"%s\": %s", protocol, (const char *)turns->heard.data, e.message);
	}
	assert_true(starttls_is_over(&s));
}

static void test_good(void **state)
{
	converse("smtp", (const struct turn[]){ { BYTES(""), BYTES("220-a\r\n220 b\r\n") },
						{ BYTES("EHLO certera.example\r\n"), BYTES("250-a\r\n250-STARTTLS\r\n250 SIZE\r\n") },
						{ BYTES("STARTTLS\r\n"), BYTES("220\r\n") }, OVER });
	converse("imap", (const struct turn[]){ { BYTES(""), BYTES("* OK hello\r\n") },
						{ BYTES("a1 STARTTLS\r\n"), BYTES("* BYE not\r\na1 ok\r\n") }, OVER });
	converse("pop3", (const struct turn[]){ { BYTES(""), BYTES("+OK\r\n") }, { BYTES("STLS\r\n"), BYTES("+OK\n") }, OVER });
	converse("ldap", (const struct turn[]){ { BYTES("0"), BYTES("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0") }, OVER });
	converse("postgres", (const struct turn[]){ { BYTES("\0\0\0\x08\x04\xd2\x16\x2f"), BYTES("S") }, OVER });
	converse("xmpp", (const struct turn[]){
		{ BYTES("to='chat.example'"), BYTES("<stream:stream><stream:features><starttls xmlns='x'/></stream:features>") },
		{ BYTES("<starttls"), BYTES("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>") }, OVER });
	converse("", (const struct turn[]){ OVER });
}

static void refuses(const char *protocol, int step, struct slice answer, const char *says)
{
	struct starttls s;
	_cleanup_buf_ struct buf in = BUF_INIT;
	struct err e = { 0 };

	starttls_init(&s, protocol, "chat.example", "certera.example");
	s.step = step;
	buf_add(&in, answer.data, answer.len);
	if (starttls_hear(&s, &in, &e) != -1)
		fail_msg("%s, step %d: \"%.*s\" is taken", protocol, step, (int)answer.len, (const char *)answer.data);
	if (!strstr(e.message, says))
		fail_msg("%s, step %d: \"%s\" lacks \"%s\"", protocol, step, e.message, says);
}

#define REFUSES(protocol, step, answer) refuses(protocol, step, slice(answer, sizeof(answer) - 1), "does not offer TLS")

static void test_bad(void **state)
{
	_cleanup_buf_ struct buf flood = BUF_INIT;

	REFUSES("smtp", 0, "554 no\r\n");
	REFUSES("smtp", 0, "22\r\n");
	REFUSES("smtp", 1, "250-STARTTLSX\r\n250 XSTARTTLS\r\n");
	REFUSES("smtp", 1, "250-STARTTLS\r\n550 no\r\n");
	REFUSES("smtp", 2, "454 later\r\n");
	REFUSES("imap", 0, "* BYE\r\n");
	REFUSES("imap", 1, "a1 NO\r\n");
	REFUSES("pop3", 1, "-ERR\r\n");
	REFUSES("ldap", 0, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\0\x04\0");	/* resultCode unavailable */
	REFUSES("ldap", 0, "\x30\x03\x02\x01\x01");
	REFUSES("ldap", 0, "\x30\x02\x02\x05");
	REFUSES("ldap", 0, "\x30\x80");
	REFUSES("ldap", 0, "\x30\x84\x7f\xff\xff\xff");
	REFUSES("ldap", 0, "HTTP/1.1");
	REFUSES("postgres", 0, "N");
	REFUSES("postgres", 0, "E");
	REFUSES("xmpp", 0, "<stream:features><bind/></stream:features>");
	REFUSES("xmpp", 0, "<stream:stream><stream:error/></stream:stream>");
	REFUSES("xmpp", 1, "<failure xmlns='x'/></stream:stream>");
	refuses("smtp", 2, slice_str("220 go\r\n250 injected\r\n"), "behind its consent");
	refuses("postgres", 0, slice_str("SE"), "behind its consent");
	for (size_t i = 0; i < STARTTLS_ANSWER_MAX; i++)
		buf_add_ch(&flood, 'x');
	refuses("pop3", 0, slice_buf(&flood), "does not come to an end");
}

/* What it says is quoted, but cannot harm a terminal. */
static void test_quote(void **state)
{
	struct starttls s;
	_cleanup_buf_ struct buf in = BUF_INIT;
	struct err e = { 0 };

	starttls_init(&s, "smtp", "chat.example", "certera.example");
	buf_add_str(&in, "554 \x1b[31mno\x07\r\n");
	assert_int_equal(starttls_hear(&s, &in, &e), -1);
	assert_string_equal(e.detail, "554  [31mno");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_bad), cmocka_unit_test(test_quote),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
