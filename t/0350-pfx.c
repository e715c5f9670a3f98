/* PFX files, written and read here, by openssl, by Java's keytool and by GnuTLS's certtool. */
#include "pki/file/pfx.h"

#include "base/encode.h"
#include "pki/der.h"
#include "pki/file/pbe.h"
#include "t/lib/chain.h"

static const char *const passwords[] = { "", "s3cr3t", "pässwörd €😀", "a passphrase that is longer than sixty-four bytes, as some people prefer them to be" };
static const char *const kinds[] = { "rsa", "ec" };

static bool have(const char *program)
{
	return !sh("command -v %s", program);
}

/* Writes x.pfx with a chain of n. */
static void write_pfx(const char *kind, int n, const char *password, bool legacy)
{
	_cleanup_free_ char *chain_file = xasprintf("%s-chain%d.pem", kind, n), *key_file = xasprintf("%s.key", kind);
	_cleanup_chain_ struct chain chain = chain_read(chain_file);
	_cleanup_key_ struct key *key = key_read(key_file);
	_cleanup_buf_ struct buf der = BUF_INIT;
	struct pfx_options options = { password, "shöp.example", legacy };
	struct err e = { 0 };

	if (pfx_write(key, &chain, &options, &der, &e))
		fail_msg("%s", e.message);
	assert_true(pfx_is(slice_buf(&der)));
	file_write("x.pfx", &der);
}

/* x.pfx must hold exactly these: certificates of the chain (any order) and the key. */
static void expect_pfx(const char *file, const char *kind, int n, const char *password)
{
	_cleanup_free_ char *chain_file = xasprintf("%s-chain%d.pem", kind, n), *key_file = xasprintf("%s.key", kind);
	_cleanup_chain_ struct chain chain = chain_read(chain_file);
	_cleanup_key_ struct key *key = key_read(key_file);
	_cleanup_buf_ struct buf der = file_read(file), plain = BUF_INIT;
	_cleanup_pfx_ struct pfx pfx = { 0 };
	struct err e = { 0 };

	if (pfx_read(&pfx, slice_buf(&der), password, &e))
		fail_msg("%s with \"%s\": %s", file, password, e.message);
	assert_int_equal(pfx.certs.count, n);
	for (int i = 0; i < n; i++) {
		bool found = false;

		for (int j = 0; j < n; j++)
			found |= str_eq(chain.cert[i].fingerprint, pfx.certs.cert[j].fingerprint);
		assert_true(found);
	}
	assert_int_equal(pfx.keys, 1);
	assert_int_equal(key_pkcs8(key, &plain, NULL), 0);
	_cleanup_key_ struct key *again = key_parse(slice_buf(&pfx.key[0]), NULL, &e);
	_cleanup_buf_ struct buf spki = BUF_INIT;
	assert_non_null(again);
	assert_int_equal(key_spki(again, &spki, NULL), 0);
	assert_true(slice_eq(slice_buf(&spki), slice_buf(&chain.cert[0].spki)));
}

static void expect_openssl_reads(const char *kind, int n, const char *password, bool legacy)
{
	write_pfx(kind, n, password, legacy);
	SH("PW='%s' openssl pkcs12 -in x.pfx -passin env:PW -nodes -out all.pem && "
	   "openssl pkey -in all.pem -pubout -out got.pub && openssl pkey -in %s.key -pubout | cmp - got.pub && "
	   "openssl pkcs12 -in x.pfx -passin pass:'%s' -nokeys | sed -n '/BEGIN/,/END/p' | cmp - %s-chain%d.pem && "
	   "openssl pkcs12 -in x.pfx -passin pass:'%s' -nokeys -clcerts | grep -c BEGIN | grep -qx 1",
	   password, kind, password, kind, n, password);
	expect_pfx("x.pfx", kind, n, password);
}

/* Our file, any length of chain, any password, both forms: openssl opens it and finds the same. */
static void test_openssl_reads_ours(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t w = 0; w < ARRAY_SIZE(passwords); w++)
			for (int legacy = 0; legacy < 2; legacy++)
				expect_openssl_reads(kinds[k], 1 + (int)(2 * w + k) % (INTERMEDIATES + 1), passwords[w], legacy);
}

static void test_forms(void **state)
{
	_cleanup_free_ char *info = NULL, *old = NULL;

	write_pfx("ec", 2, "s3cr3t", false);
	info = SH_OUT("openssl pkcs12 -in x.pfx -passin pass:s3cr3t -info -noout");
	assert_has(info, "MAC: sha256");
	assert_has(info, "PBES2, PBKDF2, AES-256-CBC");
	assert_has(info, "hmacWithSHA256");
	write_pfx("ec", 2, "s3cr3t", true);
	old = SH_OUT("openssl pkcs12 -in x.pfx -passin pass:s3cr3t -info -noout");
	assert_has(old, "MAC: sha1");
	assert_has(old, "pbeWithSHA1And3-KeyTripleDES-CBC");
	assert_null(strstr(old, "PBES2"));
}

