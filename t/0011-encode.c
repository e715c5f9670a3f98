/* Hex, base64, base64url, UTF-8, digests and random numbers. */
#include "base/encode.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/digest.h"

static void hex(void **state)
{
	_cleanup_free_ char *s = hex_str("\x00\x7f\xff", 3), *none = hex_str(NULL, 0);
	_cleanup_buf_ struct buf b = BUF_INIT;
	static const char *const bad[] = { "0", "0g", "g0", "00 ", "0x00", "000" };

	assert_string_equal(s, "007fff");
	assert_string_equal(none, "");
	assert_int_equal(hex_decode(&b, "007fFF"), 0);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "\x00\x7f\xff", 3);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(hex_decode(&b, bad[i]), -1);
		assert_int_equal(b.len, 3); /* as it was */
	}
}

/* RFC 4648 section 10 */
static const char *const vectors[][3] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xff\xbf", "+/+/", "-_-_" },
};

static void base64_vectors(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		const char *plain = vectors[i][0];
		_cleanup_buf_ struct buf text = BUF_INIT, back = BUF_INIT, back_url = BUF_INIT;
		_cleanup_free_ char *url = base64url_str(plain, strlen(plain));

		base64_add(&text, plain, strlen(plain));
		assert_string_equal(buf_str(&text), vectors[i][1]);
		assert_string_equal(url, vectors[i][2]);
		assert_int_equal(base64_decode(&back, vectors[i][1], strlen(vectors[i][1])), 0);
		assert_string_equal(buf_str(&back), plain);
		assert_int_equal(base64url_decode(&back_url, url, strlen(url)), 0);
		assert_string_equal(buf_str(&back_url), plain);
	}
}

static void base32_vectors(void **state)
{
	static const char *const encoded[] = { "", "my", "mzxq", "mzxw6", "mzxw6yq", "mzxw6ytb", "mzxw6ytboi" };

	for (size_t i = 0; i < ARRAY_SIZE(encoded); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		base32_add(&text, "foobar", i);
		assert_string_equal(buf_str(&text), encoded[i]);
	}
}

static void base64_any_bytes(void **state)
{
	for (size_t len = 0; len < 100; len++) {
		unsigned char raw[100];
		_cleanup_buf_ struct buf text = BUF_INIT, back = BUF_INIT, url = BUF_INIT, back_url = BUF_INIT;

		random_bytes(raw, len);
		base64_add(&text, raw, len);
		base64url_add(&url, raw, len);
		assert_int_equal(base64_decode(&back, text.data, text.len), 0);
		assert_int_equal(base64url_decode(&back_url, url.data, url.len), 0);
		assert_true(slice_eq(slice(raw, len), slice_buf(&back)));
		assert_true(slice_eq(slice(raw, len), slice_buf(&back_url)));
	}
}

static void base64_refused(void **state)
{
	static const char *const bad[] = { "Zg",       "Zg=",      "Zg===", "Z",    "Z===", "=",    "====",
					   "Zg==Zg==", "Zm8=Zm8=", "Zm9v=", "Zh==", "Zm9=", "Zm-v", "Zm\x80v" };
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(base64_decode(&b, bad[i], strlen(bad[i])), -1);
	assert_int_equal(base64_decode(&b, "Zm\0v", 4), -1);
	assert_int_equal(b.len, 0);
	assert_int_equal(base64_decode(&b, "Zm9v\r\n Ym\tFy\n", 13), 0);
	assert_string_equal(b.data, "foobar");
}

static void base64url_refused(void **state)
{
	static const char *const bad[] = { "Z", "Zg==", "Zm8=", "Zm9v ", "Zm9v\n", "+/+/", "Zh", "Zm9", "Zm9vY" };
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_add_str(&b, "before");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(base64url_decode(&b, bad[i], strlen(bad[i])), -1);
	assert_string_equal(b.data, "before");
	assert_true(base64url_is("azAZ09-_"));
	assert_false(base64url_is("") || base64url_is(NULL) || base64url_is("a=") || base64url_is("a/b"));
}

