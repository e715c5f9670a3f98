/* Handshake messages split over records in every way are put together; all else passes through as it is. */
#include "pki/regroup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* The wire, which hands out so many bytes at a time, and nothing every other time. */
struct wire {
	struct buf sent;
	size_t at, most;
	bool pause, closed;
};

static ssize_t get(void *arg, void *data, size_t len)
{
	struct wire *w = arg;
	size_t part = MIN(MIN(len, w->most), w->sent.len - w->at);

	w->pause = !w->pause;
	if (w->pause || (!part && !w->closed)) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(data, w->sent.data + w->at, part);
	w->at += part;
	return (ssize_t)part;
}

static void add_record(struct buf *b, int type, const char *text, size_t len)
{
	const unsigned char header[] = { (unsigned char)type, 3, 3, (unsigned char)(len >> 8), (unsigned char)len };

	buf_add(b, header, sizeof(header));
	buf_add(b, text, len);
}

/* A handshake message of this length, its header included. */
static void add_message(struct buf *b, size_t len)
{
	const unsigned char header[] = { 11, (unsigned char)((len - 4) >> 16), (unsigned char)((len - 4) >> 8), (unsigned char)(len - 4) };

	buf_add(b, header, sizeof(header));
	for (size_t i = 4; i < len; i++)
		buf_add_ch(b, (char)('a' + i % 26));
}

/* All that comes out, read in parts of `step` bytes. */
static void run(struct wire *w, struct regroup *r, size_t step, struct buf *out)
{
	for (int idle = 0; idle < 3 || w->at < w->sent.len;) {
		ssize_t got = regroup_read(r, buf_reserve(out, step), step, get, w);

		assert_true(got != 0);
		idle = got < 0 ? idle + 1 : 0;
		out->len += got > 0 ? (size_t)got : 0;
	}
}

#define FINISHED "sealed: not to be looked at"

static void split_in_every_way(void **state)
{
	static const size_t lengths[] = { 4, 90, 4000, 16384, 5 };
	static const size_t sizes[] = { 1, 3, 7, 512, 16384 };
	_cleanup_buf_ struct buf messages = BUF_INIT, wanted = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		_cleanup_buf_ struct buf one = BUF_INIT;

		add_message(&one, lengths[i]);
		add_record(&wanted, 22, one.data, one.len);
		buf_add(&messages, one.data, one.len);
	}
	add_record(&wanted, 20, "\1", 1);
	add_record(&wanted, 22, FINISHED, strlen(FINISHED));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct wire w = { .most = 1 + i * 1000 };
		struct regroup r = { .given = 0 };
		_cleanup_buf_ struct buf out = BUF_INIT;

		for (size_t at = 0; at < messages.len; at += sizes[i])
			add_record(&w.sent, 22, messages.data + at, MIN(sizes[i], messages.len - at));
		add_record(&w.sent, 20, "\1", 1);
		add_record(&w.sent, 22, FINISHED, strlen(FINISHED));
		run(&w, &r, 1 + i * 7, &out);
		assert_int_equal(out.len, wanted.len);
		assert_memory_equal(out.data, wanted.data, wanted.len);
		assert_true(r.through && !r.too_long);
		regroup_release(&r);
		buf_release(&w.sent);
	}
}

/* An alert in between, what is no TLS, and what has no end. */
static void passes_through(void **state)
{
	static const struct {
		const char *sent, *wanted;
		size_t sent_len, wanted_len;
	} rows[] = {
#define ROW(sent, wanted) { sent, wanted, sizeof(sent) - 1, sizeof(wanted) - 1 }
		ROW("\x16\3\3\0\2\x0e\0" "\x15\3\3\0\2\2\x28", "\x15\3\3\0\2\2\x28"),
		ROW("\x16\3\3\0\0" "\x16\3\3\0\4\x0e\0\0\0", "\x16\3\3\0\4\x0e\0\0\0"),
		ROW("\x17\3\3\0\1x" "\x16\3\3\0\1y", "\x17\3\3\0\1x" "\x16\3\3\0\1y"),
		ROW("HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 400 Bad Request\r\n"),
		ROW("220 ready\r\n", "220 ready\r\n"),
		ROW("\x16\3\3\xff\xff" "abc", "\x16\3\3\xff\xff" "abc"),
		ROW("\x16\3\3\0\4\x0e\0", ""),
#undef ROW
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wire w = { .most = 4 };
		struct regroup r = { .given = 0 };
		_cleanup_buf_ struct buf out = BUF_INIT;

		buf_add(&w.sent, rows[i].sent, rows[i].sent_len);
		run(&w, &r, 3, &out);
		assert_int_equal(out.len, rows[i].wanted_len);
		assert_memory_equal(buf_str(&out), rows[i].wanted, rows[i].wanted_len);
		w.pause = w.closed = true;
		assert_int_equal(regroup_read(&r, (char[8]){ 0 }, 8, get, &w), 0);
		regroup_release(&r);
		buf_release(&w.sent);
	}
}

static void too_long(void **state)
{
	_cleanup_buf_ struct buf message = BUF_INIT, out = BUF_INIT;
	struct wire w = { .most = 100000 };
	struct regroup r = { .given = 0 };

	add_message(&message, 16385);
	add_record(&w.sent, 22, message.data, 16384);
	add_record(&w.sent, 22, message.data + 16384, 1);
	run(&w, &r, 1000, &out);
	assert_true(r.too_long);
	assert_int_equal(out.len, w.sent.len);
	assert_memory_equal(out.data, w.sent.data, out.len);
	regroup_release(&r);
	buf_release(&w.sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_in_every_way),
		cmocka_unit_test(passes_through),
		cmocka_unit_test(too_long),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
