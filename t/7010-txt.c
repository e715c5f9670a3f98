/* What hooks are told about a TXT record. */
#include "daemon/challenge/txt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_split(void **state)
{
	static const struct {
		const char *full, *record, *domain;
	} cases[] = {
		{ "_acme-challenge.example.org", "_acme-challenge", "example.org" },
		{ "_acme-challenge.www.example.org", "_acme-challenge.www", "example.org" },
		{ "_acme-challenge.a.b.example.co.uk", "_acme-challenge.a.b", "example.co.uk" },
		{ "_acme-challenge.example.co.uk", "_acme-challenge", "example.co.uk" },
		{ "_ujmmovf2vn55tgye._acme-challenge.example.org", "_ujmmovf2vn55tgye._acme-challenge", "example.org" },
		{ "_ujmmovf2vn55tgye._acme-challenge.co.uk", "_ujmmovf2vn55tgye._acme-challenge", "co.uk" },
		/* A public suffix that somebody has a certificate for. */
		{ "_acme-challenge.github.io", "_acme-challenge", "github.io" },
		/* Where a CNAME leads. */
		{ "d420c923.auth.example.net", "d420c923.auth", "example.net" },
		{ "example.net", "@", "example.net" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *record = NULL, *domain = NULL;

		txt_split(cases[i].full, &record, &domain);
		assert_string_equal(record, cases[i].record);
		assert_string_equal(domain, cases[i].domain);
	}
}

/* The vector of draft-ietf-acme-dns-account-label, section 3.2. */
static void test_record(void **state)
{
	static const char url[] = "https://example.com/acme/acct/ExampleAccount";
	_cleanup_free_ char *plain = txt_record("dns-01", url, "*.example.org"), *other = txt_record("http-01", url, "example.org");
	_cleanup_free_ char *account = txt_record("dns-account-01", url, "*.example.org");

	assert_string_equal(plain, "_acme-challenge.example.org");
	assert_string_equal(account, "_ujmmovf2vn55tgye._acme-challenge.example.org");
	assert_null(other);
}

static const struct txt_words words = {
	.action = "set", .full_record = "_acme-challenge.www.example.org", .subject = "www.example.org", .domain = "example.org",
	.record = "_acme-challenge.www", .value = "{{Domain}} $(id)", .zone = NULL, .certificate = "shop",
};

static void test_expand(void **state)
{
	static const struct {
		const char *text, *expanded;	/* NULL: an error */
	} cases[] = {
		{ "{{FullRecord}}", "_acme-challenge.www.example.org" },
		{ "a{{Record}}.{{Domain}}b", "a_acme-challenge.www.example.orgb" },
		{ "{{Action}}/{{Subject}}/{{Certificate}}/{{Zone}}", "set/www.example.org/shop/" },
		{ "{{Value}}", "{{Domain}} $(id)" },	/* not expanded again */
		{ "{{", "{{" },
		{ "}} {Domain}", "}} {Domain}" },
		{ "{{domain}}", NULL },
		{ "{{}}", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct err e = { 0 };
		int failed = txt_expand(&words, cases[i].text, &out, &e);

		assert_int_equal(failed, cases[i].expanded ? 0 : -1);
		if (cases[i].expanded)
			assert_string_equal(buf_str(&out), cases[i].expanded);
	}
}

static void test_environment(void **state)
{
	_cleanup_strv_ char **env = NULL;

	strv_add(&env, "CERTERA_VALUE=forged");
	strv_add(&env, "OTHER=1");
	txt_environment(&words, &env);
	assert_true(strv_has(env, "CERTERA_VALUE={{Domain}} $(id)"));
	assert_false(strv_has(env, "CERTERA_VALUE=forged"));
	assert_true(strv_has(env, "OTHER=1"));
	assert_true(strv_has(env, "CERTERA_FULL_RECORD=_acme-challenge.www.example.org"));
	assert_true(strv_has(env, "CERTBOT_DOMAIN=www.example.org"));
	assert_true(strv_has(env, "CERTERA_ZONE="));
}

/* RFC 8555 section 8.4, computed with another program. */
static void test_value(void **state)
{
	_cleanup_free_ char *value = txt_value("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI");

	assert_string_equal(value, "lCM7cZyQXcVHK2nnW3jjAhNT3Fvm18UN-kWZZknKoYM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_value),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