static void test_we_read_openssl(void **state)
{
	static const char *const forms[] = {
		"", "-keypbe AES-128-CBC -certpbe AES-128-CBC", "-keypbe AES-192-CBC -certpbe AES-192-CBC -macalg sha512",
		"-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1", "-keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-2DES",
		"-certpbe NONE", "-keypbe NONE", "-iter 1", "-nomaciter", "-macalg sha384 -iter 5000",
	};

	for (size_t f = 0; f < ARRAY_SIZE(forms); f++)
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
			for (size_t w = 0; w < ARRAY_SIZE(passwords); w++) {
				int n = 1 + (int)(f + w) % 5;

				SH("PW='%s' openssl pkcs12 -export %s -provider default -provider legacy -inkey %s.key -in %s-chain%d.pem "
				   "-name shöp -passout env:PW -out y.pfx", passwords[w], forms[f], kinds[k], kinds[k], n);
				expect_pfx("y.pfx", kinds[k], n, passwords[w]);
			}
}

/*
 * As streaming writers have it: no lengths, octet strings in pieces.  deep: also inside of octet strings that hold DER (which changes what a
 * MAC is made of).
 */
static void put_ber(struct buf *out, struct slice in, bool deep)
{
	while (in.len) {
		int tag = der_tag(in);
		struct slice content, whole, look;
		_cleanup_buf_ struct buf inner = BUF_INIT;

		assert_true(der_take(&in, DER_ANY, &content, &whole));
		look = content;
		if (tag & 0x20) {
			buf_add(out, (char[]){ (char)tag, (char)0x80 }, 2);
			put_ber(out, content, deep);
			buf_add(out, "\0\0", 2);
		} else if ((tag == DER_OCTETS || tag == DER_TAGGED(0)) && content.len > 40) {
			if (deep && der_take(&look, DER_SEQUENCE, NULL, NULL) && !look.len) {
				put_ber(&inner, content, deep);
				content = slice_buf(&inner);
			}
			buf_add(out, tag == DER_OCTETS ? "\x24\x80" : "\xa0\x80", 2);
			for (size_t at = 0; at < content.len; at += 100)
				der_put(out, DER_OCTETS, slice((const char *)content.data + at, MIN(content.len - at, 100)));
			buf_add(out, "\0\0", 2);
		} else {
			buf_add(out, whole.data, whole.len);
		}
	}
}

static void test_ber(void **state)
{
	static const struct {
		const char *form;
		bool deep;
	} forms[] = {
		{ "", false }, { "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1", false }, { "-nomac", false },
		{ "-nomac -certpbe AES-128-CBC", true },
		{ "-nomac -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES", true },
	};

	for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
		_cleanup_buf_ struct buf der = BUF_INIT, ber = BUF_INIT;

		SH("openssl pkcs12 -export %s -inkey rsa.key -in rsa-chain3.pem -passout pass:s3cr3t -out d.pfx", forms[f].form);
		der = file_read("d.pfx");
		put_ber(&ber, slice_buf(&der), forms[f].deep);
		file_write("b.pfx", &ber);
		SH("openssl pkcs12 -in b.pfx -passin pass:s3cr3t -nodes -out all.pem && grep -c BEGIN.CERT all.pem | grep -qx 3");
		assert_true(pfx_is(slice_buf(&ber)));
		expect_pfx("b.pfx", "rsa", 3, "s3cr3t");
	}
}

/* Without a MAC: what is encrypted opens with the right password only. */
static void test_no_mac(void **state)
{
	_cleanup_buf_ struct buf der = BUF_INIT;

	SH("openssl pkcs12 -export -iter 1 -nomac -certpbe NONE -inkey ec.key -in ec-chain2.pem -passout pass:s3cr3t -out n.pfx");
	expect_pfx("n.pfx", "ec", 2, "s3cr3t");
	der = file_read("n.pfx");
	for (int n = 0; n < 600; n++) {		/* one in some hundred gets past the padding */
		char password[20];
		struct pfx pfx = { 0 };
		struct err e = { 0 };

		snprintf(password, sizeof(password), "wrong%d", n);
		assert_int_equal(pfx_read(&pfx, slice_buf(&der), password, &e), -1);
		assert_has(e.message, "the password is wrong");
	}
}

