/* Templates: what they understand, that they escape always, and what they say when they are wrong. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/template.h"

/* Pairs of name and text. */
static const char *const partials[] = {
	"item", "<li>{{name}}</li>",
	"line", "text\n",
	"loop", "{{>loop}}",
	NULL,
};

static const char *find(void *arg, const char *name)
{
	if (!strcmp(name, "main"))
		return arg;
	for (const char *const *p = partials; *p; p += 2)
		if (!strcmp(*p, name))
			return p[1];
	return NULL;
}

static int render(struct buf *out, const char *text, const char *json, bool strict, struct err *e)
{
	struct template_env env = { .find = find, .arg = (void *)text, .strict = strict };
	_cleanup_json_ json_t *value = json_read(json, strlen(json), e);

	assert_non_null(value);
	return template_render(out, "main", value, &env, e);
}

static void test_what_it_understands(void **state)
{
	static const struct {
		const char *text, *json, *result;
	} cases[] = {
		{ "plain", "{}", "plain" },
		{ "{{a}}, {{ b }}, {{c}}, {{d}}, {{n}}.", "{\"a\":\"x\",\"b\":7,\"c\":true,\"d\":false,\"n\":null}", "x, 7, true, false, ." },
		{ "{{a}}", "{\"a\":\"<script>\\\"'&\"}", "&lt;script&gt;&quot;&#39;&amp;" },
		{ "{{a}}", "{\"a\":{\"text\":\"<x>\",\"more\":1}}", "&lt;x&gt;" },
		{ "{{~a}} {{a}}", "{\"a\":\"www.a-b.<x>\"}", "www.<wbr>a-b.<wbr>&lt;x&gt; www.a-b.&lt;x&gt;" },
		{ "[{{!a {{b}}]", "{}", "[]" },
		{ "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":true}", "yes" },
		{ "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":\"\"}", "no" },
		{ "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":0}", "no" },
		{ "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":[]}", "no" },
		{ "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{\"a\":{}}", "no" },
		{ "{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{}", "no" },
		{ "{{#a}}({{.}}){{/a}}", "{\"a\":[\"x\",1,\"<\"]}", "(x)(1)(&lt;)" },
		{ "{{#a}}{{.}}!{{/a}}", "{\"a\":\"text\"}", "text!" },
		{ "{{#a}}{{x}}{{y}} {{/a}}", "{\"y\":\"o\",\"a\":[{\"x\":1},{\"x\":2,\"y\":\"i\"}]}", "1 2i " },
		{ "{{#a}}{{#url}}{{url}}{{/url}}{{^url}}none{{/url}}{{/a}}", "{\"url\":\"o\",\"a\":[{\"x\":1}]}", "none" },
		{ "{{#a}}{{x}}{{..y}}{{#..y}}{{..y}}{{/..y}} {{/a}}", "{\"y\":\"o\",\"a\":[{\"x\":1,\"y\":\"i\"}]}", "1oo " },
		{ "{{#a}}{{#b}}{{..x}}{{..y.z}}{{/b}}{{/a}}", "{\"y\":{\"z\":\"o\"},\"a\":{\"x\":1,\"b\":{\"c\":2}}}", "1o" },
		{ "{{#t}}{{x}}{{/t}}{{#l}}{{x}}{{.}}{{/l}}{{#n}}{{x}}{{/n}}", "{\"t\":\"a\",\"l\":[1,2],\"n\":3,\"x\":\"x\"}", "xx1x2x" },
		{ "{{#a}}{{#b}}{{_.v}}{{#_.w}}{{v}}{{/_.w}}{{/b}}{{/a}}", "{\"_\":{\"v\":1,\"w\":{\"v\":2}},\"a\":{\"b\":{\"c\":1}}}", "12" },
		{ "[{{..x}}{{#..x}}x{{/..x}}]", "{\"x\":1}", "[]" },
		{ "{{#a}}{{#a}}{{b}}{{/a}}{{/a}}", "{\"a\":{\"a\":{\"b\":3}}}", "3" },
		{ "{{a.b.c}}", "{\"a\":{\"b\":{\"c\":\"deep\"}}}", "deep" },
		{ "{{a.0}} of {{a.count}}", "{\"a\":[\"first\",\"second\"]}", "first of 2" },
		{ "{{#s.failed}}F{{/s.failed}}{{#s.active}}A{{/s.active}}", "{\"s\":\"active\"}", "A" },
		{ "{{#s.dns-01}}D{{/s.dns-01}}{{^s.x}}no x{{/s.x}}", "{\"s\":[\"http-01\",\"dns-01\"]}", "Dno x" },
		{ "<ul>{{#a}}{{>item}}{{/a}}</ul>", "{\"a\":[{\"name\":\"<b>\"},{\"name\":\"c\"}]}", "<ul><li>&lt;b&gt;</li><li>c</li></ul>" },
		{ "<p>\n{{#a}}\n  {{.}}\n  {{/a}}\n{{!x}}\n</p>", "{\"a\":[1,2]}", "<p>\n  1\n  2\n</p>" },
		{ "[{{>line}}]\n{{>line}}\n.", "{}", "[text]\ntext\n." },
		{ "{{missing}}{{a.missing}}{{#x}}{{y}}{{/x}}", "{\"a\":{}}", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct err e = { 0 };

		assert_int_equal(render(&out, cases[i].text, cases[i].json, false, &e), 0);
		assert_string_equal(buf_str(&out), cases[i].result);
	}
}

static void test_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "a\n{{#a}}\n", "template main, line 2: no end of the section a" },
		{ "{{#a}}{{/b}}", "a different section ends: b" },
		{ "{{/a}}", "no section begins that ends here: a" },
		{ "{{a", "no end of the tag" },
		{ "{{}}", "without a name" },
		{ "{{{a}}}", "this is not a name: {a" },
		{ "{{&a}}", "this is not a name: &a" },
		{ "{{>nosuch}}", "there is no template nosuch" },
		{ "{{>loop}}", "too many" },
		{ "{{o}}", "this is an object or a list" },
		{ "{{l}}", "this is an object or a list" },
		{ "\n\n{{nosuch}}", "line 3: there is no nosuch" },
		{ "{{o.nosuch}}", "there is no o.nosuch" },
		{ "{{#o}}{{a}}{{/o}}", "there is no a" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct err e = { 0 };

		assert_int_equal(render(&out, cases[i].text, "{\"a\":1,\"o\":{\"x\":1},\"l\":[1]}", true, &e), -1);
		assert_non_null(strstr(e.message, cases[i].said));
	}
}

static void test_texts_are_not_escaped(void **state)
{
	struct template_env env = { .find = find, .arg = (void *)"{{a}} {{b}}", .plain = true };
	_cleanup_json_ json_t *value = json_pack("{s:s, s:{s:s}}", "a", "<&>", "b", "text", "\"'");
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };

	assert_int_equal(template_render(&out, "main", value, &env, &e), 0);
	assert_string_equal(buf_str(&out), "<&> \"'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_understands),
		cmocka_unit_test(test_what_is_wrong),
		cmocka_unit_test(test_texts_are_not_escaped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
