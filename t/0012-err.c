/* Errors: one sentence that grows on its way up. */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/encode.h"

static void sentences(void **state)
{
	struct err e = { 0 };

	assert_false(err_is_set(&e));
	err_detail(&e, "old");
	err_hint(&e, "old");
	err_code(&e, "old");
	e.retry_at = 7;
	assert_int_equal(err_set(&e, ERR_MISSING, "no %s here", "bread"), -1);
	assert_true(err_is_set(&e));
	assert_int_equal(e.kind, ERR_MISSING);
	assert_string_equal(e.message, "no bread here");
	assert_string_equal(e.detail, "");
	assert_string_equal(e.hint, "");
	assert_string_equal(e.code, "");
	assert_int_equal(e.retry_at, 0);
	assert_int_equal(err_prefix(&e, "buying %d", 2), -1);
	assert_string_equal(e.message, "buying 2: no bread here");
	err_detail(&e, "closed");
	err_hint(&e, "Try %s.", "tomorrow");
	err_code(&e, "shop");
	assert_string_equal(e.detail, "closed");
	assert_string_equal(e.hint, "Try tomorrow.");
	assert_string_equal(e.code, "shop");
	err_clear(&e);
	assert_false(err_is_set(&e));
	assert_string_equal(e.message, "");
}

static void system_errors(void **state)
{
	struct err e;

	errno = ENOENT;
	err_errno(&e, ERR_CONFIG, "reading %s", "/etc/x");
	assert_string_equal(e.message, "reading /etc/x: no such file or directory");
	assert_int_equal(errno, ENOENT);
	errno = EDOTDOT;
	err_errno(&e, ERR_CONFIG, "calling");
	assert_string_equal(e.message, "calling: RFS specific error");
}

static void nobody_cares(void **state)
{
	assert_int_equal(err_set(NULL, ERR_AUTH, "x"), -1);
	assert_int_equal(err_errno(NULL, ERR_AUTH, "x"), -1);
	assert_int_equal(err_prefix(NULL, "x"), -1);
	assert_int_equal(err_detail(NULL, "x"), -1);
	assert_int_equal(err_hint(NULL, "x"), -1);
	assert_int_equal(err_code(NULL, "x"), -1);
	err_clear(NULL);
}

static void from_itself(void **state)
{
	struct err e;

	err_set(&e, ERR_CA, "refused");
	err_detail(&e, "said");
	err_set(&e, ERR_LIMIT, "again %s after %s", e.message, e.detail);
	assert_string_equal(e.message, "again refused after said");
	err_prefix(&e, "%s", e.message);
	assert_string_equal(e.message, "again refused after said: again refused after said");
}

static void too_long(void **state)
{
	struct err e;
	char text[2000];

	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 3);
	err_set(&e, ERR_CA, "%s", text);
	assert_int_equal(strlen(e.message), sizeof(e.message) - 1); /* whole characters, and the sign that more was said */
	assert_true(str_ends(e.message, "\xc3\xa4..."));
	for (int shift = 1; shift < 4; shift++) {
		err_prefix(&e, "x");
		for (const char *s = e.message; *s; s += utf8_len(s))
			assert_true(utf8_len(s) > 0);
	}
	memset(text, '\xff', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_detail(&e, "%s", text);
	assert_true(str_starts(e.detail, "\xef\xbf\xbd\xef\xbf\xbd") && str_ends(e.detail, "..."));
	memset(text, 'a', sizeof(text) - 1);
	err_code(&e, text);
	assert_int_equal(strlen(e.code), sizeof(e.code) - 1);
	err_code(&e, NULL);
	assert_string_equal(e.code, "");
}

/* What a stranger says moves no cursor and turns no text round, whichever field it got into. */
static void strangers(void **state)
{
	static const char said[] = "a\x1b[2J\nb\xc2\x9b\xe2\x80\xae" "c\xff";
	struct err e;

	err_set(&e, ERR_CA, "%s", said);
	assert_string_equal(e.message, "a [2J b c\xef\xbf\xbd");
	err_detail(&e, "%s", said);
	assert_string_equal(e.detail, "a [2J\nb c\xef\xbf\xbd");	/* which a script's output needs */
	err_hint(&e, "%s", said);
	assert_string_equal(e.hint, e.message);
	err_code(&e, said);
	assert_string_equal(e.code, e.message);
	err_part(&e, said, said, said);
	assert_string_equal(e.parts, "a [2J b c\xef\xbf\xbd\ta [2J b c\xef\xbf\xbd\ta [2J b c\xef\xbf\xbd\n");
}

static void as_sentences(void **state)
{
	static const char *const cases[][2] = {
		{ "there is no key shop", "There is no key shop." },
		{ "a note is too long: 9 bytes", "A note is too long: 9 bytes." },
		{ "It has ended.", "It has ended." },
		{ "www.example.org does not answer", "www.example.org does not answer." },
		{ "certera.yaml:3: no such setting", "certera.yaml:3: no such setting." },
		{ "\"csr\" has no name in it", "\"csr\" has no name in it." },
		{ "reading: no such file", "Reading: no such file." },
		{ "see https://ca.example/terms", "See https://ca.example/terms" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = err_sentence(cases[i][0]);

		assert_string_equal(text, cases[i][1]);
	}
}

static void kinds(void **state)
{
	assert_int_equal(err_http_status(ERR_MISSING), 404);
	assert_int_equal(err_exit_code(ERR_INTERNAL), 70);
	assert_string_equal(err_kind_name(ERR_LIMIT), "LIMIT");
	assert_string_equal(err_title(ERR_CA), "Refused by the CA");
	for (int k = ERR_NONE; k <= ERR_INTERNAL; k++)
		assert_int_equal(err_kind_by_name(err_kind_name((enum err_kind)k)), k);
	assert_int_equal(err_kind_by_name("missing"), ERR_MISSING);
	assert_int_equal(err_kind_by_name("?"), ERR_INTERNAL);
	assert_int_equal(err_kind_by_name(NULL), ERR_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentences),   cmocka_unit_test(system_errors), cmocka_unit_test(nobody_cares),
		cmocka_unit_test(from_itself), cmocka_unit_test(too_long),      cmocka_unit_test(kinds),
		cmocka_unit_test(strangers),   cmocka_unit_test(as_sentences),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