static void expect_error(const char *file, const char *password, const char *sentence, const char *hint)
{
	_cleanup_buf_ struct buf der = file_read(file);
	_cleanup_pfx_ struct pfx pfx = { 0 };
	struct err e = { 0 };

	assert_int_equal(pfx_read(&pfx, slice_buf(&der), password, &e), -1);
	assert_int_equal(e.kind, ERR_INVALID);
	assert_has(e.message, sentence);
	assert_has(e.hint, hint);
	assert_int_equal(pfx.keys, 0);
	assert_int_equal(pfx.certs.count, 0);
}

static void test_refusals(void **state)
{
	write_pfx("ec", 2, "s3cr3t", false);
	expect_error("x.pfx", "s3cr3T", "password", "password");
	expect_error("x.pfx", "", "password", "password");
	expect_error("x.pfx", NULL, "password", "password");
	SH("openssl pkcs12 -export -legacy -inkey ec.key -in ec-chain2.pem -passout pass:s3cr3t -out rc2.pfx");
	expect_error("rc2.pfx", "s3cr3t", "40-bit RC2", "openssl pkcs12 -legacy");
	SH("head -c 300 x.pfx >short.pfx; openssl x509 -in ec0.pem -outform DER -out cert.der");
	expect_error("short.pfx", "s3cr3t", "damaged", "Convert");
	expect_error("cert.der", "s3cr3t", "damaged", "Convert");
}

/* Each part of a file by itself is bearable; but there could be hundreds of them. */
static void test_slow(void **state)
{
	struct pbe_password password = { .text = "s3cr3t" };

	assert_false(pbe_may_derive(&password, PBE_ROUNDS_MAX + 1, 1));
	assert_true(pbe_may_derive(&password, PBE_ROUNDS_MAX, 1));
	assert_false(pbe_may_derive(&password, PBE_ROUNDS_MAX / 2, 11));
	assert_true(pbe_may_derive(&password, PBE_ROUNDS_MAX / 2, 10));
	assert_false(pbe_may_derive(&password, 1, 1));
}

/* A key for AES-256 is one piece of SHA-256; one for 3DES two of SHA-1, and the initial vector another. */
static void test_rounds_counted(void **state)
{
	static const unsigned int times[] = { [PBE_AES256] = 1, [PBE_3DES] = 3 };

	for (enum pbe_scheme scheme = PBE_AES256; scheme <= PBE_3DES; scheme++) {
		_cleanup_pbe_password_ struct pbe_password password = { 0 };
		_cleanup_buf_ struct buf algorithm = BUF_INIT, secret = BUF_INIT, plain = BUF_INIT;

		assert_int_equal(pbe_password_init(&password, "s3cr3t", NULL), 0);
		assert_int_equal(pbe_encrypt(scheme, &password, slice_str("text"), &algorithm, &secret, NULL), 0);
		password.rounds = 0;
		assert_int_equal(pbe_decrypt(slice_buf(&algorithm), slice_buf(&secret), &password, &plain, NULL), 1);
		assert_int_equal(password.rounds, times[scheme] * pbe_rounds(scheme));
	}
}

/* Every byte matters: a changed one is never taken for the whole file. */
static void test_damage(void **state)
{
	_cleanup_buf_ struct buf der = BUF_INIT;

	write_pfx("ec", 1, "s3cr3t", true);
	der = file_read("x.pfx");
	for (size_t i = 0; i < der.len; i += 7) {
		_cleanup_pfx_ struct pfx pfx = { 0 };

		der.data[i] ^= 0x55;
		if (!pfx_read(&pfx, slice_buf(&der), "s3cr3t", NULL) && (pfx.keys != 1 || pfx.certs.count != 1))
			fail_msg("byte %zu", i);
		der.data[i] ^= 0x55;
	}
}

static void test_several_bags(void **state)
{
	_cleanup_buf_ struct buf der = BUF_INIT;
	_cleanup_pfx_ struct pfx pfx = { 0 };
	struct err e = { 0 };

	SH("openssl pkcs12 -export -inkey ec.key -in ec-chain3.pem -certfile rsa-chain2.pem -name 'the name' -caname other "
	   "-passout pass:s3cr3t -out y.pfx");
	der = file_read("y.pfx");
	assert_int_equal(pfx_read(&pfx, slice_buf(&der), "s3cr3t", &e), 0);
	assert_int_equal(pfx.certs.count, 5);
	assert_string_equal(pfx.name, "the name");
}

#define KEYTOOL "LC_ALL=C.UTF-8 PW='%s' keytool -J-Xshare:auto -storetype PKCS12 "

