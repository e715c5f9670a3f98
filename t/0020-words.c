/* What strangers say, made fit to be shown. */
#include "base/words.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/encode.h"

static void what_is_let_through(void **state)
{
	static const struct {
		const char *said, *line, *lines;
	} rows[] = {
		{ "", "", "" },
		{ "plain text", "plain text", "plain text" },
		{ "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x94\x91", "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x94\x91",
		  "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x94\x91" },
		{ "\x1b[31mred\x1b]0;title\x07", " [31mred ]0;title ", " [31mred ]0;title " },
		{ "a\nb\tc", "a b c", "a\nb\tc" },
		{ "a\r\nb\rc", "a  b c", "a\nb c" },
		{ "a\x08\x7f""b", "a  b", "a  b" },
		{ "\xc2\x9b""2J\xc2\x85""next", " 2J next", " 2J next" },	/* C1: CSI, NEL */
		{ "\xc2\xa0", "\xc2\xa0", "\xc2\xa0" },			/* the first behind C1 */
		{ "gpj.\xe2\x80\xae" "exe", "gpj.exe", "gpj.exe" },	/* override */
		{ "\xe2\x81\xa6x\xe2\x81\xa9\xe2\x80\x8f\xd8\x9c", "x", "x" },	/* isolates, marks */
		{ "a\xe2\x80\xa8" "b\xe2\x80\xa9" "c", "a b c", "a b c" },	/* separators of lines, paragraphs */
		{ "\xef\xbb\xbfk", "k", "k" },				/* byte order mark */
		{ "x\xf3\xa0\x81\xa9y", "xy", "xy" },			/* a tag */
		{ "\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *line = words_line(rows[i].said, WORDS_SOME);
		_cleanup_buf_ struct buf lines = BUF_INIT;

		words_add_lines(&lines, rows[i].said, strlen(rows[i].said), WORDS_SOME);
		assert_string_equal(line, rows[i].line);
		assert_string_equal(buf_str(&lines), rows[i].lines);
	}
	assert_null(words_line(NULL, WORDS_SOME));
}

/* Bytes with an end of their own: a NUL in them ends nothing, and nothing behind them is read. */
static void bytes(void **state)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	buf_add_str(&out, "said: ");
	words_add(&out, "a\0b\xe2\x80", 5, WORDS_SOME);
	assert_string_equal(buf_str(&out), "said: a b\xef\xbf\xbd\xef\xbf\xbd");
}

static void bounds(void **state)
{
	static const char said[] = "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4";	/* 10 bytes */

	for (size_t most = 3; most < 12; most++) {
		_cleanup_free_ char *line = words_line(said, most);

		assert_true(strlen(line) <= most);
		assert_int_equal(str_ends(line, "..."), most < 10);
		for (const char *p = line; *p; p += utf8_len(p))
			assert_true(utf8_len(p) > 0);
	}
}

/* Whatever comes in, valid UTF-8 without controls comes out, and through once more as it is. */
static void anything(void **state)
{
	unsigned char noise[300];

	for (int round = 0; round < 200; round++) {
		_cleanup_buf_ struct buf out = BUF_INIT, again = BUF_INIT;

		random_bytes(noise, sizeof(noise));
		for (size_t i = 0; i < sizeof(noise); i += 2)	/* often the beginning of something */
			noise[i] = (unsigned char[]){ 0xe2, 0xc2, 0x80, 0x9b, 0xf3, 0x1b, 'a', '.' }[noise[i] % 8];
		words_add(&out, noise, sizeof(noise), WORDS_MANY);
		for (const char *p = buf_str(&out); *p; p += utf8_len(p)) {
			uint32_t point;

			assert_true(utf8_char(p, strlen(p), &point) > 0 && words_fit(point));
		}
		words_add(&again, out.data, out.len, WORDS_MANY);
		assert_string_equal(buf_str(&again), buf_str(&out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_let_through),
		cmocka_unit_test(bytes),
		cmocka_unit_test(bounds),
		cmocka_unit_test(anything),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
