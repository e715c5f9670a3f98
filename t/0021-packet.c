/* Requests and answers as packets: what goes in comes out; what no encoder would write is refused; any piece of it is none. */
#include "base/http/packet.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/http/reader.h"

#define ROUNDS 3000

static uint32_t state_now = 1;

/* The same numbers each time. */
static uint32_t any(uint32_t below)
{
	state_now = state_now * 1664525u + 1013904223u;
	return (state_now >> 8) % below;
}

static bool is_desks(enum http_field f)
{
	static const bool desks[HTTP_FIELDS] = {
#define READER false
#define DESK true
#define HTTP_FIELD(field, name, joined, whose) [HTTP_##field] = whose,
#include "base/http/field.def"
#undef HTTP_FIELD
	};

	return desks[f];
}

static uint16_t add_any(struct buf *text, const char *alphabet, uint32_t most)
{
	uint16_t at = (uint16_t)text->len;

	for (uint32_t len = any(most); len--;)
		buf_add_ch(text, alphabet[any((uint32_t)strlen(alphabet))]);
	buf_add(text, "", 1);
	return at;
}

static struct address any_peer(void)
{
	struct err e;
	struct address a;
	_cleanup_free_ char *text = any(2) ? xasprintf("[2001:db8::%x]:%u", any(65536), 1 + any(65535)) :
					     xasprintf("192.0.2.%u:%u", any(256), 1 + any(65535));

	assert_int_equal(address_parse(&a, text, &e), 0);
	return a;
}

static void add_any_fields(struct http_request *r, struct buf *text)
{
	for (enum http_field f = 0; f < HTTP_FIELDS; f++)
		if (any(2))
			r->field[f] = f == HTTP_host ? add_any(text, "a", 9) : add_any(text, "ab \t,;\"\xe4", 300);
}

/* A request as the reader would make it, with fields that do not travel, too. */
static struct http_request any_request(struct buf *text)
{
	struct http_request r = {
		.face = any(2) ? FACE_HTTP : FACE_HTTPS, .method = any(METHOD_OTHER + 1), .socket = -1, .minor = 1,
	};

	r.head = r.method == METHOD_GET && any(2);
	r.peer = any_peer();
	buf_add_str(text, "GET ");
	r.path = (uint16_t)text->len;
	buf_add_ch(text, '/');
	add_any(text, "abc/%.-_~", any(8) ? 40 : 9000);
	if (any(2))
		r.query = add_any(text, "abc=&?/%+", 100);
	add_any_fields(&r, text);
	r.body = text->len;
	r.body_len = any(3) ? any(100) : any(PACKET_BODY_MOST + 1);
	for (size_t i = 0; i < r.body_len; i++)
		buf_add_ch(text, (char)any(256));
	r.text = text->data;
	return r;
}

static struct packet take_one(struct slice bytes)
{
	struct packet p = { 0 };

	assert_int_equal(packet_take(&p, bytes), bytes.len);
	return p;
}

static void assert_same(const struct http_request *a, const struct http_request *b)
{
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT];

	assert_int_equal(a->face, b->face);
	assert_int_equal(a->method, b->method);
	assert_int_equal(a->head, b->head);
	assert_int_equal(b->socket, -1);
	assert_string_equal(address_host(from, &a->peer), address_host(to, &b->peer));
	assert_int_equal(address_port(&a->peer), address_port(&b->peer));
	assert_string_equal(http_path(a), http_path(b));
	assert_true(str_eq(http_query(a), http_query(b)));
	for (enum http_field f = 0; f < HTTP_FIELDS; f++)
		assert_true(str_eq(is_desks(f) ? http_field(a, f) : NULL, http_field(b, f)));
	assert_true(slice_eq(http_body(a), http_body(b)));
}

