/* Small parts of the web side by themselves: parameters, names, validators, which part of a chain. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/http/date.h"
#include "base/http/params.h"
#include "base/http/validator.h"
#include "webui/download/chain.h"
#include "webui/http/name.h"
#include "webui/page/form.h"

static void test_forms(void **state)
{
	const char *form = "staging=true&pfxPassword=s3+cr%26t%3D&empty=&bare&&a%20b=c";
	struct params p = { NULL, 0 };
	struct err e = { 0 };

	assert_int_equal(params_parse(&p, form, strlen(form), &e), 0);
	assert_int_equal(p.count, 5);
	assert_string_equal(params_get(&p, "staging"), "true");
	assert_string_equal(params_get(&p, "pfxPassword"), "s3 cr&t=");
	assert_string_equal(params_get(&p, "empty"), "");
	assert_string_equal(params_get(&p, "bare"), "");
	assert_string_equal(params_get(&p, "a b"), "c");
	assert_null(params_get(&p, "Staging"));
	params_release(&p);
	assert_int_equal(params_parse(&p, "", 0, &e), 0);
	assert_int_equal(p.count, 0);
}

/* Every one is compared with all before it, so there is an end to them. */
static void test_many(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT, boxes = BUF_INIT;
	struct params p = { NULL, 0 };
	json_t *form = NULL;
	struct err e = { 0 };

	for (int i = 0; i < 5000; i++) {
		buf_addf(&text, "p%d&", i);
		buf_add_str(&boxes, "box=x&");
	}
	assert_int_equal(params_parse(&p, text.data, text.len, &e), -1);
	assert_string_equal(e.message, "there are more than 100 parameters");
	params_release(&p);
	assert_int_equal(form_parse(&form, "application/x-www-form-urlencoded", slice(boxes.data, 6 * 1000), &e), 0);
	assert_int_equal(strlen(json_str(form, "box")), 1999);	/* a page of check boxes */
	json_decref(form);
	assert_int_equal(form_parse(&form, "application/x-www-form-urlencoded", slice_buf(&boxes), &e), -1);
	assert_string_equal(e.message, "the form has more than 2000 fields");
	json_decref(form);
	buf_clear(&boxes);
	for (int i = 0; i < 5000; i++)
		buf_add_str(&boxes, "--b\r\nContent-Disposition: form-data; name=\"box\"\r\n\r\nx\r\n");
	assert_int_equal(form_parse(&form, "multipart/form-data; boundary=b", slice_buf(&boxes), &e), -1);
	assert_string_equal(e.message, "the form has more than 2000 fields");
	json_decref(form);
}

static void test_broken_forms(void **state)
{
	static const struct {
		const char *form, *said;
	} cases[] = {
		{ "a=%", "parameter a is not encoded" },	{ "a=%4", "parameter a is not encoded" },
		{ "a=%zz", "parameter a is not encoded" },	{ "a=b%00c", "parameter a is not encoded" },
		{ "%gg=1", "name is not encoded" },		{ "a=1&a=2", "parameter a is given twice" },
		{ "a=1&%61=2", "parameter a is given twice" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct params p = { NULL, 0 };
		struct err e = { 0 };

		assert_int_equal(params_parse(&p, cases[i].form, strlen(cases[i].form), &e), -1);
		assert_int_equal(e.kind, ERR_USAGE);
		assert_non_null(strstr(e.message, cases[i].said));
		params_release(&p);
	}
	assert_null(params_decode("a\0b", 3, false));
}

static void test_decoding_paths(void **state)
{
	_cleanup_wipe_ char *plus = params_decode("a+b%2Fc", 7, false);

	assert_string_equal(plus, "a+b/c");
}

static void test_names(void **state)
{
	static const char *const good[] = { "a", "shop", "www.example.org", "A-1_b.c", "_x" };
	static const char *const bad[] = { "", ".", "..", ".a", "-a", "a b", "a/b", "a*", "\xc3\xa4", "a\n", "a:b" };
	char longest[102];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(name_check(good[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(name_check(bad[i], NULL), -1);
	memset(longest, 'a', sizeof(longest));
	longest[101] = '\0';
	assert_int_equal(name_check(longest, NULL), -1);
	assert_int_equal(name_check(longest + 1, NULL), 0);
}

static void test_dates(void **state)
{
	char text[HTTP_DATE_SIZE];
	int64_t t;

	assert_string_equal(http_date(text, 784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_int_equal(http_date_parse("Sun, 06 Nov 1994 08:49:37 GMT", &t), 0);
	assert_int_equal(t, 784111777);
	assert_int_equal(http_date_parse("Sun, 06 Nov 1994 08:49:37 GMT+1", &t), -1);
	assert_int_equal(http_date_parse("yesterday", &t), -1);
}

static void test_conditions(void **state)
{
	static const struct {
		const char *none_match, *since;
		bool unchanged;
	} cases[] = {
		{ NULL, NULL, false },
		{ "\"v1\"", NULL, true },
		{ "W/\"v1\"", NULL, true },
		{ "*", NULL, true },
		{ "\"a\", W/\"b\" ,\"v1\"", NULL, true },
		{ "\"a, \\\"v1\"", NULL, false },
		{ "v1", NULL, false },
		{ "\"v1", NULL, false },
		{ "\"v10\"", NULL, false },
		{ "\"V1\"", NULL, false },
		{ "", NULL, false },
		{ NULL, "Sun, 06 Nov 1994 08:49:37 GMT", true },
		{ NULL, "Sun, 06 Nov 1994 08:49:36 GMT", false },
		{ NULL, "Sun, 06 Nov 2094 08:49:36 GMT", true },
		{ NULL, "nonsense", false },
		{ "\"other\"", "Sun, 06 Nov 2094 08:49:36 GMT", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(validator_unchanged(cases[i].none_match, cases[i].since, "\"v1\"", 784111777),
				 cases[i].unchanged);
}

static void test_chain_parts(void **state)
{
	static const struct {
		const char *word;
		size_t from, to;
	} cases[] = { { NULL, 0, 3 }, { "true", 0, 3 }, { "false", 0, 1 }, { "only", 1, 3 } };
	size_t from, to;
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(chain_part(cases[i].word, 3, &from, &to, &e), 0);
		assert_int_equal(from, cases[i].from);
		assert_int_equal(to, cases[i].to);
	}
	assert_int_equal(chain_part("maybe", 3, &from, &to, &e), -1);
	assert_non_null(strstr(e.message, "chain=maybe"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_many), cmocka_unit_test(test_broken_forms),
		cmocka_unit_test(test_decoding_paths),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_chain_parts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
