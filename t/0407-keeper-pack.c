/* Files with a private key in them: who gets one, and what can be put together from blobs that are not one's own. */
#include "t/lib/keeper.h"

#include "keeper/access.h"
#include "keeper/master.h"
#include "pki/cert.h"
#include "pki/file/pem.h"
#include "pki/file/pfx.h"

enum { ID, ACCESS, MATERIAL, SPKI, KEY_APIKEY };	/* of a key */
enum { CERT_APIKEY = 2 };			/* of a certificate, behind the same two */

static struct reply key, other_key, account, cert, other_cert;
static struct buf chain;	/* for `key` */

static enum err_kind pack(struct fixture *f, struct reply *r, const struct reply *k, struct slice access, const struct reply *c,
			  struct slice permit, struct slice proof, const char *format)
{
	return ASK(f, r, pack, -1, F(k, ID), access, F(k, MATERIAL), F(c, ID), permit, proof, S(format), slice_buf(&chain),
		   S("shop"), S("s3cr3t"));
}

static enum err_kind try_pack(struct fixture *f, const struct reply *k, struct slice access, const struct reply *c,
			      struct slice permit, struct slice proof)
{
	struct reply r = { 0 };
	enum err_kind kind = pack(f, &r, k, access, c, permit, proof, "bundle");

	assert_true(kind == ERR_NONE || r.fields == 0);
	release_reply(&r);
	return kind;
}

static void make_chain(struct fixture *f)
{
	struct reply r = { 0 };
	_cleanup_buf_ struct buf der = BUF_INIT;
	struct err e = { 0 };

	assert_int_equal(ASK(f, &r, key_export, -1, F(&key, ID), F(&key, ACCESS), F(&key, MATERIAL), F(&key, KEY_APIKEY), S("pem")),
			 ERR_NONE);
	_cleanup_key_ struct key *k = key_parse(F(&r, 0), NULL, &e);
	assert_int_equal(cert_self_signed(k, "shop.example", &der, &e), 0);
	pem_add(&chain, "CERTIFICATE", slice_buf(&der));
	release_reply(&r);
}

static int begin(void **state)
{
	struct fixture *f;

	if (set_up(state))
		return -1;
	f = *state;
	assert_int_equal(ASK(f, &key, key_new, -1, S("p256"), S("certificate")), ERR_NONE);
	assert_int_equal(ASK(f, &other_key, key_new, -1, S("p256"), S("certificate")), ERR_NONE);
	assert_int_equal(ASK(f, &account, key_new, -1, S("p256"), S("account")), ERR_NONE);
	assert_int_equal(ASK_BARE(f, &cert, access_new), ERR_NONE);
	assert_int_equal(ASK_BARE(f, &other_cert, access_new), ERR_NONE);
	make_chain(f);
	return 0;
}

static int end(void **state)
{
	struct reply *all[] = { &key, &other_key, &account, &cert, &other_cert };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		release_reply(all[i]);
	buf_release(&chain);
	return tear_down(state);
}

/* What a network-facing process could try that knows every blob and one certificate's API key, its own. */
static void without_grant(void **state)
{
	struct fixture *f = *state;
	struct reply r = { 0 };

	assert_int_equal(try_pack(f, &key, F(&key, ACCESS), &cert, F(&cert, ACCESS), F(&cert, CERT_APIKEY)), ERR_DENIED);
	assert_int_equal(try_pack(f, &key, F(&key, ACCESS), &cert, F(&cert, ACCESS), S("cak_wrong")), ERR_DENIED);
	assert_int_equal(try_pack(f, &key, F(&key, ACCESS), &cert, F(&cert, ACCESS), S("peer")), ERR_DENIED);
	/* It cannot grant itself the key with an API key of something else, nor without any. */
	assert_int_equal(ASK(f, &r, key_grant, -1, F(&key, ID), F(&key, ACCESS), F(&cert, ID), F(&cert, CERT_APIKEY)), ERR_DENIED);
	assert_int_equal(ASK(f, &r, key_grant, -1, F(&key, ID), F(&key, ACCESS), F(&cert, ID), F(&other_key, KEY_APIKEY)), ERR_DENIED);
	assert_int_equal(ASK(f, &r, key_grant, -1, F(&key, ID), F(&key, ACCESS), F(&cert, ID), S("peer")), ERR_DENIED);
	/* Nor take another key's blob that grants it something. */
	assert_int_equal(ASK(f, &r, key_grant, -1, F(&other_key, ID), F(&other_key, ACCESS), F(&cert, ID), F(&other_key, KEY_APIKEY)), ERR_NONE);
	assert_int_equal(try_pack(f, &key, F(&r, 0), &cert, F(&cert, ACCESS), F(&cert, CERT_APIKEY)), ERR_STORAGE);
	/* A certificate's blob is none of a key, and the other way round. */
	assert_int_equal(try_pack(f, &key, F(&cert, ACCESS), &cert, F(&cert, ACCESS), F(&cert, CERT_APIKEY)), ERR_STORAGE);
	assert_int_equal(try_pack(f, &key, F(&key, ACCESS), &key, F(&key, ACCESS), F(&other_key, KEY_APIKEY)), ERR_STORAGE);
	release_reply(&r);
}

