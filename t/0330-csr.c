#include "pki/csr.h"

#include "t/lib/pki.h"

static const char *const some_names[] = { "www.example.org", "*.example.org", "192.0.2.1", "2001:db8::1", NULL };

static char *const *names(void)
{
	return (char *const *)some_names;
}

static void make(struct key *key, char *const *list, const struct csr_details *subject, struct buf *der)
{
	struct err e = { 0 };

	if (csr_make(key, list, subject, der, &e) < 0)
		fail_msg("%s", e.message);
	file_write("csr", der);
}

static void refused(char *const *list, const struct csr_details *subject, const char *sentence)
{
	_cleanup_key_ struct key *key = key_generate(KEY_P256, NULL);
	_cleanup_buf_ struct buf der = BUF_INIT;
	struct err e = { 0 };

	assert_int_equal(csr_make(key, list, subject, &der, &e), -1);
	assert_has(e.message, sentence);
	assert_int_equal(der.len, 0);
}

static int parse_file(struct csr *csr, const char *name, struct err *e)
{
	_cleanup_buf_ struct buf text = file_read(name);

	return csr_parse(csr, slice_buf(&text), e);
}

static void expect_names(const struct csr *csr, char *const *list)
{
	if (!strv_eq(csr->names, list))
		for (size_t i = 0; i < strv_len(csr->names); i++)
			print_error("found %s\n", csr->names[i]);
	assert_true(strv_eq(csr->names, list));
}

/* With every type of key: openssl finds the signature right and the SANs in, and so do we. */
static void test_round_trip(void **state)
{
	static const char *const curves[] = { [KEY_P521] = "P-521" };

	for (size_t type = 0; type < KEY_TYPES; type++) {
		_cleanup_key_ struct key *key = NULL;
		_cleanup_buf_ struct buf der = BUF_INIT, spki = BUF_INIT, pem = BUF_INIT;
		_cleanup_free_ char *text = NULL;
		struct err e = { 0 };
		struct csr csr;

		if (type == KEY_RSA_ANY || type == KEY_RSA_4096)
			continue;
		if (key_type_makeable((enum key_type)type)) {
			key = key_generate((enum key_type)type, &e);
		} else {
			SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:%s -out k.pem", curves[type]);
			pem = file_read("k.pem");
			key = key_parse(slice_buf(&pem), NULL, &e);
		}
		make(key, names(), NULL, &der);
		text = SH_OUT("openssl req -inform DER -in csr -verify -noout -text");
		assert_has(text, "verify OK");
		assert_has(text, "DNS:www.example.org, DNS:*.example.org, IP Address:192.0.2.1, IP "
				 "Address:2001:DB8:0:0:0:0:0:1");
		assert_int_equal(csr_parse(&csr, slice_buf(&der), &e), 0);
		expect_names(&csr, names());
		assert_string_equal(csr.subject, "");
		assert_int_equal(key_spki(key, &spki, &e), 0);
		assert_true(slice_eq(slice_buf(&spki), slice_buf(&csr.spki)));
		csr_release(&csr);
		csr_release(&csr);
	}
}

static void test_subject(void **state)
{
	const struct csr_details subject = { .cn = "www.example.org",
					     .o = "Foo, Inc.,CN=evil.example+#1",
					     .ou = "M\u00fcnchen",
					     .l = " a\\b; \"c\" ",
					     .st = "#x<y>",
					     .c = "DE" };
	_cleanup_key_ struct key *key = key_generate(KEY_P256, NULL);
	_cleanup_buf_ struct buf der = BUF_INIT;
	_cleanup_free_ char *theirs = NULL;
	struct csr csr;

	make(key, names(), &subject, &der);
	theirs = SH_OUT("openssl req -inform DER -in csr -noout -subject -nameopt RFC2253,-esc_msb,utf8");
	assert_int_equal(csr_parse(&csr, slice_buf(&der), NULL), 0);
	assert_string_equal(theirs + strlen("subject="), csr.subject);
	assert_true(
		str_starts(csr.subject, "CN=www.example.org,OU=M\u00fcnchen,O=Foo\\, Inc.\\,CN=evil.example\\+#1,L="));
	expect_names(&csr, names());
	csr_release(&csr);
}

