/* JSON: limits, shorthands, problem documents. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"

static json_t *read_text(const char *s, struct err *e)
{
	return json_read(s, strlen(s), e);
}

static void reading(void **state)
{
	static const char *const good[] = { "{}", "[]", "1", "null", "\"x\"", " {\"a\": [1, 2.5, \"\\u00e4\\\"\"]}\n" };
	static const char *const bad[] = { "",
					   "{",
					   "{} {}",
					   "{\"a\":1,\"a\":2}",
					   "[\"\\u0000\"]",
					   "{\"a\\u0000\":1}",
					   "[1,]",
					   "{a:1}",
					   "[\"\xff\"]",
					   "[18446744073709551616]",
					   "nul" };
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_json_ json_t *v = read_text(good[i], &e);

		assert_non_null(v);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_null(read_text(bad[i], &e));
		assert_int_equal(e.kind, ERR_INVALID);
		assert_non_null(strstr(e.message, "line "));
		assert_null(strstr(e.message, "JSON_"));
		assert_null(read_text(bad[i], NULL));
	}
	assert_null(json_read("[\"a\0b\"]", 7, &e));
	assert_null(json_read(NULL, 0, &e));
	read_text("{\n  \"a\": 1,\n  b\n}", &e);
	assert_true(str_starts(e.message, "JSON, line 3 column 3: "));
}

static void depth(void **state)
{
	for (int levels = 30; levels <= 35; levels++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		_cleanup_json_ json_t *v = NULL;
		struct err e = { 0 };

		buf_add_str(&b, "\n");
		for (int i = 0; i < levels; i++)
			buf_add_str(&b, i % 2 ? "{\"a\":" : "[");
		buf_add_str(&b, "1");
		for (int i = levels; i--;)
			buf_add_str(&b, i % 2 ? "}" : "]");
		v = json_read(b.data, b.len, &e);
		assert_true((v != NULL) == (levels <= 32));
		if (!v)
			assert_true(str_starts(e.message, "JSON, line 2 column "));
	}
	{
		/* Brackets inside of strings do not nest, whatever is escaped before. */
		_cleanup_json_ json_t *v = read_text(
			"[\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\\\",\"[[[[[[[[[[[[[[[[[[[[[[[\"]", NULL);

		assert_int_equal(json_array_size(v), 2);
	}
}

static void size_limit(void **state)
{
	const size_t limit = 1024 * 1024;
	_cleanup_free_ char *text = xmalloc(limit + 1);
	_cleanup_json_ json_t *fits = NULL;
	struct err e;

	memset(text, 'x', limit + 1);
	text[0] = text[limit - 1] = '"';
	fits = json_read(text, limit, &e);
	assert_non_null(fits);
	text[limit - 1] = 'x';
	text[limit] = '"';
	assert_null(json_read(text, limit + 1, &e));
	assert_int_equal(e.kind, ERR_INVALID);
}

static void members(void **state)
{
	_cleanup_json_ json_t *o = json_object();
	_cleanup_strv_ char **in = strv_split("x y", " "), **out = NULL;
	_cleanup_free_ char *text = NULL;

	json_put_str(o, "z", "text");
	json_put_str(o, "none", NULL);
	json_put_int(o, "n", INT64_MIN);
	json_put_bool(o, "b", true);
	json_put_time(o, "t", 951827696);
	json_put_time(o, "never", 0);
	json_put_strv(o, "v", in);
	json_put_strv(o, "empty", NULL);
	text = json_write(o);
	assert_string_equal(text, "{\"z\":\"text\",\"none\":null,\"n\":-9223372036854775808,\"b\":true,"
				  "\"t\":\"2000-02-29T12:34:56Z\",\"never\":null,\"v\":[\"x\",\"y\"],\"empty\":[]}");
	assert_string_equal(json_str(o, "z"), "text");
	assert_null(json_str(o, "n"));
	assert_null(json_str(o, "none"));
	assert_null(json_str(NULL, "z"));
	assert_int_equal(json_int(o, "n", 5), INT64_MIN);
	assert_int_equal(json_int(o, "z", 5), 5);
	assert_int_equal(json_int(NULL, "n", 5), 5);
	assert_true(json_bool(o, "b", false));
	assert_true(json_bool(o, "z", true));
	assert_false(json_bool(NULL, "b", false));
	out = json_strv(o, "v");
	assert_true(strv_eq(in, out));
	assert_null(json_strv(o, "empty"));
	assert_null(json_strv(o, "z"));
	assert_null(json_strv(NULL, "v"));
	json_array_append_new(json_object_get(o, "v"), json_integer(1));
	assert_null(json_strv(o, "v"));
}

static void writing(void **state)
{
	_cleanup_json_ json_t *o = json_object();
	_cleanup_free_ char *pretty = NULL;

	json_put_str(o, "a", "b\xff\xc3\xa4\xc3");
	assert_string_equal(json_str(o, "a"), "b\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd");
	json_put_str(o, "a", "b");
	pretty = json_write_pretty(o);
	assert_string_equal(pretty, "{\n  \"a\": \"b\"\n}");
}

static void problem(void **state)
{
	struct err e = { 0 }, back;
	_cleanup_json_ json_t *full = NULL, *brief = NULL;
	_cleanup_free_ char *text = NULL;

	err_set(&e, ERR_LIMIT, "asking for an order: too many");
	brief = json_problem(&e);
	text = json_write(brief);
	assert_string_equal(text,
			    "{\"type\":\"urn:certera:error:limit\",\"title\":\"Limit reached\",\"status\":429,"
			    "\"detail\":\"asking for an order: too many\"}");
	err_detail(&e, "50 certificates");
	err_hint(&e, "Wait.");
	err_code(&e, "rateLimited");
	e.retry_at = 951827696;
	full = json_problem(&e);
	assert_string_equal(json_str(full, "said"), "50 certificates");
	assert_string_equal(json_str(full, "retry_at"), "2000-02-29T12:34:56Z");
	memset(&back, 0xff, sizeof(back));
	json_problem_read(full, &back);
	assert_int_equal(back.kind, e.kind);
	assert_string_equal(back.message, e.message);
	assert_string_equal(back.detail, e.detail);
	assert_string_equal(back.hint, e.hint);
	assert_string_equal(back.code, e.code);
	assert_int_equal(back.retry_at, e.retry_at);
}

static void every_kind_comes_back(void **state)
{
	for (int k = ERR_NONE; k <= ERR_INTERNAL; k++) {
		struct err e, back;
		_cleanup_json_ json_t *doc = NULL;

		err_set(&e, (enum err_kind)k, "x");
		doc = json_problem(&e);
		json_problem_read(doc, &back);
		assert_int_equal(back.kind, k);
	}
}

static void foreign_problem(void **state)
{
	_cleanup_json_ json_t *doc = read_text("{\"type\":\"about:blank\",\"detail\":7,\"retry_at\":\"later\"}", NULL);
	struct err e;

	json_problem_read(doc, &e);
	assert_int_equal(e.kind, ERR_INTERNAL);
	assert_string_equal(e.message, "");
	assert_int_equal(e.retry_at, 0);
	json_problem_read(NULL, &e);
	assert_int_equal(e.kind, ERR_INTERNAL);
	json_problem_read(doc, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(depth),
		cmocka_unit_test(size_limit),
		cmocka_unit_test(members),
		cmocka_unit_test(writing),
		cmocka_unit_test(problem),
		cmocka_unit_test(every_kind_comes_back),
		cmocka_unit_test(foreign_problem),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