static void utf8(void **state)
{
	static const struct {
		const char *s;
		size_t len;
	} cases[] = {
		{ "", 0 },
		{ "a", 1 },
		{ "\x7f", 1 },
		{ "\xc3\xa4", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x94\x91", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\x80", 0 },
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf8\x88\x80\x80\x80", 0 },
		{ "\xe2\x82", 0 },
		{ "\xc3", 0 },
		{ "\xff", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(utf8_len(cases[i].s), cases[i].len);
}

static void digests(void **state)
{
	unsigned char mac[HMAC_MAX];
	unsigned char out[SHA256_SIZE];
	const struct slice pieces[] = { slice_str("a"), slice_str(""), slice_str("bc"), slice(NULL, 0) };
	struct buf text = BUF_INIT;

	sha256("abc", 3, out);
	hex_add(&text, out, sizeof(out));
	assert_string_equal(text.data, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	buf_clear(&text);
	sha256_slices(pieces, ARRAY_SIZE(pieces), out);
	hex_add(&text, out, sizeof(out));
	assert_string_equal(text.data, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	buf_clear(&text);
	sha256(NULL, 0, out);
	hex_add(&text, out, sizeof(out));
	assert_string_equal(text.data, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	buf_clear(&text);
	assert_int_equal(hmac_by_name("HS384", slice_str("Jefe"), slice_str("what do ya want for nothing?"), mac), 48);
	assert_memory_equal(mac, "\xaf\x45\xd2\xe3\x76\x48\x40\x31\x61\x7f\x78\xd2\xb5\x8a\x6b\x1b", 16);
	assert_int_equal(hmac_by_name("HS512", slice_str("Jefe"), slice_str("what do ya want for nothing?"), mac), 64);
	assert_memory_equal(mac, "\x16\x4b\x7a\x7b\xfc\xf8\x19\xe2\xe3\x95\xfb\xe7\x3b\x56\xe0\xa3", 16);
	assert_int_equal(hmac_by_name("HS1", slice_str("Jefe"), slice_str(""), mac), 0);
	hmac_sha256(slice_str("Jefe"), slice_str("what do ya want for nothing?"), out); /* RFC 4231 section 4.3 */
	hex_add(&text, out, sizeof(out));
	assert_string_equal(text.data, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	buf_release(&text);
}

static void random_numbers(void **state)
{
	_cleanup_free_ char *a = random_hex(16), *b = random_hex(16), *text = random_text(32), *other = random_text(32),
			    *hash = sha256_text("abc");
	unsigned char x[16] = { 0 }, zeros[16] = { 0 };
	int seen[6] = { 0 }, low = 0;

	assert_int_equal(strlen(a), 32);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(text), 43);
	assert_string_not_equal(text, other);
	assert_string_equal(hash, "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");	/* FIPS 180-4 */
	assert_int_equal(random_mbedtls(NULL, x, sizeof(x)), 0);
	assert_memory_not_equal(x, zeros, sizeof(x));
	for (int i = 0; i < 6000; i++)
		seen[random_below(6)]++;
	for (int i = 0; i < 6; i++)
		assert_in_range(seen[i], 800, 1200); /* 1000 +- 7 standard deviations */
	assert_int_equal(random_below(1), 0);
	/* Plain remainders would give half of these in the first third. */
	for (int i = 0; i < 3000; i++)
		low += random_below(UINT64_C(3) << 62) < UINT64_C(1) << 62;
	assert_in_range(low, 800, 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex),
		cmocka_unit_test(base64_vectors),
		cmocka_unit_test(base32_vectors),
		cmocka_unit_test(base64_any_bytes),
		cmocka_unit_test(base64_refused),
		cmocka_unit_test(base64url_refused),
		cmocka_unit_test(utf8),
		cmocka_unit_test(digests),
		cmocka_unit_test(random_numbers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
