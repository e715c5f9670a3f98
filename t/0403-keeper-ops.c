/* Every question of proto.def, asked of a real keeper; and its refusals. */
#include "t/lib/keeper.h"

#include "base/digest.h"
#include "pki/csr.h"
#include "pki/key.h"

/* Answer fields of key_new and key_import. */
enum { ID, ACCESS, MATERIAL, SPKI, APIKEY1, APIKEY2 };

static void check(void **state)
{
	struct fixture *f = *state;
	struct buf out[KEEPER_FIELDS], none[KEEPER_FIELDS];
	struct reply r = { 0 };
	struct err e;
	struct slice blob;

	assert_int_equal(keeper_ask_now(f->keeper, 1, KEEPER_check_new, NULL, 0, out, &e), 0);
	blob = slice_buf(&out[0]);
	assert_int_equal(keeper_ask_now(f->keeper, 1, KEEPER_check, &blob, 1, none, &e), 0);
	assert_int_equal(none[0].len, 0);
	assert_int_equal(ASK(f, &r, check, -1, blob), ERR_NONE);
	blob.len--;
	assert_int_equal(keeper_ask_now(f->keeper, 1, KEEPER_check, &blob, 1, none, &e), -1);
	assert_int_equal(e.kind, ERR_STORAGE);
	buf_wipe(&out[0]);
	release_reply(&r);
}

static void other_master_key(void **state)
{
	struct fixture *f = *state, other = { 0 };
	struct buf out[KEEPER_FIELDS], none[KEEPER_FIELDS];
	struct slice blob;
	struct err e;

	make_dir(&other);
	other.keeper = start_keeper(&other, 1);
	assert_int_equal(keeper_ask_now(other.keeper, 0, KEEPER_check_new, NULL, 0, out, &e), 0);
	blob = slice_buf(&out[0]);
	assert_int_equal(keeper_ask_now(f->keeper, 1, KEEPER_check, &blob, 1, none, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.message, "does not open this store"));
	assert_non_null(strstr(e.message, f->key_file));
	assert_non_null(strstr(e.hint, "fingerprint"));

	/* The same file read by another process is the same key. */
	keeper_stop(other.keeper);
	other.keeper = start_keeper(&other, 1);
	assert_int_equal(keeper_ask_now(other.keeper, 0, KEEPER_check, &blob, 1, none, &e), 0);
	keeper_stop(other.keeper);
	remove_dir(&other);
	buf_wipe(&out[0]);
}

static void expect_slot(struct fixture *f, struct slice id, struct slice access, struct slice apikey, const char *slot)
{
	struct reply r = { 0 };

	assert_int_equal(ASK(f, &r, access_check, -1, id, access, apikey), ERR_NONE);
	assert_string_equal(buf_str(&r.field[0]), slot);
	release_reply(&r);
}

static void access_of_certificate(void **state)
{
	struct fixture *f = *state;
	struct reply n = { 0 }, turned = { 0 }, other = { 0 };

	assert_int_equal(ASK_BARE(f, &n, access_new), ERR_NONE);
	assert_int_equal(ASK_BARE(f, &other, access_new), ERR_NONE);
	assert_int_equal(n.field[0].len, 32);
	assert_false(slice_eq(F(&n, 2), F(&n, 3)));
	expect_slot(f, F(&n, 0), F(&n, 1), F(&n, 2), "1");
	expect_slot(f, F(&n, 0), F(&n, 1), F(&n, 3), "2");
	expect_slot(f, F(&n, 0), F(&n, 1), F(&other, 2), "0");
	expect_slot(f, F(&n, 0), F(&n, 1), S(""), "0");
	expect_slot(f, F(&other, 0), F(&n, 1), F(&n, 2), "0");
	expect_slot(f, F(&n, 0), S(""), F(&n, 2), "0");
	expect_slot(f, S(""), S(""), S(""), "0");
	expect_slot(f, F(&n, 0), S("nonsense that is about as long as a blob, but none at all"), F(&n, 2), "0");

	assert_int_equal(ASK(f, &turned, access_rotate, -1, F(&n, 0), F(&n, 1), S("2"), F(&n, 2)), ERR_NONE);
	expect_slot(f, F(&n, 0), F(&turned, 0), F(&n, 2), "1");
	expect_slot(f, F(&n, 0), F(&turned, 0), F(&n, 3), "0");
	expect_slot(f, F(&n, 0), F(&turned, 0), F(&turned, 1), "2");

	assert_int_equal(ASK(f, &turned, access_rotate, -1, F(&n, 0), F(&n, 1), S("1"), F(&other, 2)), ERR_DENIED);
	assert_int_equal(ASK(f, &turned, access_rotate, -1, F(&n, 0), F(&n, 1), S("1"), S("")), ERR_DENIED);
	assert_int_equal(ASK(f, &turned, access_rotate, -1, F(&n, 0), F(&n, 1), S("1"), S("peer")), ERR_DENIED);
	assert_int_equal(ASK(f, &turned, access_rotate, -1, F(&n, 0), F(&n, 1), S("3"), F(&n, 2)), ERR_INVALID);
	assert_int_equal(ASK(f, &turned, access_rotate, -1, F(&other, 0), F(&n, 1), S("1"), F(&n, 2)), ERR_STORAGE);
	release_reply(&n);
	release_reply(&turned);
	release_reply(&other);
}

