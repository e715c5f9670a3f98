/* OCSP and CRLs as openssl makes them: good, revoked, unknown, stale, wrongly signed, nonsense. */
#include "pki/revocation/ocsp.h"

#include "base/clock.h"
#include "t/lib/chain.h"

#define URL "http://crl.example/1.crl"

static struct cert rsa_leaf, ec_leaf, issuer, other_issuer;

static struct cert cert_read(const char *name)
{
	_cleanup_chain_ struct chain chain = chain_read(name);
	struct cert cert;

	assert_int_equal(cert_parse(&cert, slice_buf(&chain.cert[0].der), NULL), 0);
	return cert;
}

/* ca1 issued rsa1 (good) and ec1 (revoked); its database, a delegated responder, and one that nobody appointed. */
static int set_up(void **state)
{
	if (chains_make(state))
		return -1;
	SH("printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\ndefault_md=sha256\\ndefault_crl_days=5\\ncrlnumber=number\\n"
	   "[part]\\nissuingDistributionPoint=critical,@idp\\n[idp]\\nfullname=URI:%s\\nonlyuser=TRUE\\n"
	   "[cas]\\nissuingDistributionPoint=critical,@idp2\\n[idp2]\\nonlyCA=TRUE\\n' >ca.cnf; "
	   ": >index; echo unique_subject=no >index.attr; echo 01 >number", URL);
	SH("for k in rsa ec; do openssl ca -config ca.cnf -cert ca1.pem -keyfile ca1.key -valid ${k}1.pem || exit 1; done; "
	   "openssl ca -config ca.cnf -cert ca1.pem -keyfile ca1.key -revoke ec1.pem -crl_reason keyCompromise");
	SH("for by in ca1 ca2; do openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout r-$by.key -out r.csr -subj /CN=responder && "
	   "printf 'extendedKeyUsage=OCSPSigning\\n' >r.ext && "
	   "openssl x509 -req -in r.csr -CA $by.pem -CAkey $by.key -CAcreateserial -extfile r.ext -days 9 -out r-$by.pem || exit 1; done");
	rsa_leaf = cert_read("rsa1.pem");
	ec_leaf = cert_read("ec1.pem");
	issuer = cert_read("ca1.pem");
	other_issuer = cert_read("ca2.pem");
	return 0;
}

static int tear_down(void **state)
{
	cert_release(&rsa_leaf);
	cert_release(&ec_leaf);
	cert_release(&issuer);
	cert_release(&other_issuer);
	return directory_remove(state);
}

/* Answers our own request with openssl's responder. */
static struct buf respond(const struct cert *cert, const char *signer, const char *options)
{
	_cleanup_buf_ struct buf request = BUF_INIT;
	struct err e = { 0 };

	assert_int_equal(ocsp_request(cert, &issuer, &request, &e), 0);
	file_write("request", &request);
	SH("openssl ocsp -index index -CA ca1.pem -rsigner %s.pem -rkey %s.key -reqin request -respout response -ndays 2 %s", signer, signer,
	   options);
	return file_read("response");
}

static int judge(const struct cert *cert, const char *signer, const char *options, int64_t now, struct revocation *r, struct err *e)
{
	_cleanup_buf_ struct buf response = respond(cert, signer, options);

	return ocsp_read(slice_buf(&response), cert, &issuer, now, r, e);
}

static void test_ocsp_states(void **state)
{
	static const char *const signers[] = { "ca1", "r-ca1" };
	int64_t now = clock_now();

	for (size_t i = 0; i < ARRAY_SIZE(signers); i++) {
		struct revocation r;
		struct err e = { 0 };

		if (judge(&rsa_leaf, signers[i], "", now, &r, &e))
			fail_msg("%s", e.message);
		assert_int_equal(r.state, REVOCATION_GOOD);
		assert_true(r.this_update <= clock_now() && r.next_update > now + 86400 && r.next_update < now + 3 * 86400);
		assert_int_equal(judge(&ec_leaf, signers[i], "", now, &r, &e), 0);
		assert_int_equal(r.state, REVOCATION_REVOKED);
		assert_string_equal(r.reason, "keyCompromise");
		assert_true(r.revoked_at <= now && r.revoked_at > now - 600);
	}
}

static void test_ocsp_unknown(void **state)
{
	struct revocation r;
	struct err e = { 0 };

	SH("cp index kept; : >index");
	if (judge(&rsa_leaf, "ca1", "", clock_now(), &r, &e))
		fail_msg("%s", e.message);
	assert_int_equal(r.state, REVOCATION_UNKNOWN);
	assert_string_equal(revocation_word(r.state), "unknown");
	SH("cp kept index");
}

static void expect_ocsp(const struct cert *cert, const char *signer, const char *options, int64_t now, const char *sentence)
{
	struct revocation r;
	struct err e = { 0 };

	assert_int_equal(judge(cert, signer, options, now, &r, &e), -1);
	assert_has(e.message, sentence);
}

static void test_ocsp_not_believed(void **state)
{
	int64_t now = clock_now();

	expect_ocsp(&rsa_leaf, "ca1", "", now + 3 * 86400, "was good until");
	expect_ocsp(&rsa_leaf, "ca1", "", now - 2 * 86400, "from the future");
	expect_ocsp(&rsa_leaf, "ca2", "", now, "not authorised");		/* another CA */
	expect_ocsp(&rsa_leaf, "r-ca2", "", now, "not authorised");		/* another CA's responder */
	expect_ocsp(&rsa_leaf, "ca2", "-resp_no_certs", now, "not signed");
	expect_ocsp(&rsa_leaf, "r-ca1", "", now + 10 * 86400, "not authorised");	/* expired, as is the answer */
}

