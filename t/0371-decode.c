/* What is found wrong in files, as time goes by and things are mixed up; any line ends. */
#include "pki/file/decode.h"

#include "base/clock.h"
#include "t/lib/chain.h"

#define DAY 86400

static json_t *decode_at(const char *file, int64_t now)
{
	_cleanup_buf_ struct buf bytes = file_read(file);
	_cleanup_decoded_ struct decoded d = { 0 };
	struct err e = { 0 };

	if (decode_add(&d, slice_buf(&bytes), &e))
		fail_msg("%s: %s", file, e.message);
	return decode_show(&d, now);
}

/* All findings as one text. */
static char *findings_at(const char *file, int64_t now)
{
	_cleanup_json_ json_t *shown = decode_at(file, now);
	struct buf all = BUF_INIT;
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(shown, "findings"), i, one)
		buf_addf(&all, "%s\n", json_string_value(one));
	buf_add(&all, "", 0);
	return buf_detach(&all);
}

static void expect(const char *file, int64_t now, const char *sentence)
{
	_cleanup_free_ char *found = findings_at(file, now);

	if (!*sentence)
		assert_string_equal(found, "");
	else
		assert_has(found, sentence);
}

/* The leaf lives 97 days, its CAs 98, the root 99. */
static void test_time(void **state)
{
	int64_t now = clock_now();

	expect("ec-chain3.pem", now, "");
	expect("ec-chain3.pem", now + 60 * DAY, "");
	expect("ec-chain3.pem", now + 80 * DAY, "The certificate of shop.example expires at");
	expect("ec-chain3.pem", now + 98 * DAY, "The certificate of shop.example expired at");
	expect("ec-chain3.pem", now + 100 * DAY, "The certificate of ca1 expired at");
	expect("ec-chain3.pem", now - DAY, "The certificate of shop.example is not valid before");
}

static void test_mixed_up(void **state)
{
	int64_t now = clock_now();

	SH("cat rsa2.pem ca2.pem ca1.pem ca1.pem >twice.pem; cat rsa2.pem ca1.pem ca2.pem >order.pem; cat rsa2.pem "
	   "ca1.pem >gap.pem; "
	   "cat rsa2.pem ca2.pem ca1.pem root.pem >root-too.pem; cat rsa2.pem ca2.pem ca1.pem ec.key >no-key.pem; "
	   "openssl pkey -in ec.key -pubout >ec.pub; cat rsa2.pem ca2.pem ca1.pem ec.pub >another.pem");
	expect("twice.pem", now, "The certificate of ca1 is in the file more than once.");
	expect("order.pem", now, "Wrong order: the issuer of shop.example should be number 2, and is number 3.");
	expect("gap.pem", now, "CN=ca2,O=Test\", which issued the certificate of shop.example, is missing");
	expect("root-too.pem", now, "The root root is in the file");
	expect("another.pem", now, "The private key does not belong");
}

static void test_purpose(void **state)
{
	SH("openssl req -new -key ec.key -subj /CN=client -out c.csr; printf "
	   "'subjectAltName=DNS:client.example\\nextendedKeyUsage=clientAuth\\n' >c.ext; "
	   "openssl x509 -req -in c.csr -CA ca1.pem -CAkey ca1.key -CAcreateserial -extfile c.ext -days 9 -out c.pem; "
	   "cat ca1.pem >>c.pem");
	expect("c.pem", clock_now(), "is not one for servers");
}

static void test_request(void **state)
{
	_cleanup_json_ json_t *shown = NULL;

	SH("openssl req -new -key ec.key -subj /CN=shop.example -out q.csr");
	shown = decode_at("q.csr", clock_now());
	assert_string_equal(json_str(json_object_get(shown, "request"), "signature"), "ECDSA with SHA256");
	assert_string_equal(json_str(json_object_get(shown, "request"), "key"), "ECDSA P-256");
	assert_string_equal(json_str(json_object_get(shown, "request"), "subject"), "CN=shop.example");
	assert_true(json_str(json_object_get(shown, "request"), "spki_pin"));
	SH("openssl req -new -newkey rsa:1024 -nodes -keyout weak.key -subj /CN=shop.example -out weak.csr");
	expect("weak.csr", clock_now(), "key that is too short");
	SH("openssl req -new -key ec.key -subj /O=Nobody -out nameless.csr");
	expect("nameless.csr", clock_now(), "has no names");
}

static void check_kind(const char *file, const char *key, const char *signature, const char *finding)
{
	_cleanup_json_ json_t *shown = decode_at(file, clock_now());
	const json_t *c = json_array_get(json_object_get(shown, "certificates"), 0);

	assert_string_equal(json_str(c, "key"), key);
	assert_string_equal(json_str(c, "signature"), signature);
	assert_string_equal(json_str(c, "subject"), "CN=odd.example");
	assert_true(str_eq(json_string_value(json_array_get(json_object_get(c, "names"), 0)), "odd.example") ==
		    !str_starts(file, "cn."));
	assert_true(json_str(c, "not_after") && json_str(c, "serial"));
	expect(file, clock_now(), finding);
}

