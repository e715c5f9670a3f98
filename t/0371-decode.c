/* What is found wrong in files, as time goes by and things are mixed up; any line ends. */
#include "pki/decode.h"

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
	expect("ec-chain3.pem", now + 98 * DAY, "The certificate of shop.example has expired at");
	expect("ec-chain3.pem", now + 100 * DAY, "The certificate of ca1 has expired at");
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
	assert_string_equal(json_str(json_object_get(shown, "request"), "key"), "EC, P-256");
	assert_string_equal(json_str(json_object_get(shown, "request"), "subject"), "CN=shop.example");
	assert_true(json_str(json_object_get(shown, "request"), "spki_pin"));
	SH("openssl req -new -newkey rsa:1024 -nodes -keyout weak.key -subj /CN=shop.example -out weak.csr");
	expect("weak.csr", clock_now(), "key that is too short");
	SH("openssl req -new -key ec.key -subj /O=Nobody -out nameless.csr");
	expect("nameless.csr", clock_now(), "asks for no name");
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
		cmocka_unit_test(test_request), cmocka_unit_test(test_line_ends),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, chains_make, directory_remove);
}
