/* PKCS#7 and zip, as openssl, certtool, keytool, unzip and Python see them. */
#include "pki/file/pkcs7.h"
#include "pki/file/zip.h"

#include "base/encode.h"
#include "t/lib/chain.h"

static bool have(const char *program)
{
	return !sh("command -v %s", program);
}

static void write_p7(int n, size_t from)
{
	_cleanup_free_ char *file = xasprintf("ec-chain%d.pem", n);
	_cleanup_chain_ struct chain chain = chain_read(file);
	_cleanup_buf_ struct buf pem = BUF_INIT, der = BUF_INIT;

	pkcs7_pem(&chain, from, chain.count, &pem);
	pkcs7_write(&chain, from, chain.count, &der);
	assert_true(pkcs7_is(slice_buf(&der)));
	file_write("x.p7b", &pem);
	file_write("x.p7c", &der);
}

static void test_pkcs7_for_openssl(void **state)
{
	for (int n = 1; n <= INTERMEDIATES + 1; n++) {
		write_p7(n, 0);
		SH("for f in 'PEM -in x.p7b' 'DER -in x.p7c'; do "
		   "openssl pkcs7 -print_certs -inform $f | sed -n '/BEGIN/,/END/p' | cmp - ec-chain%d.pem || exit 1; done", n);
	}
	write_p7(3, 1);
	SH("openssl pkcs7 -print_certs -in x.p7b | sed -n '/BEGIN/,/END/p' >got; cat ca2.pem ca1.pem | cmp - got");
	if (have("certtool"))
		SH("certtool --p7-info --infile x.p7b | grep -c BEGIN.CERT | grep -qx 2");
	if (have("keytool"))
		SH("keytool -printcert -file x.p7b | grep -c Owner: | grep -qx 2");
}

static void test_pkcs7_from_openssl(void **state)
{
	for (int n = 1; n <= INTERMEDIATES + 1; n++) {
		_cleanup_free_ char *file = xasprintf("rsa-chain%d.pem", n);
		_cleanup_chain_ struct chain chain = chain_read(file), got = { 0 };
		_cleanup_buf_ struct buf der = BUF_INIT;
		struct err e = { 0 };

		SH("openssl crl2pkcs7 -nocrl -certfile %s -outform DER -out y.p7b", file);
		der = file_read("y.p7b");
		assert_int_equal(pkcs7_read(slice_buf(&der), &got, &e), 0);
		assert_int_equal(got.count, n);
		for (int i = 0; i < n; i++)
			assert_string_equal(got.cert[i].fingerprint, chain.cert[i].fingerprint);
	}
}

/* GnuTLS writes the certificates in an order of its own. */
static void test_pkcs7_from_certtool(void **state)
{
	if (!have("certtool")) {
		print_message("# skipped: certtool is not installed (gnutls-bin)\n");
		return;
	}
	for (int n = 1; n <= INTERMEDIATES + 1; n++) {
		_cleanup_free_ char *file = xasprintf("ec-chain%d.pem", n);
		_cleanup_chain_ struct chain chain = chain_read(file), got = { 0 };
		_cleanup_buf_ struct buf der = BUF_INIT;
		struct err e = { 0 };

		SH("certtool --p7-generate --load-certificate %s --outder --outfile g.p7b", file);
		der = file_read("g.p7b");
		if (pkcs7_read(slice_buf(&der), &got, &e))
			fail_msg("%d certificates: %s", n, e.message);
		assert_int_equal(got.count, n);
		for (int i = 0, found = 0; i < n; i++, found = 0) {
			for (int j = 0; j < n; j++)
				found |= str_eq(chain.cert[i].fingerprint, got.cert[j].fingerprint);
			assert_true(found);
		}
	}
}

static void test_pkcs7_refusals(void **state)
{
	_cleanup_chain_ struct chain got = { 0 };
	_cleanup_buf_ struct buf der = BUF_INIT;
	struct err e = { 0 };

	assert_false(pkcs7_is(slice_str("no DER")));
	assert_int_equal(pkcs7_read(slice_str(""), &got, &e), -1);
	SH("openssl crl2pkcs7 -nocrl -certfile ec-chain1.pem -outform DER | head -c 200 >short.p7b");
	der = file_read("short.p7b");
	assert_int_equal(pkcs7_read(slice_buf(&der), &got, &e), -1);
	assert_has(e.message, "PKCS#7");
}

static void test_zip(void **state)
{
	_cleanup_zip_ struct zip zip = ZIP_INIT, twin = ZIP_INIT;
	_cleanup_buf_ struct buf archive = BUF_INIT, again = BUF_INIT;
	_cleanup_free_ char *listed = NULL;

	for (struct zip *z = &zip; z; z = z == &zip ? &twin : NULL) {
		zip_add(z, "certificate.crt", 0644, slice_str("one\n"));
		zip_add(z, "private.key", 0600, slice_str("two\n"));
		zip_add(z, "empty", 0644, slice_str(""));
	}
	zip_finish(&zip, &archive);
	zip_finish(&twin, &again);
	assert_true(slice_eq(slice_buf(&archive), slice_buf(&again)));
	file_write("x.zip", &archive);
	SH("python3 -c 'import zipfile; z = zipfile.ZipFile(\"x.zip\"); assert z.testzip() is None; "
	   "assert z.read(\"private.key\") == b\"two\\n\"; assert z.namelist() == [\"certificate.crt\", \"private.key\", \"empty\"]'");
	if (have("7z"))
		SH("7z t x.zip && rm -rf 7 && 7z x -o7 x.zip && cat 7/certificate.crt 7/private.key | tr -d '\\n' | grep -qx onetwo && test -f 7/empty");
	else
		print_message("# skipped: 7z is not installed (p7zip-full)\n");
	if (!have("unzip")) {
		print_message("# skipped: unzip is not installed\n");
		return;
	}
	SH("unzip -tq x.zip && rm -rf u && unzip -q x.zip -d u && cat u/certificate.crt u/private.key u/empty");
	listed = SH_OUT("stat -c %%a u/private.key; cat u/certificate.crt u/private.key");
	assert_string_equal(listed, "600\none\ntwo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pkcs7_for_openssl),
		cmocka_unit_test(test_pkcs7_from_openssl),
		cmocka_unit_test(test_pkcs7_from_certtool),
		cmocka_unit_test(test_pkcs7_refusals),
		cmocka_unit_test(test_zip),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, chains_make, directory_remove);
}