/* As openssl reads it; as text for the keeper it is the same again. */
static void test_details(void **state)
{
	const struct csr_details asked = { .c = "DE", .email = "admin@example.org", .o = "a=b", .must_staple = true };
	_cleanup_key_ struct key *key = key_generate(KEY_P256, NULL);
	_cleanup_buf_ struct buf der = BUF_INIT, text = BUF_INIT, again = BUF_INIT;
	_cleanup_free_ char *theirs = NULL, *lines = NULL;
	struct csr_details read;

	details_write(&asked, &text);
	lines = xstrdup(buf_str(&text));
	details_read(&read, lines);
	details_write(&read, &again);
	assert_string_equal(buf_str(&text), buf_str(&again));
	make(key, names(), &read, &der);
	theirs = SH_OUT("openssl req -inform DER -in csr -noout -text");
	assert_has(theirs, "emailAddress = admin@example.org");
	assert_has(theirs, "O = a=b");
	assert_has(theirs, "status_request");
}

static void test_long_cn(void **state)
{
	char long_name[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test";
	char *list[] = { long_name, (char[]){ "a.test" }, (char[]){ "192.0.2.1" }, NULL };
	struct csr_details subject = { .cn = long_name };
	_cleanup_key_ struct key *key = key_generate(KEY_P256, NULL);
	_cleanup_buf_ struct buf fits = BUF_INIT, der = BUF_INIT, ip = BUF_INIT;
	struct csr csr;

	assert_int_equal(strlen(long_name), 64);
	make(key, list, &subject, &fits);
	assert_int_equal(csr_parse(&csr, slice_buf(&fits), NULL), 0);
	assert_true(str_starts(csr.subject, "CN=aaa"));
	csr_release(&csr);

	list[0] = (char[]){ "baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test" };
	subject.cn = list[0];
	make(key, list, &subject, &der);
	assert_int_equal(csr_parse(&csr, slice_buf(&der), NULL), 0);
	assert_string_equal(csr.subject, "");
	expect_names(&csr, list);
	csr_release(&csr);

	subject.cn = "192.0.2.1";
	make(key, list, &subject, &ip);
	assert_int_equal(csr_parse(&csr, slice_buf(&ip), NULL), 0);
	assert_string_equal(csr.subject, "");
	csr_release(&csr);
}

static void test_many_names(void **state)
{
	_cleanup_strv_ char **list = NULL;
	_cleanup_key_ struct key *key = key_generate(KEY_P256, NULL);
	_cleanup_buf_ struct buf der = BUF_INIT;
	struct csr csr;

	for (int i = 0; i < 100; i++) {
		_cleanup_free_ char *name = xasprintf("n%d.%063d.%063d.%063d.example", i, 0, 0, 0);

		strv_add(&list, name);
	}
	make(key, list, NULL, &der);
	assert_true(der.len > 20000);
	SH("openssl req -inform DER -in csr -verify -noout");
	assert_int_equal(csr_parse(&csr, slice_buf(&der), NULL), 0);
	expect_names(&csr, list);
	csr_release(&csr);
	strv_add(&list, "one.more.example");
	refused(list, NULL, "more than 100 names");
}

static void test_make_refusals(void **state)
{
	char *none[] = { NULL }, *loose[] = { (char[]){ "WWW.example.org" }, NULL };

	refused(NULL, NULL, "no name is given");
	refused(none, NULL, "no name is given");
	refused(loose, NULL, "not in their normal form");
	refused(names(), &(struct csr_details){ .cn = "other.example" }, "\"other.example\" is not one of");
	refused(names(), &(struct csr_details){ .email = "nobody" }, "no @");
	refused(names(), &(struct csr_details){ .email = "m\u00fcller@example.org" }, "not possible");
	refused(names(), &(struct csr_details){ .c = "Germany" }, "country has 7 characters; 2 to 2");
	refused(names(), &(struct csr_details){ .c = "d1" }, "code of two capital letters");
	refused(names(), &(struct csr_details){ .o = "a\nb" }, "not possible");
	refused(names(), &(struct csr_details){ .o = "a\xff" }, "not possible");
	refused(names(),
		&(struct csr_details){ .o = "01234567890123456789012345678901234567890123456789012345678901234" },
		"organization has 65 characters; 1 to 64");
}

static void openssl_csr(const char *more)
{
	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out k.pem");
	SH("openssl req -new -key k.pem -utf8 %s -out r.pem", more);
}

static void test_theirs(void **state)
{
	char *expected[] = { (char[]){ "a.example" }, (char[]){ "2001:db8::2" }, (char[]){ "*.b.example" },
			     (char[]){ "cn.example" }, NULL };
	struct err e = { 0 };
	struct csr csr;

	openssl_csr("-subj '/C=DE/O=M\u00fcller & S\u00f6hne/CN=CN.example' "
		    "-addext "
		    "'subjectAltName=DNS:A.Example,IP:2001:db8::2,email:x@example.org,DNS:*.b.example,DNS:a.example'");
	assert_int_equal(parse_file(&csr, "r.pem", &e), 0);
	expect_names(&csr, expected);
	assert_string_equal(csr.subject, "CN=CN.example,O=M\u00fcller & S\u00f6hne,C=DE");
	csr_release(&csr);
	SH("sed 's/BEGIN/BEGIN NEW/; s/END/END NEW/; s/$/\\r/; 1s/^/some text\\n/' r.pem >n.pem");
	assert_int_equal(parse_file(&csr, "n.pem", &e), 0);
	expect_names(&csr, expected);
	csr_release(&csr);
	SH("openssl req -in r.pem -outform DER -out r.der");
	assert_int_equal(parse_file(&csr, "r.der", &e), 0);
	expect_names(&csr, expected);
	csr_release(&csr);

	/* A CN that is no name is none; no SANs at all */
	openssl_csr("-subj '/CN=My server'");
	assert_int_equal(parse_file(&csr, "r.pem", &e), 0);
	assert_null(csr.names);
	csr_release(&csr);
	SH("openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out k.pem");
	SH("openssl req -new -key k.pem -sha512 -subj /CN=rsa.example -out r.pem");
	assert_int_equal(parse_file(&csr, "r.pem", &e), 0);
	assert_string_equal(csr.names[0], "rsa.example");
	csr_release(&csr);
	SH("openssl req -new -key k.pem -subj /CN=rsa.example -sigopt rsa_padding_mode:pss -out r.pem");
	assert_int_equal(parse_file(&csr, "r.pem", &e), -1);
	assert_has(e.message, "an algorithm CAs do not take");
}

static void test_parse_refusals(void **state)
{
	_cleanup_buf_ struct buf der = BUF_INIT;
	struct err e = { 0 };
	struct csr csr;
	char *at;

	openssl_csr("-subj /CN=a.example -sha1");
	assert_int_equal(parse_file(&csr, "r.pem", &e), -1);
	assert_has(e.message, "outdated hash function");
	openssl_csr("-subj /CN=a.example");
	SH("openssl req -in r.pem -outform DER -out r.der");
	der = file_read("r.der");
	for (size_t len = 0; len < der.len; len += 7)
		assert_int_equal(csr_parse(&csr, slice(der.data, len), &e), -1);
	at = memmem(der.data, der.len, "a.example", 9);
	*at = 'b';
	assert_int_equal(csr_parse(&csr, slice_buf(&der), &e), -1);
	assert_string_equal(e.message, "the certificate request is not usable: the signature is wrong");
	assert_null(csr.names);
	assert_int_equal(parse_file(&csr, "k.pem", &e), -1);
	assert_has(e.message, "no block \"CERTIFICATE REQUEST\"");
	assert_int_equal(csr_parse(&csr, slice_str("hello"), &e), -1);
	assert_int_equal(csr_parse(&csr, slice(NULL, 0), &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_subject),
		cmocka_unit_test(test_details), cmocka_unit_test(test_long_cn),        cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_make_refusals),  cmocka_unit_test(test_theirs),
		cmocka_unit_test(test_parse_refusals),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, directory_make, directory_remove);
}