/* Whatever its key and signature are, a certificate is shown; what cannot be used here is said so. */
static void test_kinds(void **state)
{
	static const struct {
		const char *make, *key, *signature, *finding;
	} rows[] = {
		{ "-newkey ed25519", "Ed25519", "Ed25519",
		  "The certificate of odd.example cannot be used here: its key is Ed25519; RSA and EC keys can be used here." },
		{ "-newkey ed448", "Ed448", "Ed448", "its key is Ed448" },
		{ "-newkey rsa-pss -pkeyopt rsa_keygen_bits:2048", "RSA-PSS 2048", "RSASSA-PSS", "its key is RSA-PSS 2048" },
		{ "-newkey rsa:2048 -sigopt rsa_padding_mode:pss", "RSA 2048", "RSASSA-PSS", "is self-signed" },
		{ "-newkey rsa:2304", "RSA 2304", "RSA with SHA-256", "is self-signed" },
		{ "-newkey ec -pkeyopt ec_paramgen_curve:secp256k1", "EC secp256k1", "ECDSA with SHA256", "of a kind servers do not use" },
		{ "-newkey ec -pkeyopt ec_paramgen_curve:P-521", "ECDSA P-521", "ECDSA with SHA256", "is self-signed" },
		{ "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha3-256", "ECDSA P-256", "2.16.840.1.101.3.4.3.10",
		  "it is signed with 2.16.840.1.101.3.4.3.10, which is not read here" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		SH("openssl req -x509 %s -nodes -keyout odd.key -subj /CN=odd.example -days 90 -out odd.pem "
		   "-addext subjectAltName=DNS:odd.example -addext basicConstraints=critical,CA:FALSE", rows[i].make);
		check_kind("odd.pem", rows[i].key, rows[i].signature, rows[i].finding);
	}
	/* in openssl's own form, and marked as a CA as by appliances */
	SH("openssl x509 -in odd.pem -trustout -addtrust serverAuth -setalias odd -out odd-trusted.pem && grep TRUSTED odd-trusted.pem");
	check_kind("odd-trusted.pem", "ECDSA P-256", "2.16.840.1.101.3.4.3.10", "is self-signed");
	SH("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout odd.key -subj /CN=odd.example -days 90 -out ca.pem "
	   "-addext subjectAltName=DNS:odd.example");
	check_kind("ca.pem", "ECDSA P-256", "ECDSA with SHA256", "The certificate of odd.example is self-signed");
	/* a common name is no name for browsers */
	SH("openssl req -new -key odd.key -subj /CN=odd.example | openssl x509 -req -CA ca1.pem -CAkey ca1.key -CAcreateserial -days 9 -out cn.pem");
	check_kind("cn.pem", "ECDSA P-256", "ECDSA with SHA256", "The certificate of odd.example has no subjectAltName");
	/* an issuer that cannot be verified is one by its name */
	SH("openssl req -x509 -newkey ed25519 -nodes -keyout ed.key -subj /CN=ed -days 90 -out ed.pem; "
	   "openssl req -new -key odd.key -subj /CN=odd.example -addext subjectAltName=DNS:odd.example | "
	   "openssl x509 -req -CA ed.pem -CAkey ed.key -CAcreateserial -days 9 -copy_extensions copy -out by-ed.pem; cat by-ed.pem ed.pem >chain-ed.pem");
	check_kind("chain-ed.pem", "ECDSA P-256", "Ed25519", "it is signed with Ed25519, which is not read here");
	{
		_cleanup_free_ char *found = findings_at("chain-ed.pem", clock_now());

		assert_null(strstr(found, "missing"));
	}
}

/* Streams of lengths that nobody knew: X.690's other forms. */
static void test_ber(void **state)
{
	_cleanup_json_ json_t *shown = NULL;

	SH("openssl crl2pkcs7 -nocrl -certfile ec-chain3.pem -outform DER -out d.p7b; "
	   "python3 -c 'import sys; d = open(\"d.p7b\", \"rb\").read(); i = d.index(b\"\\x02\\x01\\x01\\x31\"); "
	   "open(\"b.p7b\", \"wb\").write(b\"\\x30\\x80\\x06\\x09\" + d[6:15] + b\"\\xa0\\x80\\x30\\x80\" + d[i:] + bytes(6))'; "
	   "openssl pkcs7 -inform DER -in b.p7b -print_certs -out all.pem; grep -c BEGIN all.pem | grep -qx 3; "
	   "{ echo '-----BEGIN PKCS7-----'; base64 b.p7b; echo '-----END PKCS7-----'; } >b.pem");
	for (int pem = 0; pem < 2; pem++) {
		shown = decode_at(pem ? "b.pem" : "b.p7b", clock_now());
		assert_int_equal(json_array_size(json_object_get(shown, "certificates")), 3);
		json_decref(TAKE(shown));
	}
}

/* As Unix, Windows and old Macs end lines, with words around. */
static void test_line_ends(void **state)
{
	static const char *const ends[] = { "cat", "sed 's/$/\\r/'", "tr '\\n' '\\r'" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		_cleanup_json_ json_t *shown = NULL;
		_cleanup_key_ struct key *key = NULL, *old = NULL;

		SH("{ echo Words before; cat ec-chain3.pem; echo and behind; } | %s >ends.pem; %s <ec.key >ends.key; "
		   "openssl rsa -in rsa.key -traditional | %s >ends-rsa.key",
		   ends[i], ends[i], ends[i]);
		shown = decode_at("ends.pem", clock_now());
		assert_int_equal(json_array_size(json_object_get(shown, "certificates")), 3);
		expect("ends.pem", clock_now(), "");
		key = key_read("ends.key");
		old = key_read("ends-rsa.key");
		assert_int_equal(key_type_of(key), KEY_P256);
		assert_int_equal(key_type_of(old), KEY_RSA_2048);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),    cmocka_unit_test(test_mixed_up),  cmocka_unit_test(test_purpose),
		cmocka_unit_test(test_request), cmocka_unit_test(test_line_ends), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_ber),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, chains_make, directory_remove);
}
