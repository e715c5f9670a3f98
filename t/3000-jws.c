/* JSON Web Signatures: what is signed, and how it is sent. */
#include "acme/jws.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/encode.h"
#include "base/json.h"

static char *decoded(const char *text, size_t len)
{
	struct buf b = BUF_INIT;

	assert_int_equal(base64url_decode(&b, text, len), 0);
	return buf_detach(&b);
}

static char *header_of(const char *input)
{
	return decoded(input, (size_t)(strchr(input, '.') - input));
}

static void key_by_kid(void **state)
{
	struct jws_header h = {
		.alg = "ES256", .kid = "https://ca/acct/1", .jwk = "{}", .nonce = "n1", .url = "https://ca/o"
	};
	_cleanup_free_ char *input = jws_input(&h, "{\"a\":1}", NULL), *header = header_of(input);

	assert_string_equal(
		header, "{\"alg\":\"ES256\",\"kid\":\"https://ca/acct/1\",\"nonce\":\"n1\",\"url\":\"https://ca/o\"}");
	assert_string_equal(strchr(input, '.'), ".eyJhIjoxfQ");
}

static void key_by_jwk(void **state)
{
	struct jws_header h = {
		.alg = "RS256", .jwk = "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"x\"}", .nonce = "n", .url = "u"
	};
	_cleanup_free_ char *input = jws_input(&h, "", NULL), *header = header_of(input);

	assert_string_equal(header, "{\"alg\":\"RS256\",\"jwk\":{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"x\"},"
				    "\"nonce\":\"n\",\"url\":\"u\"}");
	assert_string_equal(strchr(input, '.'), "."); /* POST-as-GET: an empty payload */
}

static void binding_has_no_nonce(void **state)
{
	struct jws_header h = { .alg = "HS256", .kid = "kid-1", .url = "https://ca/new" };
	_cleanup_free_ char *input = jws_input(&h, "{}", NULL), *header = header_of(input);

	assert_string_equal(header, "{\"alg\":\"HS256\",\"kid\":\"kid-1\",\"url\":\"https://ca/new\"}");
}

static void hostile_kid_is_escaped(void **state)
{
	struct jws_header h = { .alg = "ES256", .kid = "a\",\"alg\":\"none", .nonce = "n", .url = "u" };
	_cleanup_free_ char *input = jws_input(&h, "", NULL), *header = header_of(input);
	_cleanup_json_ json_t *json = json_read(header, strlen(header), NULL);

	assert_string_equal(json_str(json, "alg"), "ES256");
	assert_string_equal(json_str(json, "kid"), "a\",\"alg\":\"none");
}

static void broken_jwk(void **state)
{
	struct jws_header h = { .alg = "ES256", .jwk = "{\"kty\":", .nonce = "n", .url = "u" };
	struct err e = { 0 };

	assert_null(jws_input(&h, "", &e));
	assert_true(str_starts(e.message, "reading the account's public key: "));
}

static void flattened(void **state)
{
	_cleanup_free_ char *jws = jws_flat("aGVhZA.cGF5", slice("\xff\xfe\xfd\xfc", 4));

	assert_string_equal(jws, "{\"protected\":\"aGVhZA\",\"payload\":\"cGF5\",\"signature\":\"__79_A\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_by_kid),           cmocka_unit_test(key_by_jwk),
		cmocka_unit_test(binding_has_no_nonce), cmocka_unit_test(hostile_kid_is_escaped),
		cmocka_unit_test(broken_jwk),           cmocka_unit_test(flattened),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
