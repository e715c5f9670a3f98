/* The HTTP reader and writer: requests whole and in pieces, what is refused, what answers look like. */
#include "base/http/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/http/answer.h"

#define BODY_MOST 1000
#define HOST "Host: a\r\n"

struct reading {
	struct http_reader reader;
	struct http_request request;
	struct buf text;
	enum http_progress progress;
	bool continued;
};

static void reading_release(struct reading *r)
{
	buf_release(&r->text);
}
#define _cleanup_reading_ _cleanup_(reading_release)

/* Hands the bytes over in pieces of this size, as a connection would: from the beginning, as more comes. */
static struct reading read_in_pieces(const char *bytes, size_t len, size_t piece)
{
	struct reading r = { .progress = HTTP_MORE };

	http_reader_init(&r.reader, BODY_MOST);
	for (size_t at = 0; at < len && (r.progress == HTTP_MORE || r.progress == HTTP_CONTINUE); at += piece) {
		size_t all;

		buf_add(&r.text, bytes + at, MIN(piece, len - at));
		all = r.text.len;
		r.progress = http_read(&r.reader, &r.request, r.text.data, &all);
		r.text.len = all;
		r.continued |= r.progress == HTTP_CONTINUE;
	}
	return r;
}

static struct reading read_whole(const char *text)
{
	return read_in_pieces(text, strlen(text), strlen(text));
}