static void test_requests(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT, out = BUF_INIT;
		struct http_request made = any_request(&text), read;
		uint32_t id = any(PACKET_IDS);
		_cleanup_free_ char *room = NULL;
		struct packet p;

		packet_add_request(&out, id, &made);
		p = take_one(slice_buf(&out));
		assert_int_equal(p.kind, PACKET_REQUEST);
		assert_int_equal(p.id, id);
		room = xmalloc(packet_text_size(&p));
		assert_int_equal(packet_request(&p, &read, room), 0);
		assert_same(&made, &read);
		assert_true(http_request_size(&read) < packet_text_size(&p));
	}
}

/* A packet that ends early is no packet yet; one whose content ends early is refused (but the body's end is nobody's to know). */
static void test_pieces(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT, out = BUF_INIT;
	struct http_request made = any_request(&text), read;
	_cleanup_free_ char *room = NULL;
	struct packet p, piece;

	made.body_len = 0;
	packet_add_request(&out, 7, &made);
	for (size_t len = 0; len < out.len; len++)
		assert_int_equal(packet_take(&p, slice(out.data, len)), 0);
	p = take_one(slice_buf(&out));
	room = xmalloc(packet_text_size(&p));
	for (piece = p; piece.content.len--;)
		assert_int_equal(packet_request(&piece, &read, room), -1);
}

/* Changed bytes: it is refused, or what comes out is what the reader would let through. */
static void test_damaged(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT, out = BUF_INIT;
		struct http_request made = any_request(&text), read;
		_cleanup_free_ char *room = NULL;
		struct packet p;

		packet_add_request(&out, 7, &made);
		out.data[9 + any((uint32_t)MIN(out.len - 9, 400u))] = (char)any(256);
		p = take_one(slice_buf(&out));
		room = xmalloc(packet_text_size(&p));
		if (packet_request(&p, &read, room) < 0)
			continue;
		assert_true(read.face == FACE_HTTP || read.face == FACE_HTTPS);
		assert_true(*http_path(&read) == '/' || str_eq(http_path(&read), "*"));
		assert_null(strpbrk(http_path(&read), " \r\n\t?"));
		for (enum http_field f = 0; f < HTTP_FIELDS; f++)
			assert_true(!http_field(&read, f) || !strpbrk(http_field(&read, f), "\r\n"));
	}
}

/* Between nodes: what vouches for it, and what its packet has no room for, come immediately before. */
static void test_ahead(void **state)
{
	size_t len = 2 * PACKET_BODY_MOST + 5;
	_cleanup_free_ char *text = xcalloc(1, 8 + len + 1);
	struct http_request r = { .face = FACE_CONTROL, .method = METHOD_POST, .text = text, .path = 1, .body = 4, .body_len = len,
				  .vouched = "cvo_1" };
	static const enum packet_kind kinds[] = { PACKET_VOUCHER, PACKET_BODY, PACKET_BODY, PACKET_REQUEST };
	static const size_t lens[] = { 5, PACKET_BODY_MOST, PACKET_BODY_MOST };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct http_request read;
	struct packet p;
	size_t at = 0;

	memcpy(text + 1, "/x", 2);
	packet_add_request(&out, 3, &r);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		at += (size_t)packet_take(&p, slice(out.data + at, out.len - at));
		assert_int_equal(p.kind, kinds[i]);
		assert_int_equal(p.id, 3);
		if (i < ARRAY_SIZE(lens))
			assert_int_equal(p.content.len, lens[i]);
	}
	assert_int_equal(at, out.len);
	{
		_cleanup_free_ char *room = xmalloc(packet_text_size(&p));

		assert_int_equal(packet_request(&p, &read, room), 0);
		assert_int_equal(read.body_len, 5);
		assert_int_equal(read.face, FACE_HTTPS);	/* what is vouched for is judged by who has the voucher */
		assert_null(read.vouched);
	}
}