static void with_grant(void **state)
{
	struct fixture *f = *state;
	struct reply granted = { 0 }, r = { 0 };

	assert_int_equal(ASK(f, &granted, key_grant, -1, F(&key, ID), F(&key, ACCESS), F(&cert, ID), F(&key, KEY_APIKEY)), ERR_NONE);
	assert_int_equal(try_pack(f, &key, F(&granted, 0), &cert, F(&cert, ACCESS), F(&cert, CERT_APIKEY)), ERR_NONE);
	/* It names this certificate, no other. */
	assert_int_equal(try_pack(f, &key, F(&granted, 0), &other_cert, F(&other_cert, ACCESS), F(&other_cert, CERT_APIKEY)), ERR_DENIED);
	assert_int_equal(try_pack(f, &key, F(&granted, 0), &cert, F(&other_cert, ACCESS), F(&other_cert, CERT_APIKEY)), ERR_STORAGE);
	/* The key's own API key needs none. */
	assert_int_equal(try_pack(f, &key, F(&key, ACCESS), &cert, F(&cert, ACCESS), F(&key, KEY_APIKEY)), ERR_NONE);
	/* The key must be the certificate's. */
	assert_int_equal(try_pack(f, &other_key, F(&other_key, ACCESS), &cert, F(&cert, ACCESS), F(&other_key, KEY_APIKEY)), ERR_CONFLICT);
	assert_int_equal(try_pack(f, &account, F(&account, ACCESS), &cert, F(&cert, ACCESS), F(&account, KEY_APIKEY)), ERR_DENIED);
	/* A rotated API key: the old one is worth nothing, the grant stays. */
	assert_int_equal(ASK(f, &r, access_rotate, -1, F(&key, ID), F(&granted, 0), S("1"), F(&key, KEY_APIKEY)), ERR_NONE);
	assert_int_equal(try_pack(f, &key, F(&r, 0), &cert, F(&cert, ACCESS), F(&key, KEY_APIKEY)), ERR_DENIED);
	assert_int_equal(try_pack(f, &key, F(&r, 0), &cert, F(&cert, ACCESS), F(&cert, CERT_APIKEY)), ERR_NONE);
	/* The certificates are given anew: who is not named has it no more. */
	assert_int_equal(ASK(f, &r, key_grant, -1, F(&key, ID), F(&granted, 0), F(&other_cert, ID), F(&key, KEY_APIKEY)), ERR_NONE);
	assert_int_equal(try_pack(f, &key, F(&r, 0), &cert, F(&cert, ACCESS), F(&cert, CERT_APIKEY)), ERR_DENIED);
	assert_int_equal(try_pack(f, &key, F(&r, 0), &other_cert, F(&other_cert, ACCESS), F(&other_cert, CERT_APIKEY)), ERR_NONE);
	release_reply(&r);
	release_reply(&granted);
}

static void grants_end(void **state)
{
	struct fixture *f = *state;
	struct reply r = { 0 };
	_cleanup_buf_ struct buf ids = BUF_INIT;

	for (int i = 0; i < ACCESS_GRANTS; i++)
		buf_addf(&ids, "%032x\n%032x\n", i, i);	/* twice is once */
	assert_int_equal(ASK(f, &r, key_grant, -1, F(&key, ID), F(&key, ACCESS), slice_buf(&ids), F(&key, KEY_APIKEY)), ERR_NONE);
	buf_addf(&ids, "%032x\n", 77);
	assert_int_equal(ASK(f, &r, key_grant, -1, F(&key, ID), F(&key, ACCESS), slice_buf(&ids), F(&key, KEY_APIKEY)), ERR_LIMIT);
	assert_int_equal(ASK(f, &r, key_grant, -1, F(&key, ID), F(&key, ACCESS), S("no id"), F(&key, KEY_APIKEY)), ERR_INVALID);
	release_reply(&r);
}

