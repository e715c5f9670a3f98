/* Sealed blobs open only as what, where and with the master key they were made; access blobs on top of them. */
#include "t/lib/keeper.h"

#include "keeper/access.h"
#include "keeper/seal.h"

static const unsigned char key_a[SEAL_KEY_SIZE] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const unsigned char key_b[SEAL_KEY_SIZE] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static struct seal a, b;

static enum err_kind open_kind(const struct seal *s, const char *kind, const char *id, struct slice blob)
{
	_cleanup_buf_wipe_ struct buf secret = BUF_INIT;
	struct err e = { 0 };
	int rc = seal_open(s, kind, S(id), blob, &secret, &e);

	assert_int_equal(rc, err_is_set(&e) ? -1 : 0);
	assert_true(!rc || !secret.len);
	return e.kind;
}

static void round_trip(void **state)
{
	static const char *const secrets[] = { "", "x", "sixteen bytes 16", "something longer than a block of AES" };

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		_cleanup_buf_ struct buf blob = BUF_INIT, again = BUF_INIT, secret = BUF_INIT;
		struct err e;

		seal_close(&a, "key", S("id"), S(secrets[i]), &blob);
		seal_close(&a, "key", S("id"), S(secrets[i]), &again);
		assert_false(slice_eq(slice_buf(&blob), slice_buf(&again)));
		assert_int_equal(seal_open(&a, "key", S("id"), slice_buf(&blob), &secret, &e), 0);
		assert_string_equal(buf_str(&secret), secrets[i]);
		assert_int_equal(secret.len, strlen(secrets[i]));
	}
}

static void hides(void **state)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;

	seal_close(&a, "config", S("id"), S("a secret worth hiding"), &blob);
	assert_null(memmem(blob.data, blob.len, "secret", 6));
}

static void bound(void **state)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;

	seal_close(&a, "key", S("id1"), S("secret"), &blob);
	assert_int_equal(open_kind(&a, "key", "id1", slice_buf(&blob)), ERR_NONE);
	assert_int_equal(open_kind(&a, "key", "id2", slice_buf(&blob)), ERR_STORAGE);
	assert_int_equal(open_kind(&a, "key", "", slice_buf(&blob)), ERR_STORAGE);
	assert_int_equal(open_kind(&a, "hmac", "id1", slice_buf(&blob)), ERR_STORAGE);
	assert_int_equal(open_kind(&a, "keyi", "d1", slice_buf(&blob)), ERR_STORAGE);
}

static void damaged(void **state)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;

	seal_close(&a, "key", S("id"), S("secret"), &blob);
	for (size_t i = 0; i < blob.len; i++) {
		blob.data[i] ^= 1;
		assert_int_not_equal(open_kind(&a, "key", "id", slice_buf(&blob)), ERR_NONE);
		blob.data[i] ^= 1;
	}
	for (size_t len = 0; len < blob.len; len++) {
		void *exact = xmemdup(blob.data, len + !len);

		assert_int_equal(open_kind(&a, "key", "id", slice(exact, len)), ERR_STORAGE);
		free(exact);
	}
	assert_int_equal(open_kind(&a, "key", "id", slice_buf(&blob)), ERR_NONE);
}

static void other_master_key(void **state)
{
	_cleanup_buf_ struct buf blob = BUF_INIT, secret = BUF_INIT;
	struct err e;

	seal_close(&a, "check", S(""), S("x"), &blob);
	assert_int_equal(seal_open(&b, "check", S(""), slice_buf(&blob), &secret, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_string_equal(e.message, "the master key /b does not open this store");
	for (int i = 0; i < 2; i++) {
		char id[2 * SEAL_KEY_ID_SIZE + 1];
		const unsigned char *k = i ? a.key_id : b.key_id;

		snprintf(id, sizeof(id), "%02x%02x%02x%02x", k[0], k[1], k[2], k[3]);
		assert_non_null(strstr(e.hint, id));
	}
}

static void newer_format(void **state)
{
	_cleanup_buf_ struct buf blob = BUF_INIT, secret = BUF_INIT;
	struct err e;

	seal_close(&a, "check", S(""), S("x"), &blob);
	blob.data[4] = 9;
	assert_int_equal(seal_open(&a, "check", S(""), slice_buf(&blob), &secret, &e), -1);
	assert_non_null(strstr(e.message, "format 9"));
	assert_non_null(strstr(e.hint, "newer"));
}

static void access_blobs(void **state)
{
	static const char *const kinds[][2] = { { ACCESS_KEY, "account" }, { ACCESS_CERTIFICATE, "" } };
	size_t size = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_buf_ struct buf blob = BUF_INIT, one = BUF_INIT, two = BUF_INIT;
		struct access made = { .kind = kinds[i][0] }, got;

		snprintf(made.use, sizeof(made.use), "%s", kinds[i][1]);
		access_rotate(&made, 0, &one);
		access_rotate(&made, 1, &two);
		access_close(&made, &a, S("id"), &blob);
		assert_int_equal(access_open(&got, &a, NULL, S("id"), slice_buf(&blob), NULL), 0);
		assert_string_equal(got.kind, kinds[i][0]);
		assert_string_equal(got.use, kinds[i][1]);
		assert_int_equal(access_slot(&got, slice_buf(&one)), 1);
		assert_int_equal(access_slot(&got, slice_buf(&two)), 2);
		assert_int_equal(access_slot(&got, S("")), 0);
		assert_int_equal(access_slot(&got, slice(one.data, one.len - 1)), 0);
		assert_int_equal(access_open(&got, &a, kinds[!i][0], S("id"), slice_buf(&blob), NULL), -1);
		assert_int_equal(access_open(&got, &a, NULL, S("other"), slice_buf(&blob), NULL), -1);
		assert_true(!size || size == blob.len);
		size = blob.len;
	}
}

static void api_key_looks(void **state)
{
	_cleanup_buf_ struct buf apikey = BUF_INIT;
	struct access x = { 0 };

	access_rotate(&x, 0, &apikey);
	assert_true(str_starts(apikey.data, "cak_"));
	assert_int_equal(apikey.len, 4 + 43);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(hides),
		cmocka_unit_test(bound), cmocka_unit_test(damaged),
		cmocka_unit_test(other_master_key), cmocka_unit_test(newer_format),
		cmocka_unit_test(access_blobs), cmocka_unit_test(api_key_looks),
	};

	seal_init(&a, key_a, "/a");
	seal_init(&b, key_b, "/b");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keeper seals", tests, NULL, NULL);
}