/* The private key as its owner gets it. */
static struct key *exported(struct fixture *f, const struct reply *k, struct slice material)
{
	struct reply r = { 0 };
	struct key *key;

	assert_int_equal(ASK(f, &r, key_export, -1, F(k, ID), F(k, ACCESS), material, F(k, APIKEY1), S("der")),
			 ERR_NONE);
	key = key_parse(F(&r, 0), NULL, NULL);
	assert_non_null(key);
	release_reply(&r);
	return key;
}

/* RSA signatures (RS256) are the same each time: the right key signed the right bytes if they are equal. */
static void sign(void **state)
{
	struct fixture *f = *state;
	_cleanup_buf_ struct buf expected = BUF_INIT;
	_cleanup_key_ struct key *key = NULL;
	struct reply k = { 0 }, r = { 0 };

	assert_int_equal(ASK(f, &k, key_new, -1, S("rsa2048"), S("certificate")), ERR_NONE);
	key = exported(f, &k, F(&k, MATERIAL));
	assert_int_equal(key_sign(key, S("to be signed"), &expected, NULL), 0);
	assert_int_equal(ASK(f, &r, sign, -1, F(&k, ID), F(&k, MATERIAL), S("to be signed")), ERR_NONE);
	assert_true(slice_eq(F(&r, 0), slice_buf(&expected)));
	assert_int_equal(ASK(f, &r, sign, -1, F(&k, ID), F(&k, MATERIAL), S("to be signed")), ERR_NONE);	/* it is at hand now */
	assert_true(slice_eq(F(&r, 0), slice_buf(&expected)));
	assert_int_equal(ASK(f, &r, sign, -1, S("another id"), F(&k, MATERIAL), S("to be signed")), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, sign, -1, F(&k, ID), F(&k, ACCESS), S("to be signed")), ERR_STORAGE);
	release_reply(&k);
	release_reply(&r);
}

static void expect_spki(const struct key *key, struct slice spki)
{
	_cleanup_buf_ struct buf got = BUF_INIT;

	assert_int_equal(key_spki(key, &got, NULL), 0);
	assert_true(slice_eq(slice_buf(&got), spki));
}

static void key_versions(void **state)
{
	struct fixture *f = *state;
	_cleanup_key_ struct key *first = NULL, *second = NULL;
	struct reply k = { 0 }, next = { 0 }, other = { 0 };

	assert_int_equal(ASK(f, &k, key_new, -1, S("p256"), S("certificate")), ERR_NONE);
	assert_int_equal(k.field[ID].len, 32);
	assert_int_equal(ASK(f, &next, key_next, -1, F(&k, ID), F(&k, ACCESS), S("p384")), ERR_NONE);
	first = exported(f, &k, F(&k, MATERIAL));
	second = exported(f, &k, F(&next, 0));
	assert_int_equal(key_type_of(first), KEY_P256);
	assert_int_equal(key_type_of(second), KEY_P384);
	expect_spki(first, F(&k, SPKI));
	expect_spki(second, F(&next, 1));
	expect_slot(f, F(&k, ID), F(&k, ACCESS), F(&k, APIKEY2), "2");

	assert_int_equal(ASK_BARE(f, &other, access_new), ERR_NONE);
	assert_int_equal(ASK(f, &next, key_next, -1, F(&other, 0), F(&other, 1), S("p256")), ERR_STORAGE);
	assert_int_equal(ASK(f, &next, key_next, -1, F(&other, 0), F(&k, ACCESS), S("p256")), ERR_STORAGE);
	assert_int_equal(ASK(f, &next, key_next, -1, F(&k, ID), F(&k, ACCESS), S("dsa")), ERR_INVALID);
	release_reply(&k);
	release_reply(&next);
	release_reply(&other);
}