static void test_keytool(void **state)
{
	/* It takes no password shorter than six characters, and none that is not ASCII. */
	static const struct {
		const char *kind, *password;
		int count;
		bool legacy;
	} files[] = { { "rsa", "s3cr3t", 5, false }, { "ec", "a longer passphrase", 1, false }, { "ec", "s3cr3t", 3, true } };

	if (!have("keytool")) {
		print_message("# skipped: keytool is not installed (default-jre-headless)\n");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *listed = NULL, *length = xasprintf("Certificate chain length: %d\n", files[i].count);

		write_pfx(files[i].kind, files[i].count, files[i].password, files[i].legacy);
		listed = SH_OUT(KEYTOOL "-list -v -keystore x.pfx -storepass:env PW", files[i].password);
		assert_has(listed, "PrivateKeyEntry");
		assert_has(listed, length);
		/* It writes it anew: its own form, the key opened and encrypted again. */
		SH("rm -f k.pfx; " KEYTOOL "-importkeystore -srckeystore x.pfx -srcstoretype PKCS12 -srcstorepass:env PW "
		   "-destkeystore k.pfx -deststoretype PKCS12 -deststorepass:env PW %s",
		   files[i].password, files[i].legacy ? "-J-Dkeystore.pkcs12.legacy" : "");
		if (files[i].legacy)
			expect_error("k.pfx", files[i].password, "40-bit RC2", "-legacy");
		else
			expect_pfx("k.pfx", files[i].kind, files[i].count, files[i].password);
	}
}

static void exchange_with_certtool(const char *kind, int n, bool legacy)
{
	/* Asked for an empty one on the command line, it wants to be typed at. */
	const char *password = n % 2 ? "s3cr3t" : "pässwörd €😀";
	_cleanup_free_ char *info = NULL;
	int certs = 0;

	write_pfx(kind, n, password, legacy);
	info = SH_OUT("certtool --p12-info --inder --password '%s' --infile x.pfx", password);
	for (const char *at = info; (at = strstr(at, "BEGIN CERTIFICATE")); at++)
		certs++;
	assert_int_equal(certs, n);
	assert_has(info, "KEY-----");
	SH("certtool --to-p12 --load-privkey %s.key --load-certificate %s-chain%d.pem --p12-name shop --password '%s' "
	   "--pkcs-cipher %s --outder --outfile g.pfx", kind, kind, n, password, legacy ? "3des-pkcs12" : "aes-128");
	expect_pfx("g.pfx", kind, n, password);
}

static void test_certtool(void **state)
{
	if (!have("certtool")) {
		print_message("# skipped: certtool is not installed (gnutls-bin)\n");
		return;
	}
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (int legacy = 0; legacy < 2; legacy++)
			exchange_with_certtool(kinds[k], 1 + (int)k + INTERMEDIATES / 2 * legacy, legacy);
}

/* PKCS#8 under a password, for openssl and back. */
static void test_encrypted_key(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t w = 1; w < ARRAY_SIZE(passwords); w++) {
			_cleanup_free_ char *key_file = xasprintf("%s.key", kinds[k]);
			_cleanup_key_ struct key *key = key_read(key_file), *again = NULL;
			_cleanup_buf_ struct buf pem = BUF_INIT, spki = BUF_INIT, spki2 = BUF_INIT;
			struct err e = { 0 };

			assert_int_equal(key_pem_encrypted(key, passwords[w], &pem, &e), 0);
			file_write("e.key", &pem);
			SH("PW='%s' openssl pkey -in e.key -passin env:PW -pubout >a; openssl pkey -in %s.key -pubout | cmp - a", passwords[w],
			   kinds[k]);
			again = key_parse(slice_buf(&pem), passwords[w], &e);
			assert_non_null(again);
			assert_int_equal(key_spki(key, &spki, NULL) | key_spki(again, &spki2, NULL), 0);
			assert_true(slice_eq(slice_buf(&spki), slice_buf(&spki2)));
			assert_null(key_parse(slice_buf(&pem), "wrong", &e));
			assert_has(e.message, "password");
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssl_reads_ours), cmocka_unit_test(test_forms),
		cmocka_unit_test(test_we_read_openssl),    cmocka_unit_test(test_ber),
		cmocka_unit_test(test_no_mac),             cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_slow),               cmocka_unit_test(test_rounds_counted),
		cmocka_unit_test(test_damage),             cmocka_unit_test(test_several_bags),
		cmocka_unit_test(test_keytool),            cmocka_unit_test(test_certtool),
		cmocka_unit_test(test_encrypted_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, chains_make, directory_remove);
}