static void test_requests(void **state)
{
	static const struct {
		const char *text;
		enum method method;
		const char *path, *query, *host, *body;
		bool keeps;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n" HOST "\r\n", METHOD_GET, "/", NULL, "a", "", true },
		{ "\r\nGET /a/b?c=d&e HTTP/1.1\r\nhOST:\ta:80 \t\r\n\r\n", METHOD_GET, "/a/b", "c=d&e", "a:80", "",
		  true },
		{ "HEAD /? HTTP/1.1\r\nHost:\r\n\r\n", METHOD_GET, "/", "", "", "", true },
		{ "DELETE /%00{|} HTTP/1.1\r\nHost: [2001:db8::1]:443\r\nConnection: x, Close\r\n\r\n", METHOD_DELETE,
		  "/%00{|}", NULL, "[2001:db8::1]:443", "", false },
		{ "GET / HTTP/1.0\r\n\r\n", METHOD_GET, "/", NULL, NULL, "", false },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", METHOD_GET, "/", NULL, NULL, "", true },
		{ "GET / HTTP/1.7\r\n" HOST "\r\n", METHOD_GET, "/", NULL, "a", "", true },
		{ "GET http://b HTTP/1.1\r\n" HOST "\r\n", METHOD_GET, "/", NULL, "b", "", true },
		{ "GET HTTPS://b:1?q HTTP/1.1\r\n" HOST "\r\n", METHOD_GET, "/", "q", "b:1", "", true },
		{ "GET http://b/c?d HTTP/1.0\r\n\r\n", METHOD_GET, "/c", "d", "b", "", false },
		{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", METHOD_OTHER, "*", NULL, "a", "", true },
		{ "POST /x HTTP/1.1\r\n" HOST "Content-Length: 005\r\n\r\nhello", METHOD_POST, "/x", NULL, "a", "hello",
		  true },
		{ "POST /x HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", METHOD_POST, "/x", NULL, "a", "", true },
		{ "PUT /x HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n" HOST
		  "\r\n3\r\nabc\r\n0B ; n=\"v\"\r\n01234567890\r\n0\r\nX: y\r\n\r\n",
		  METHOD_OTHER, "/x", NULL, "a", "abc01234567890", true },
		{ "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" HOST "\r\n0\r\n\r\n", METHOD_POST, "/x", NULL,
		  "a", "", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = xasprintf("%sGET /next", cases[i].text);

		for (size_t piece = strlen(text); piece; piece = piece == 1 ? 0 : piece / 7 + 1) {
			_cleanup_reading_ struct reading r = read_in_pieces(text, strlen(text), piece);
			struct slice body = http_body(&r.request);

			assert_int_equal(r.progress, HTTP_WHOLE);
			assert_int_equal(r.request.method, cases[i].method);
			assert_string_equal(http_path(&r.request), cases[i].path);
			assert_true(str_eq(http_query(&r.request), cases[i].query));
			assert_true(str_eq(http_field(&r.request, HTTP_host), cases[i].host));
			assert_int_equal(r.request.keeps, cases[i].keeps);
			assert_int_equal(body.len, strlen(cases[i].body));
			assert_memory_equal(body.data, cases[i].body, body.len);
			assert_memory_equal(r.text.data + r.reader.at, "GET /next", r.text.len - r.reader.at);
		}
	}
}

/* Headers that may come twice are one; what stands between them is where it was. */
static void test_given_twice(void **state)
{
	_cleanup_reading_ struct reading r =
		read_whole("GET /p HTTP/1.1\r\nX-Forwarded-For: 1.1.1.1\r\n" HOST
			   "Cookie: a=b\r\nX-Other: x\r\nX-Forwarded-For:2.2.2.2 \r\n"
			   "apiKey: K\r\nCookie: c=d\r\nX-Forwarded-For:\r\nX-Forwarded-For:  3.3.3.3, "
			   "4.4.4.4\r\nUser-Agent: u v\r\n\r\n");

	assert_int_equal(r.progress, HTTP_WHOLE);
	assert_string_equal(http_field(&r.request, HTTP_forwarded_for), "1.1.1.1, 2.2.2.2, , 3.3.3.3, 4.4.4.4");
	assert_string_equal(http_field(&r.request, HTTP_cookie), "a=b; c=d");
	assert_string_equal(http_field(&r.request, HTTP_host), "a");
	assert_string_equal(http_field(&r.request, HTTP_apikey), "K");
	assert_string_equal(http_field(&r.request, HTTP_user_agent), "u v");
	assert_null(http_field(&r.request, HTTP_origin));
	assert_string_equal(http_path(&r.request), "/p");
}

static void test_continue(void **state)
{
	const char *head = "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
	_cleanup_free_ char *with_body = xasprintf("%sok", head);
	_cleanup_reading_ struct reading waits = read_whole(head),
					 goes_on = read_in_pieces(with_body, strlen(with_body), strlen(head)),
					 at_once = read_whole(with_body),
					 empty = read_whole("POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n"),
					 old = read_whole("POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 2\r\n\r\n");

	assert_int_equal(waits.progress, HTTP_CONTINUE);
	assert_int_equal(goes_on.progress, HTTP_WHOLE);
	assert_true(goes_on.continued);
	assert_int_equal(at_once.progress, HTTP_WHOLE);
	assert_int_equal(empty.progress, HTTP_WHOLE);
	assert_int_equal(old.progress, HTTP_MORE);
}

/* A refusal comes with the line that deserves it. */
static void test_refused(void **state)
{
	static const struct {
		const char *text;
		enum http_refusal refusal;
	} cases[] = {
#define REFUSED(text, refusal) { text, HTTP_REFUSED_##refusal },
		REFUSED("\x16\x03\x01", request_line) REFUSED("GET / HTTP/1.1\n", bare_line_feed) REFUSED(
			"\n", bare_line_feed) REFUSED("\r\n\r\n", empty_lines) REFUSED("GET /\r\n", request_line)
			REFUSED("GET / HTTP/1.1 \r\n", request_line) REFUSED("GET / HTTP/2.0\r\n", version) REFUSED(
				"GET a HTTP/1.1\r\n",
				target) REFUSED("GET http:///a HTTP/1.1\r\n",
						target) REFUSED("CONNECT a:1 HTTP/1.1\r\n",
								method) REFUSED("GET / HTTP/1.1\r\nA\r\n", field_name)
				REFUSED("GET / HTTP/1.1\r\n B: c\r\n", folded) REFUSED(
					"GET / HTTP/1.1\r\nB: c\x01\r\n",
					field_value) REFUSED("GET / HTTP/1.1\r\nB: c\rd\r\n",
							     field_value) REFUSED("GET / HTTP/1.1\r\n" HOST HOST,
										  field_twice)
					REFUSED("GET / HTTP/1.1\r\n\r\n", no_host) REFUSED(
						"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
						host) REFUSED("GET http://u@b/ HTTP/1.1\r\n" HOST "\r\n",
							      target) REFUSED("POST / HTTP/1.1\r\n" HOST
									      "Content-Length: 1001\r\n\r\n",
									      body_long)
						REFUSED("POST / HTTP/1.1\r\n" HOST
							"Content-Length: 99999999999999999999999\r\n\r\n",
							body_long) REFUSED("POST / HTTP/1.1\r\n" HOST
									   "Transfer-Encoding: chunked\r\n\r\n3e9\r\n",
									   body_long)
							REFUSED("POST / HTTP/1.1\r\n" HOST
								"Transfer-Encoding: "
								"chunked\r\n\r\nfffffffffffffffffffff\r\n",
								body_long) REFUSED("POST / HTTP/1.1\r\n" HOST
										   "Transfer-Encoding: "
										   "chunked\r\n\r\n1\r\nab",
										   chunk_end)
								REFUSED("POST / HTTP/1.1\r\n" HOST
									"Transfer-Encoding: chunked\r\n\r\n1\r\na\n",
									chunk_end) REFUSED("POST / HTTP/1.1\r\n" HOST
											   "Transfer-Encoding: "
											   "chunked\r\n\r\n1 \r\n",
											   chunk_size)
									REFUSED("POST / HTTP/1.1\r\n" HOST
										"Transfer-Encoding: "
										"chunked\r\n\r\n0\r\nA : b\r\n",
										field_name)
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int whole = 0; whole <= 1; whole++) {
			size_t len = strlen(cases[i].text);
			_cleanup_reading_ struct reading r = read_in_pieces(cases[i].text, len, whole ? len : 1);

			assert_int_equal(r.progress, HTTP_REFUSED);
			assert_string_equal(http_refusal_text(r.reader.refusal), http_refusal_text(cases[i].refusal));
		}
}

static void assert_refused(struct buf *text, enum http_refusal refusal)
{
	_cleanup_reading_ struct reading r = read_in_pieces(text->data, text->len, text->len);

	assert_int_equal(r.progress, HTTP_REFUSED);
	assert_string_equal(http_refusal_text(r.reader.refusal), http_refusal_text(refusal));
	buf_release(text);
}

/* What is too long is refused before its end is there. */
static void test_too_long(void **state)
{
	struct buf text = BUF_INIT;

	buf_addf(&text, "GET /%0*d", HTTP_LINE_MOST, 0);
	assert_refused(&text, HTTP_REFUSED_target_long);
	buf_addf(&text, "GET / HTTP/1.1\r\nX: %0*d", HTTP_HEAD_MOST, 0);
	assert_refused(&text, HTTP_REFUSED_head_long);
	buf_add_str(&text, "GET / HTTP/1.1\r\n");
	for (int i = 0; i <= 100; i++)
		buf_addf(&text, "X-%d: y\r\n", i);
	assert_refused(&text, HTTP_REFUSED_fields_many);
	buf_addf(&text, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;%0*d", 300, 0);
	assert_refused(&text, HTTP_REFUSED_chunk_line);
	buf_addf(&text, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: %0*d", 5000, 0);
	assert_refused(&text, HTTP_REFUSED_head_long);
}

/* The smallest chunks take no more room than their bytes. */
static void test_small_chunks(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct reading r = { .progress = HTTP_MORE };
	size_t most = 0;

	buf_add_str(&text, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < BODY_MOST; i++)
		buf_addf(&text, "1;x\r\n%d\r\n", i % 10);
	buf_add_str(&text, "0\r\n\r\n");
	http_reader_init(&r.reader, BODY_MOST);
	for (size_t at = 0; at < text.len; at += 10) {
		size_t all;

		buf_add(&r.text, text.data + at, MIN(10, text.len - at));
		all = r.text.len;
		r.progress = http_read(&r.reader, &r.request, r.text.data, &all);
		r.text.len = all;
		most = MAX(most, all);
	}
	assert_int_equal(r.progress, HTTP_WHOLE);
	assert_int_equal(r.request.body_len, BODY_MOST);
	for (int i = 0; i < BODY_MOST; i++)
		assert_int_equal(((const char *)http_body(&r.request).data)[i], '0' + i % 10);
	assert_in_range(most, BODY_MOST, BODY_MOST + 100);
	reading_release(&r);
}

static void test_challenge_paths(void **state)
{
	static const struct {
		const char *path, *token;
	} cases[] = {
		{ "/.well-known/acme-challenge/abc", "abc" },
		{ "//.well-known/acme-challenge/abc", "abc" },
		{ "/.well-known/acme-challenge/abc/", "abc" },
		{ "/.well-known//acme-challenge///abc//", "abc" },
		{ "/.well-known/acme-challenge/", "" },
		{ "/.well-known/acme-challenge//", "" },
		{ "/.well-known/acme-challenge/../abc", "../abc" },
		{ "/.well-known/acme-challenge/a/b", "a/b" },
		{ "/.well-known/acme-challenge", NULL },
		{ "/.well-known/acme-challenges/abc", NULL },
		{ "/.well-knownacme-challenge/abc", NULL },
		{ "/x/.well-known/acme-challenge/abc", NULL },
		{ ".well-known/acme-challenge/abc", NULL },
		{ "/", NULL },
		{ "*", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct slice token = { NULL, 0 };

		assert_int_equal(http_challenge(cases[i].path, &token), cases[i].token != NULL);
		if (cases[i].token)
			assert_true(slice_eq(token, slice_str(cases[i].token)));
	}
}

static void test_answers(void **state)
{
	struct http_answer body = { .status = 200,
				    .type = "text/plain",
				    .fields = slice_str("A: b\r\n"),
				    .body = slice_str("hello") },
			   none = { .status = 303 }, unchanged = { .status = 304 };
	struct http_framing kept = { .minor = 1, .keeps = true, .date = "D", .fields = "" }, last = kept, old = kept,
			    head = kept, parts = kept;
	struct {
		const struct http_answer *answer;
		const struct http_framing *framing;
		const char *text;
	} cases[] = {
		{ &body, &kept,
		  "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nA: b\r\n\r\nhello" },
		{ &body, &head,
		  "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nA: b\r\n\r\n" },
		{ &body, &last,
		  "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n"
		  "A: b\r\nH: s\r\n\r\nhello" },
		{ &body, &parts,
		  "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n"
		  "Connection: close\r\nA: b\r\n\r\n" },
		{ &none, &old,
		  "HTTP/1.0 303 See Other\r\nDate: D\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n" },
		{ &unchanged, &kept, "HTTP/1.1 304 Not Modified\r\nDate: D\r\n\r\n" },
	};

	last.keeps = false;
	last.fields = "H: s\r\n";
	old.minor = 0;
	head.head = true;
	parts.parts = true;
	parts.keeps = false;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;

		http_write(&out, cases[i].answer, cases[i].framing);
		assert_string_equal(buf_str(&out), cases[i].text);
	}
}

static void test_fields_and_chunks(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	http_add_field(&out, "A", "b\tc");
	http_add_field(&out, "B", "c\r\nEvil: d");
	http_add_field(&out, "C", "c\n");
	http_write_chunk(&out, slice_str("0123456789abcdef"));
	http_write_chunk(&out, slice_str(""));
	assert_string_equal(buf_str(&out), "A: b\tc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_given_twice),
		cmocka_unit_test(test_continue),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_small_chunks),
		cmocka_unit_test(test_challenge_paths),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_fields_and_chunks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