static void test_not_packets(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
#define BYTES(text) { text, sizeof(text) - 1 }
		BYTES("\0\0\0\0\1\0\0\0\0"), BYTES("\0\0\0\4\1\0\0\0"), BYTES("\0\2\0\1"), BYTES("\xff\xff\xff\xff"),
		BYTES("\0\0\0\5\0\0\0\0\0"), BYTES("\0\0\0\5\x0d\0\0\0\0"), BYTES("\0\0\0\5\1\0\1\0\0"),
		BYTES("\0\0\0\5\1\xff\xff\xff\xff"),
#undef BYTES
	};
	struct packet p;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(packet_take(&p, slice(cases[i].bytes, cases[i].len)), -1);
}

/* Adds up what an answer's packets have of its body. */
static void read_answer(struct slice bytes, const struct http_answer *made, bool parts, struct buf *body)
{
	const char *at = bytes.data, *end = at + bytes.len;
	struct http_answer read;
	struct packet p;
	size_t len = 0;

	for (bool first = true; at < end; first = false) {
		ssize_t size = packet_take(&p, slice(at, (size_t)(end - at)));

		assert_true(size > 0);
		at += size;
		assert_int_equal(p.kind, !first ? PACKET_PART : parts ? PACKET_BEGIN : PACKET_ANSWER);
		if (!first) {
			assert_in_range(p.content.len, 1, PACKET_BODY_MOST);
			buf_add(body, p.content.data, p.content.len);
			continue;
		}
		assert_int_equal(packet_answer(&p, &read, &len), 0);
		assert_int_equal(read.status, made->status);
		assert_int_equal(read.applied, made->applied);
		assert_true(str_eq(read.type, made->type));
		assert_true(slice_eq(read.fields, made->fields));
		buf_add(body, read.body.data, read.body.len);
	}
	assert_int_equal(len, body->len);
}

static void test_answers(void **state)
{
	for (int i = 0; i < ROUNDS / 10; i++) {
		_cleanup_buf_ struct buf body = BUF_INIT, fields = BUF_INIT, out = BUF_INIT, read = BUF_INIT;
		struct http_answer made = { .status = (int)(200 + any(400)), .type = any(4) ? "text/html" : NULL };
		bool parts = made.type && any(4) == 0;

		made.applied = (uint64_t)any(1 << 20) << any(40);

		for (uint32_t n = any(5); n--;)
			http_add_field(&fields, "X-Any", "some value, \t and more");
		for (uint32_t n = any(3) ? any(1000) : any(4 * PACKET_BODY_MOST); n--;)
			buf_add_ch(&body, (char)any(256));
		made.fields = slice_buf(&fields);
		made.body = slice_buf(&body);
		packet_add_answer(&out, 3, &made, parts);
		read_answer(slice_buf(&out), &made, parts, &read);
		if (made.type && !parts)
			assert_true(slice_eq(slice_buf(&read), made.body));
		else
			assert_int_equal(read.len, 0);
	}
}

/* A desk that was taken over splits no answers: headers are lines, each with its end, and none is empty. */
static void test_not_answers(void **state)
{
	static const struct http_answer cases[] = {
		{ .status = 199 },
		{ .status = 600 },
		{ .status = 200, .type = "a\r\nb" },
		{ .status = 200, .fields = { "\r\n", 2 } },
		{ .status = 200, .fields = { "A: b", 4 } },
		{ .status = 200, .fields = { "A: b\r\n\r\nC: d\r\n", 14 } },
		{ .status = 200, .fields = { "A: b\nC: d\r\n", 11 } },
		{ .status = 200, .fields = { "A: \0\r\n", 6 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct http_answer read;
		struct packet p;
		size_t len;

		packet_add_answer(&out, 3, &cases[i], false);
		p = take_one(slice_buf(&out));
		assert_int_equal(packet_answer(&p, &read, &len), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_pieces),	  cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_ahead), cmocka_unit_test(test_not_packets), cmocka_unit_test(test_answers), cmocka_unit_test(test_not_answers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