static void refused_keys(void **state)
{
	struct fixture *f = *state;
	struct reply r = { 0 };

	assert_int_equal(ASK(f, &r, key_new, -1, S("p256"), S("anything")), ERR_INVALID);
	assert_int_equal(ASK(f, &r, key_new, -1, S("p521"), S("site")), ERR_INVALID);
	assert_int_not_equal(ASK(f, &r, key_new, -1, S("nonsense"), S("site")), ERR_NONE);
	assert_int_equal(ASK(f, &r, key_new, -1, slice("p256\0x", 6), S("site")), ERR_INVALID);
	release_reply(&r);
}

static void import(void **state)
{
	struct fixture *f = *state;
	_cleanup_key_ struct key *key = key_generate(KEY_P256, NULL), *back = NULL;
	_cleanup_buf_ struct buf pem = BUF_INIT, again = BUF_INIT;
	struct reply r = { 0 };

	assert_int_equal(key_pem(key, &pem, NULL), 0);
	assert_int_equal(ASK(f, &r, key_import, -1, slice_buf(&pem), S(""), S("certificate"), S("alice")), ERR_NONE);
	expect_spki(key, F(&r, SPKI));
	back = exported(f, &r, F(&r, MATERIAL));
	assert_int_equal(key_pem(back, &again, NULL), 0);
	assert_string_equal(again.data, pem.data);
	assert_int_not_equal(ASK(f, &r, key_import, -1, S("no key"), S(""), S("certificate"), S("alice")), ERR_NONE);
	assert_int_equal(ASK(f, &r, key_import, -1, slice_buf(&pem), S(""), S("x"), S("alice")), ERR_INVALID);
	release_reply(&r);
}

static void csr(void **state)
{
	struct fixture *f = *state;
	struct reply k = { 0 }, r = { 0 };
	struct csr got;
	struct err e;

	assert_int_equal(ASK(f, &k, key_new, -1, S("p256"), S("certificate")), ERR_NONE);
	assert_int_equal(ASK(f, &r, csr, -1, F(&k, ID), F(&k, MATERIAL), S("a.example\n192.0.2.7\n*.b.example"), S("o=Example\nmust_staple=true\n")),
			 ERR_NONE);
	if (csr_parse(&got, F(&r, 0), &e))
		fail_msg("%s", e.message);
	assert_int_equal(strv_len(got.names), 3);
	assert_true(strv_has(got.names, "a.example"));
	assert_true(strv_has(got.names, "*.b.example"));
	assert_true(strv_has(got.names, "192.0.2.7"));
	assert_true(slice_eq(slice_buf(&got.spki), F(&k, SPKI)));
	csr_release(&got);
	assert_int_not_equal(ASK(f, &r, csr, -1, F(&k, ID), F(&k, MATERIAL), S(""), S("")), ERR_NONE);
	assert_int_equal(ASK(f, &r, csr, -1, F(&k, ID), F(&k, MATERIAL), slice("a\0b", 3), S("")), ERR_INVALID);
	release_reply(&k);
	release_reply(&r);
}

static void site_key(void **state)
{
	struct fixture *f = *state;
	_cleanup_key_ struct key *key = NULL;
	struct reply site = { 0 }, cert = { 0 }, r = { 0 };

	assert_int_equal(ASK(f, &site, key_new, -1, S("p256"), S("site")), ERR_NONE);
	assert_int_equal(ASK(f, &cert, key_new, -1, S("p256"), S("certificate")), ERR_NONE);
	assert_int_equal(ASK(f, &r, site_key, -1, F(&site, ID), F(&site, ACCESS), F(&site, MATERIAL)), ERR_NONE);
	key = key_parse(F(&r, 0), NULL, NULL);
	assert_non_null(key);
	expect_spki(key, F(&site, SPKI));
	assert_int_equal(ASK(f, &r, site_key, -1, F(&cert, ID), F(&cert, ACCESS), F(&cert, MATERIAL)), ERR_DENIED);
	assert_int_equal(ASK(f, &r, site_key, -1, F(&site, ID), F(&site, ACCESS), F(&cert, MATERIAL)), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, site_key, -1, F(&cert, ID), F(&site, ACCESS), F(&cert, MATERIAL)), ERR_STORAGE);
	release_reply(&site);
	release_reply(&cert);
	release_reply(&r);
}