static void only_admins_allow(void **state)
{
	struct fixture *f = *state;
	struct reply r = { 0 };

	assert_int_equal(ASK(f, &r, access_allow, -1, F(&cert, ID), F(&cert, ACCESS), S("1"), F(&cert, CERT_APIKEY)), ERR_DENIED);
	assert_int_equal(ASK(f, &r, access_allow, -1, F(&cert, ID), F(&cert, ACCESS), S("0"), S("peer")), ERR_DENIED);
	release_reply(&r);
}

static void files(void **state)
{
	struct fixture *f = *state;
	struct reply r = { 0 };
	_cleanup_pfx_ struct pfx pfx = { 0 };
	struct err e = { 0 };

#define PACK(format) pack(f, &r, &key, F(&key, ACCESS), &cert, F(&cert, ACCESS), F(&key, KEY_APIKEY), format)
	assert_int_equal(PACK("pfx"), ERR_NONE);
	assert_int_equal(pfx_read(&pfx, F(&r, 0), "s3cr3t", &e), 0);
	assert_int_equal(pfx.certs.count, 1);
	assert_string_equal(pfx.name, "shop");
	assert_int_equal(PACK("pfx-legacy"), ERR_NONE);
	assert_int_equal(PACK("zip"), ERR_NONE);
	assert_int_equal(PACK("bundle"), ERR_NONE);
	assert_true(str_starts(r.field[0].data, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
	assert_int_equal(PACK("exe"), ERR_USAGE);
	release_reply(&r);
}

/* Import of a PFX as the next version of a key, and a look into one. */
static void pfx_in(void **state)
{
	struct fixture *f = *state;
	struct reply file = { 0 }, seen = { 0 }, r = { 0 };

	assert_int_equal(pack(f, &file, &key, F(&key, ACCESS), &cert, F(&cert, ACCESS), F(&key, KEY_APIKEY), "pfx"), ERR_NONE);
	assert_int_equal(ASK(f, &seen, inspect, -1, F(&file, 0), S("s3cr3t"), S("alice")), ERR_NONE);
	assert_true(slice_eq(F(&seen, 0), slice_buf(&chain)));
	assert_true(str_starts(seen.field[1].data, "-----BEGIN PUBLIC KEY-----\n"));
	assert_int_equal(ASK(f, &seen, inspect, -1, F(&file, 0), S("wrong"), S("alice")), ERR_INVALID);
	assert_int_equal(ASK(f, &r, key_replace, -1, F(&other_key, ID), F(&other_key, ACCESS), F(&file, 0), S("s3cr3t"), S("alice")), ERR_NONE);
	assert_true(slice_eq(F(&r, 1), F(&key, SPKI)));
	assert_int_equal(ASK(f, &r, key_replace, -1, F(&other_key, ID), F(&key, ACCESS), F(&file, 0), S("s3cr3t"), S("alice")), ERR_STORAGE);
	assert_int_equal(ASK(f, &r, key_import, -1, F(&file, 0), S("s3cr3t"), S("certificate"), S("alice")), ERR_NONE);
	assert_true(slice_eq(F(&r, SPKI), F(&key, SPKI)));
	release_reply(&file);
	release_reply(&seen);
	release_reply(&r);
}

/* Access blobs written before there were grants. */
static void first_form(void **state)
{
	unsigned char secret[SEAL_KEY_SIZE] = { 7 }, record[2 * SHA256_SIZE + ACCESS_USE_SIZE + 4] = { 1 };
	_cleanup_buf_ struct buf blob = BUF_INIT, again = BUF_INIT;
	struct access a;
	struct seal seal;

	memcpy(record + 2 * SHA256_SIZE, "site", 5);
	seal_init(&seal, secret, "test");
	seal_close(&seal, ACCESS_KEY, S("x"), slice(record, sizeof(record)), &blob);
	assert_int_equal(access_open(&a, &seal, ACCESS_KEY, S("x"), slice_buf(&blob), NULL), 0);
	assert_string_equal(a.use, "site");
	assert_int_equal(a.grants, 0);
	assert_false(a.withheld);
	a.withheld = true;
	assert_int_equal(access_grant(&a, S("00112233445566778899aabbccddeeff"), NULL), 0);
	access_close(&a, &seal, S("x"), &again);
	assert_int_equal(access_open(&a, &seal, ACCESS_KEY, S("x"), slice_buf(&again), NULL), 0);
	assert_true(a.withheld);
	assert_true(access_granted(&a, S("00112233445566778899aabbccddeeff")));
	assert_false(access_granted(&a, S("00112233445566778899aabbccddeefe")));
	seal_release(&seal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_grant), cmocka_unit_test(with_grant), cmocka_unit_test(grants_end),
		cmocka_unit_test(only_admins_allow), cmocka_unit_test(files), cmocka_unit_test(pfx_in), cmocka_unit_test(first_form),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