static void test_ocsp_of_another(void **state)
{
	_cleanup_buf_ struct buf response = respond(&rsa_leaf, "ca1", "");
	struct revocation r;
	struct err e = { 0 };

	assert_int_equal(ocsp_read(slice_buf(&response), &ec_leaf, &issuer, clock_now(), &r, &e), -1);
	assert_has(e.message, "about a different certificate");
}

static void test_ocsp_nonsense(void **state)
{
	_cleanup_buf_ struct buf response = respond(&rsa_leaf, "r-ca1", "");
	struct revocation r;
	struct err e = { 0 };

	assert_int_equal(ocsp_read(slice_str("<html>not here</html>"), &rsa_leaf, &issuer, clock_now(), &r, &e), -1);
	assert_int_equal(e.kind, ERR_PROTOCOL);
	assert_int_equal(ocsp_read(slice("\x30\x03\x0a\x01\x03", 5), &rsa_leaf, &issuer, clock_now(), &r, &e), -1);
	assert_has(e.message, "try later");
	for (size_t len = 0; len < response.len; len += 3)
		assert_int_equal(ocsp_read(slice(response.data, len), &rsa_leaf, &issuer, clock_now(), &r, &e), -1);
	/* A changed byte: never another state. */
	for (size_t i = 0; i < response.len; i += 2) {
		response.data[i] ^= 1;
		if (ocsp_read(slice_buf(&response), &rsa_leaf, &issuer, clock_now(), &r, &e) == 0)
			assert_int_equal(r.state, REVOCATION_GOOD);
		response.data[i] ^= 1;
	}
}

static struct buf make_crl(const char *by, const char *options)
{
	SH("openssl ca -config ca.cnf -cert %s.pem -keyfile %s.key -gencrl %s | openssl crl -outform DER -out crl", by, by, options);
	return file_read("crl");
}

static void test_crl_states(void **state)
{
	static const char *const options[] = { "", "-crlexts part" };
	int64_t now = clock_now();

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		_cleanup_buf_ struct buf crl = make_crl("ca1", options[i]);
		struct revocation r;
		struct err e = { 0 };

		if (crl_read(slice_buf(&crl), &rsa_leaf, &issuer, URL, now, &r, &e))
			fail_msg("%s", e.message);
		assert_int_equal(r.state, REVOCATION_GOOD);
		assert_true(r.next_update > now + 4 * 86400 && r.next_update < now + 6 * 86400);
		assert_int_equal(crl_read(slice_buf(&crl), &ec_leaf, &issuer, URL, now, &r, &e), 0);
		assert_int_equal(r.state, REVOCATION_REVOKED);
		assert_string_equal(r.reason, "keyCompromise");
		assert_true(r.revoked_at <= now && r.revoked_at > now - 600);
	}
}

static void expect_crl(const char *by, const char *options, const char *url, int64_t now, const char *sentence)
{
	_cleanup_buf_ struct buf crl = make_crl(by, options);
	struct revocation r;
	struct err e = { 0 };

	assert_int_equal(crl_read(slice_buf(&crl), &ec_leaf, &issuer, url, now, &r, &e), -1);
	assert_has(e.message, sentence);
}

static void test_crl_not_believed(void **state)
{
	int64_t now = clock_now();

	expect_crl("ca1", "", URL, now + 6 * 86400, "was good until");
	expect_crl("ca1", "", URL, now - 2 * 86400, "from the future");
	expect_crl("ca2", "", URL, now, "different CA");
	expect_crl("ca1", "-crlexts part", "http://crl.example/2.crl", now, "different part");
	expect_crl("ca1", "-crlexts cas", URL, now, "not one for certificates of servers");
	/* The right name, another key. */
	SH("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout f.key -out f.pem -subj '/O=Test/CN=ca1' "
	   "-addext keyUsage=critical,keyCertSign,cRLSign");
	expect_crl("f", "", URL, now, "not signed by");
}

static void test_crl_nonsense(void **state)
{
	_cleanup_buf_ struct buf crl = make_crl("ca1", "");
	struct revocation r;
	struct err e = { 0 };

	for (size_t len = 0; len < crl.len; len += 3)
		assert_int_equal(crl_read(slice(crl.data, len), &ec_leaf, &issuer, URL, clock_now(), &r, &e), -1);
	for (size_t i = 0; i < crl.len; i += 2) {
		crl.data[i] ^= 1;
		if (crl_read(slice_buf(&crl), &ec_leaf, &issuer, URL, clock_now(), &r, &e) == 0)
			assert_int_equal(r.state, REVOCATION_REVOKED);
		crl.data[i] ^= 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ocsp_states),	  cmocka_unit_test(test_ocsp_unknown), cmocka_unit_test(test_ocsp_not_believed),
		cmocka_unit_test(test_ocsp_of_another),	  cmocka_unit_test(test_ocsp_nonsense), cmocka_unit_test(test_crl_states),
		cmocka_unit_test(test_crl_not_believed), cmocka_unit_test(test_crl_nonsense),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