static void sealed_secrets(void **state)
{
	struct fixture *f = *state;
	unsigned char mac[SHA256_SIZE];
	struct reply c = { 0 }, h = { 0 }, r = { 0 };

	assert_int_equal(ASK(f, &c, seal, -1, S("config"), S("smtp"), S("swordfish")), ERR_NONE);
	assert_int_equal(ASK(f, &h, seal, -1, S("hmac"), S("eab"), S("a MAC key")), ERR_NONE);
	assert_int_equal(ASK(f, &r, open, -1, S("smtp"), F(&c, 0)), ERR_NONE);
	assert_string_equal(r.field[0].data, "swordfish");
	hmac_sha256(S("a MAC key"), S("data"), mac);
	assert_int_equal(ASK(f, &r, hmac, -1, S("eab"), F(&h, 0), S("HS256"), S("data")), ERR_NONE);
	assert_int_equal(r.field[0].len, SHA256_SIZE);
	assert_memory_equal(r.field[0].data, mac, SHA256_SIZE);

	assert_int_equal(ASK(f, &r, open, -1, S("eab"), F(&h, 0)), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, hmac, -1, S("smtp"), F(&c, 0), S("HS256"), S("data")), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, open, -1, S("other"), F(&c, 0)), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, seal, -1, S("key"), S("id"), S("x")), ERR_INVALID);
	assert_int_equal(ASK(f, &r, seal, -1, S("access/key"), S("id"), S("x")), ERR_INVALID);
	release_reply(&c);
	release_reply(&h);
	release_reply(&r);
}

static void passwords(void **state)
{
	struct fixture *f = *state;
	struct reply h = { 0 }, again = { 0 }, r = { 0 };
	char long_one[600];

	assert_int_equal(ASK(f, &h, password_hash, -1, S("correct horse")), ERR_NONE);
	assert_true(str_starts(h.field[0].data, "$y$"));
	assert_int_equal(ASK(f, &again, password_hash, -1, S("correct horse")), ERR_NONE);
	assert_false(slice_eq(F(&h, 0), F(&again, 0)));
	assert_int_equal(ASK(f, &r, password_check, -1, S("correct horse"), F(&h, 0)), ERR_NONE);
	assert_string_equal(r.field[0].data, "1");
	assert_int_equal(ASK(f, &r, password_check, -1, S("correct horsE"), F(&h, 0)), ERR_NONE);
	assert_string_equal(r.field[0].data, "0");
	assert_int_equal(ASK(f, &r, password_check, -1, S(""), S("")), ERR_NONE);
	assert_string_equal(r.field[0].data, "0");
	assert_int_equal(ASK(f, &r, password_check, -1, S("x"), S("plain text")), ERR_NONE);
	assert_string_equal(r.field[0].data, "0");
	memset(long_one, 'x', sizeof(long_one));
	assert_int_equal(ASK(f, &r, password_hash, -1, slice(long_one, sizeof(long_one))), ERR_INVALID);
	assert_int_equal(ASK(f, &r, password_hash, -1, slice("a\0b", 3)), ERR_INVALID);
	assert_int_equal(ASK(f, &r, password_hash, -1, slice(long_one, 511)), ERR_NONE);
	release_reply(&h);
	release_reply(&again);
	release_reply(&r);
}

/* Events are sealed once, and none before them afterwards; a seal is checked, and raises the mark, too. */
static void log_seal(void **state)
{
	struct fixture *f = *state;
	unsigned char five[40] = { 0, 0, 0, 0, 0, 0, 0, 5, 'a' }, six[40] = { 0, 0, 0, 0, 0, 0, 0, 6, 'b' };
	struct slice at_five = slice(five, sizeof(five)), at_six = slice(six, sizeof(six));
	struct reply r = { 0 }, sealed = { 0 };

	assert_int_equal(ASK(f, &sealed, log_seal, -1, at_five), ERR_NONE);
	assert_int_equal(ASK(f, &r, log_check, -1, at_five, F(&sealed, 0)), ERR_NONE);
	assert_int_equal(ASK(f, &r, log_check, -1, at_six, F(&sealed, 0)), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, log_check, -1, at_five, S("no MAC at all")), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, log_seal, -1, at_five), ERR_NONE);		/* the same again */
	assert_int_equal(ASK(f, &r, log_seal, -1, at_six), ERR_NONE);
	assert_int_equal(ASK(f, &r, log_seal, -1, at_five), ERR_DENIED);
	six[8] = 'c';
	assert_int_equal(ASK(f, &r, log_seal, -1, at_six), ERR_DENIED);
	assert_int_equal(ASK(f, &r, log_check, -1, at_five, F(&sealed, 0)), ERR_DENIED);
	assert_int_equal(ASK(f, &r, log_seal, -1, S("short")), ERR_INVALID);
	release_reply(&sealed);
	release_reply(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check), cmocka_unit_test(other_master_key),
		cmocka_unit_test(access_of_certificate), cmocka_unit_test(sign), cmocka_unit_test(log_seal),
		cmocka_unit_test(key_versions), cmocka_unit_test(refused_keys),
		cmocka_unit_test(import), cmocka_unit_test(csr),
		cmocka_unit_test(site_key), cmocka_unit_test(sealed_secrets),
		cmocka_unit_test(passwords),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keeper questions", tests, set_up, tear_down);
}
