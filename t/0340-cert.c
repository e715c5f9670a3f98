#include "pki/cert.h"

#include <mbedtls/oid.h>

#include "base/clock.h"
#include "base/encode.h"
#include "pki/der.h"
#include "pki/x509.h"
#include "t/lib/pki.h"

#define DAY 86400

static char *const no_names[] = { NULL };
static const char *const leaf_names_[] = { "www.example.org", "*.example.org", "192.0.2.1", "2001:db8::1", NULL };
#define leaf_names ((char *const *)leaf_names_)

static const char san[] =
	"subjectAltName=DNS:WWW.example.org,DNS:*.example.org,IP:192.0.2.1,email:x@example.org,IP:2001:db8::1";

/* Root, intermediate and leaf, as NAME.key and NAME.pem; openssl's options for the digest. */
static void make_chain(const char *algorithm, const char *options)
{
	SH("for n in root mid leaf other; do openssl genpkey -algorithm %s -out $n.key; done", algorithm);
	SH("printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=keyCertSign,cRLSign\\nsubjectKeyIdentifier=hash\\n' "
	   ">ca.ext");
	SH("printf 'basicConstraints=critical,CA:FALSE\\nauthorityKeyIdentifier=keyid\\n%s\\n' >leaf.ext", san);
	SH("openssl req -new -key root.key -subj '/O=Test/CN=Root' | "
	   "openssl x509 -req %s -signkey root.key -extfile ca.ext -days 3650 -out root.pem",
	   options);
	SH("openssl req -new -key mid.key -subj '/O=Test/CN=Middle' | "
	   "openssl x509 -req %s -CA root.pem -CAkey root.key -CAcreateserial -extfile ca.ext -days 1000 -out mid.pem",
	   options);
	SH("openssl req -new -key leaf.key -subj '/C=DE/O=M\u00fcller, Inc./CN=www.example.org' -utf8 | "
	   "openssl x509 -req %s -CA mid.pem -CAkey mid.key -set_serial 0x87654321 -extfile leaf.ext -days 90 -out "
	   "leaf.pem",
	   options);
	SH("cat leaf.pem mid.pem root.pem >chain.pem; openssl pkey -in leaf.key -pubout -outform DER -out leaf.spki");
}

static int parse_cert(struct cert *c, const char *name, struct err *e)
{
	_cleanup_buf_ struct buf der = BUF_INIT;

	SH("openssl x509 -in %s -outform DER -out der", name);
	der = file_read("der");
	return cert_parse(c, slice_buf(&der), e);
}

static int parse_chain(struct chain *chain, const char *name, struct err *e)
{
	_cleanup_buf_ struct buf text = file_read(name);

	return chain_parse(chain, slice_buf(&text), e);
}

static void expect_same(const char *ours, const char *theirs_prefix, const char *command)
{
	_cleanup_free_ char *theirs = SH_OUT("%s", command);

	assert_true(str_starts(theirs, theirs_prefix));
	assert_string_equal(ours, theirs + strlen(theirs_prefix));
}

static void test_fields(void **state)
{
	struct cert c;
	struct err e = { 0 };
	_cleanup_buf_ struct buf spki = BUF_INIT;
	_cleanup_free_ char *from = NULL, *to = NULL;

	make_chain("ec -pkeyopt ec_paramgen_curve:P-256", "-sha256");
	assert_int_equal(parse_cert(&c, "leaf.pem", &e), 0);
	assert_true(strv_eq(c.names, leaf_names));
	expect_same(c.subject, "subject=", "openssl x509 -in leaf.pem -noout -subject -nameopt RFC2253,-esc_msb,utf8");
	assert_string_equal(c.subject, "CN=www.example.org,O=M\u00fcller\\, Inc.,C=DE");
	assert_string_equal(c.issuer, "CN=Middle,O=Test");
	assert_string_equal(c.subject_cn, "www.example.org");
	assert_string_equal(c.issuer_cn, "Middle");
	assert_string_equal(c.serial, "0087654321");
	assert_false(c.is_ca);
	expect_same(c.fingerprint, "", "openssl x509 -in leaf.pem -outform DER | sha256sum | cut -d' ' -f1");
	expect_same(
		c.aki, "",
		"openssl x509 -in mid.pem -noout -ext subjectKeyIdentifier | tail -n 1 | tr -d ' :\\n' | tr A-F a-f");
	from = SH_OUT("date -u +%%s -d \"$(openssl x509 -in leaf.pem -noout -startdate | cut -d= -f2)\"");
	to = SH_OUT("date -u +%%s -d \"$(openssl x509 -in leaf.pem -noout -enddate | cut -d= -f2)\"");
	assert_int_equal(c.not_before, strtoll(from, NULL, 10));
	assert_int_equal(c.not_after, strtoll(to, NULL, 10));
	spki = file_read("leaf.spki");
	assert_true(slice_eq(slice_buf(&spki), slice_buf(&c.spki)));
	cert_release(&c);

	assert_int_equal(parse_cert(&c, "root.pem", &e), 0);
	assert_true(c.is_ca);
	assert_null(c.aki);
	assert_string_equal(c.names[0], "root");
	cert_release(&c);
	cert_release(&c);
}

/* RFC 9773 section 4.1 */
static void test_ari(void **state)
{
	struct cert c;
	struct err e = { 0 };
	_cleanup_buf_ struct buf aki = BUF_INIT, serial = BUF_INIT, id = BUF_INIT;

	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out k.pem && "
	   "openssl req -x509 -new -key k.pem -subj /CN=x -set_serial 0x87654321 -out c.pem "
	   "-addext authorityKeyIdentifier=DER:3016801469885b6b87464041e1b37b847ba0ae2cde01c8d4");
	assert_int_equal(parse_cert(&c, "c.pem", &e), 0);
	assert_string_equal(c.serial, "0087654321");
	assert_string_equal(c.aki, "69885b6b87464041e1b37b847ba0ae2cde01c8d4");
	assert_int_equal(hex_decode(&aki, c.aki), 0);
	assert_int_equal(hex_decode(&serial, c.serial), 0);
	base64url_add(&id, aki.data, aki.len);
	buf_add_ch(&id, '.');
	base64url_add(&id, serial.data, serial.len);
	assert_string_equal(buf_str(&id), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
	cert_release(&c);
}

static void test_odd_certificates(void **state)
{
	struct cert c;
	struct err e = { 0 };

	/* no subject, and an extension marked critical that nobody knows */
	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-384 -out k.pem && "
	   "openssl req -x509 -new -key k.pem -subj /CN=Root -out r.pem && openssl req -x509 -new -CA r.pem -CAkey "
	   "k.pem "
	   "-key k.pem -subj / -out c.pem -addext 1.2.3.4=critical,DER:0500 -addext "
	   "'subjectAltName=DNS:b.example,DNS:localhost,DNS:my_host.Example,DNS:b.example,DNS:192.0.2.1,URI:https://x/"
	   "'");
	assert_int_equal(parse_cert(&c, "c.pem", &e), 0);
	assert_string_equal(c.subject, "");
	assert_null(c.subject_cn);
	assert_int_equal(strv_len(c.names), 4);
	assert_string_equal(c.names[1], "localhost");
	assert_string_equal(c.names[2], "my_host.example");
	assert_string_equal(c.names[3], "DNS:192.0.2.1");
	cert_release(&c);

	/* dates on both sides of 2050 and of leap days, several values in one RDN */
	SH("mkdir -p ca && : >ca/index && echo 01 >ca/serial && printf "
	   "'[ca]\\ndefault_ca=c\\n[c]\\ndatabase=ca/index\\n"
	   "serial=ca/"
	   "serial\\nnew_certs_dir=ca\\npolicy=p\\ndefault_md=sha256\\n[p]\\ncommonName=supplied\\nuserId=optional\\n' "
	   ">ca.conf");
	SH("openssl req -new -key k.pem -subj '/CN=a.example+UID=u' -multivalue-rdn -out r.pem && openssl ca -batch "
	   "-config ca.conf "
	   "-selfsign -keyfile k.pem -in r.pem -startdate 20240229235959Z -enddate 21000301000000Z -preserveDN -out "
	   "c.pem -notext");
	assert_int_equal(parse_cert(&c, "c.pem", &e), 0);
	assert_int_equal(c.not_before, 1709251199);
	assert_int_equal(c.not_after, 4107542400);
	assert_string_equal(c.subject, "UID=u+CN=a.example"); /* a SET in DER is sorted */
	assert_string_equal(c.names[0], "a.example");
	assert_null(c.names[1]);
	cert_release(&c);
}

/* What cannot be text stays readable and valid UTF-8. */
static void test_name_text(void **state)
{
	static const struct {
		int tag;
		const char *value, *text;
	} rows[] = {
		{ DER_UTF8, "plain text", "CN=plain text" },
		{ DER_PRINTABLE, " a ", "CN=\\ a\\ " },
		{ DER_UTF8, "\U0001f600#", "CN=\U0001f600#" },
		{ DER_UTF8, "#\x1b[31m", "CN=\\#\\1B[31m" },
		{ DER_T61, "M\xfcller", "CN=M\\FCller" },
		{ DER_UTF8, "\xc2\x9b" "31m\xe2\x80\xae" "gpj", "CN=\\C2\\9B31m\\E2\\80\\AEgpj" },
		{ DER_UTF8, "\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80", "CN=\\C0\\AF\\ED\\A0\\80\\F4\\90\\80\\80" },
		{ DER_UTF8, "\xe2\x82", "CN=\\E2\\82" },
		{ 0x1e, "xy", "CN=#1e027879" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct buf rdns = BUF_INIT, name = BUF_INIT;
		_cleanup_free_ char *text = NULL;

		x509_name_put(&rdns, DER_BYTES(MBEDTLS_OID_AT_CN), rows[i].tag, rows[i].value);
		der_put(&name, DER_SEQUENCE, slice_buf(&rdns));
		text = x509_name_text(slice_buf(&name));
		assert_string_equal(text, rows[i].text);
	}
}

static void test_cert_refusals(void **state)
{
	_cleanup_buf_ struct buf der = BUF_INIT;
	struct cert c;
	struct err e = { 0 };
	char *at;

	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out k.pem && openssl req -x509 -new -key "
	   "k.pem "
	   "-subj /CN=x -addext subjectAltName=DNS:good.example.evil.example -outform DER -out der");
	der = file_read("der");
	for (size_t len = 0; len < der.len; len += 5)
		assert_int_equal(cert_parse(&c, slice(der.data, len), &e), -1);
	buf_add_ch(&der, 'x');
	assert_int_equal(cert_parse(&c, slice_buf(&der), &e), -1);
	assert_has(e.message, "behind the end");
	der.len--;
	at = memmem(der.data, der.len, "good.example.evil", 17);
	at[12] = '\0';
	assert_int_equal(cert_parse(&c, slice_buf(&der), &e), -1);
	assert_has(e.message, "not printable ASCII");
	assert_null(c.names);
}

static void expect_chain_refusal(const char *name, const char *sentence)
{
	struct chain chain;
	struct err e = { 0 };

	assert_int_equal(parse_chain(&chain, name, &e), -1);
	assert_int_equal(e.kind, ERR_INVALID);
	assert_has(e.message, "the certificate chain is not acceptable: ");
	assert_has(e.message, sentence);
	assert_int_equal(chain.count, 0);
	assert_null(chain.cert);
}

static void test_chain_parse(void **state)
{
	_cleanup_chain_ struct chain chain = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT, original = BUF_INIT;
	struct err e = { 0 };

	make_chain("ec -pkeyopt ec_paramgen_curve:P-256", "-sha256");
	assert_int_equal(parse_chain(&chain, "chain.pem", &e), 0);
	assert_int_equal(chain.count, 3);
	assert_string_equal(chain.cert[0].subject_cn, "www.example.org");
	assert_string_equal(chain.cert[2].subject_cn, "Root");
	original = file_read("chain.pem");
	chain_pem(&chain, 0, 3, &pem);
	assert_string_equal(buf_str(&pem), buf_str(&original));
	buf_release(&pem);
	buf_release(&original);
	original = file_read("mid.pem");
	chain_pem(&chain, 1, 2, &pem);
	assert_string_equal(buf_str(&pem), buf_str(&original));
	buf_clear(&pem);
	chain_pem(&chain, 2, 99, &pem);
	chain_pem(&chain, 3, 3, &pem);
	buf_release(&original);
	original = file_read("root.pem");
	assert_string_equal(buf_str(&pem), buf_str(&original));
	for (size_t from = 0; from < 4; from++)		/* the same from the text itself */
		for (size_t to = from; to < 5; to++) {
			_cleanup_buf_ struct buf all = BUF_INIT, some = BUF_INIT;

			chain_pem(&chain, 0, 3, &all);
			chain_pem(&chain, from, to, &some);
			assert_true(slice_eq(chain_pem_part(slice_buf(&all), from, to), slice_buf(&some)));
		}
	assert_int_equal(chain_pem_part(slice(NULL, 0), 0, SIZE_MAX).len, 0);
	assert_int_equal(chain_pem_part(slice_str("no certificate"), 1, 2).len, 0);
	chain_release(&chain);

	SH("{ echo; sed 's/$/\\r/' leaf.pem; printf ' \\t\\r\\n'; cat mid.pem; echo; } >c.pem");
	assert_int_equal(parse_chain(&chain, "c.pem", &e), 0);
	assert_int_equal(chain.count, 2);
	chain_release(&chain);
	SH("for i in 1 2 3 4 5 6 7 8 9 10; do cat root.pem; done >c.pem");
	assert_int_equal(parse_chain(&chain, "c.pem", &e), 0);
	assert_int_equal(chain.count, 10);

	SH("cat root.pem >>c.pem");
	expect_chain_refusal("c.pem", "more than 10 certificates");
	SH("cat leaf.pem leaf.key mid.pem >c.pem");
	expect_chain_refusal("c.pem", "a block \"PRIVATE KEY\"; only \"CERTIFICATE\" is accepted");
	SH("cat leaf.key >c.pem");
	expect_chain_refusal("c.pem", "a block \"PRIVATE KEY\"");
	SH("{ cat leaf.pem; echo '# a comment'; cat mid.pem; } >c.pem");
	expect_chain_refusal("c.pem", "text that belongs to no certificate in front of number 2");
	SH("{ echo subject=x; cat leaf.pem; } >c.pem");
	expect_chain_refusal("c.pem", "in front of number 1");
	SH("{ cat leaf.pem; echo x; } >c.pem");
	expect_chain_refusal("c.pem", "behind the last one");
	SH("sed '1a Comment: x' leaf.pem >c.pem");
	expect_chain_refusal("c.pem",
			     "certificate 1: the PEM block \"CERTIFICATE\" holds something that is not base64");
	SH("head -n 5 leaf.pem >c.pem");
	expect_chain_refusal("c.pem", "is cut off");
	SH("{ cat leaf.pem; sed 's/CERTIFICATE/TRUSTED CERTIFICATE/' mid.pem; } >c.pem");
	expect_chain_refusal("c.pem", "a block \"TRUSTED CERTIFICATE\"");
	SH("{ cat leaf.pem; sed '3d' mid.pem; } >c.pem");
	expect_chain_refusal("c.pem", "certificate 2: this is no certificate that can be read");
	SH(": >c.pem");
	expect_chain_refusal("c.pem", "there is no PEM block \"CERTIFICATE\"");
	SH("echo '<html>' >c.pem");
	expect_chain_refusal("c.pem", "there is no PEM block \"CERTIFICATE\"");
	SH("{ head -c 102400 /dev/zero | tr '\\0' '\\n'; cat leaf.pem; } >c.pem");
	expect_chain_refusal("c.pem", "longer than 100 kB");
}

static int check(const char *name, const char *spki_file, char *const *names, int64_t now, struct err *e)
{
	_cleanup_chain_ struct chain chain = { 0 };
	_cleanup_buf_ struct buf spki = file_read(spki_file);

	assert_int_equal(parse_chain(&chain, name, e), 0);
	return chain_check(&chain, slice_buf(&spki), names, now, e);
}

static void expect_fault(const char *name, const char *spki_file, char *const *names, int64_t now, const char *sentence)
{
	struct err e = { 0 };

	assert_int_equal(check(name, spki_file, names, now, &e), -1);
	assert_has(e.message, sentence);
}

static void test_check_algorithms(void **state)
{
	static const struct {
		const char *algorithm, *options;
	} ways[] = {
		{ "ec -pkeyopt ec_paramgen_curve:P-256", "-sha256" },
		{ "ec -pkeyopt ec_paramgen_curve:P-384", "-sha384" },
		{ "rsa -pkeyopt rsa_keygen_bits:2048", "-sha256" },
		{ "rsa -pkeyopt rsa_keygen_bits:2048", "-sha384" },
		{ "rsa -pkeyopt rsa_keygen_bits:2048", "-sha256 -sigopt rsa_padding_mode:pss" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct err e = { 0 };

		make_chain(ways[i].algorithm, ways[i].options);
		if (check("chain.pem", "leaf.spki", leaf_names, clock_now(), &e) < 0)
			fail_msg("%s %s: %s", ways[i].algorithm, ways[i].options, e.message);
		SH("cat leaf.pem root.pem >c.pem");
		expect_fault("c.pem", "leaf.spki", leaf_names, clock_now(),
			     "certificate 1 of the chain is not signed by certificate 2");
		assert_int_equal(check("leaf.pem", "leaf.spki", leaf_names, clock_now(), &e), 0);
	}
}

static void test_check_faults(void **state)
{
	int64_t now = clock_now();
	char *more[] = { (char[]){ "192.0.2.1" },     (char[]){ "2001:db8::1" },     (char[]){ "www.example.org" },
			 (char[]){ "*.example.org" }, (char[]){ "new.example.org" }, NULL };
	struct err e = { 0 };

	make_chain("ec -pkeyopt ec_paramgen_curve:P-256", "-sha256");
	expect_fault("chain.pem", "leaf.spki", more, now, "lacks the name new.example.org");
	more[4] = NULL; /* the order does not matter */
	assert_int_equal(check("chain.pem", "leaf.spki", more, now, &e), 0);
	more[3] = NULL;
	expect_fault("chain.pem", "leaf.spki", more, now, "has the name *.example.org, which was not ordered");
	expect_fault("chain.pem", "leaf.spki", no_names, now, "which was not ordered");
	SH("openssl pkey -in other.key -pubout -outform DER -out other.spki; openssl pkey -in mid.key -pubout -outform "
	   "DER -out mid.spki");
	expect_fault("chain.pem", "other.spki", leaf_names, now, "for a different key");
	expect_fault("mid.pem", "mid.spki", no_names, now, "a CA's own");
	expect_fault("chain.pem", "leaf.spki", leaf_names, now + 91 * DAY, "the certificate has expired at 20");
	assert_int_equal(check("chain.pem", "leaf.spki", leaf_names, now - 3000, &e), 0);
	expect_fault("chain.pem", "leaf.spki", leaf_names, now - 4000, "not valid before 20");

	SH("cat leaf.pem mid.pem leaf.pem >c.pem");
	expect_fault("c.pem", "leaf.spki", leaf_names, now,
		     "certificate 2 of the chain is not signed by certificate 3: the issuer named in the one");
	/* another CA of the same name: names fit, the signature does not */
	SH("openssl req -new -key other.key -subj '/O=Test/CN=Middle' | openssl x509 -req -signkey other.key -extfile "
	   "ca.ext -out m.pem");
	SH("cat leaf.pem m.pem >c.pem");
	expect_fault("c.pem", "leaf.spki", leaf_names, now, "not signed by certificate 2: the signature is wrong");
	/* the right key, but no CA */
	SH("openssl req -new -key mid.key -subj '/O=Test/CN=Middle' | openssl x509 -req -signkey mid.key -extfile "
	   "leaf.ext -out m.pem");
	SH("cat leaf.pem m.pem >c.pem");
	expect_fault("c.pem", "leaf.spki", leaf_names, now, "the latter is not a CA's certificate");
	SH("printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=digitalSignature\\n' >ku.ext");
	SH("openssl req -new -key mid.key -subj '/O=Test/CN=Middle' | openssl x509 -req -signkey mid.key -extfile "
	   "ku.ext -out m.pem");
	SH("cat leaf.pem m.pem >c.pem");
	expect_fault("c.pem", "leaf.spki", leaf_names, now, "the latter is not a CA's certificate");
	make_chain("ec -pkeyopt ec_paramgen_curve:P-256", "-sha1");
	expect_fault("chain.pem", "leaf.spki", leaf_names, now, "outdated hash function");
}

static void check_self_signed(struct key *key, const char *host, const char *in_san)
{
	_cleanup_buf_ struct buf der = BUF_INIT, spki = BUF_INIT;
	_cleanup_free_ char *text = NULL;
	char *names[] = { (char *)host, NULL };
	struct err e = { 0 };
	int64_t now = clock_now();
	struct cert c;

	assert_int_equal(cert_self_signed(key, host, &der, &e), 0);
	file_write("self.der", &der);
	SH("openssl x509 -inform DER -in self.der -out self.pem && openssl verify -check_ss_sig -x509_strict -purpose "
	   "sslserver "
	   "-partial_chain -CAfile self.pem self.pem");
	text = SH_OUT("openssl x509 -in self.pem -noout -text");
	assert_has(text, in_san);
	assert_has(text, "CA:FALSE");
	assert_has(text, "O = self-signed");
	assert_int_equal(cert_parse(&c, slice_buf(&der), &e), 0);
	assert_true(strv_eq(c.names, names));
	assert_int_equal(strlen(c.serial), 32);
	assert_true(c.serial[0] < '8');
	assert_true(c.not_before <= now - DAY + 60 && c.not_before >= now - DAY - 60);
	assert_true(c.not_after > now + 3640 * (int64_t)DAY);
	assert_string_equal(c.subject, c.issuer);
	assert_int_equal(key_spki(key, &spki, &e), 0);
	assert_true(slice_eq(slice_buf(&spki), slice_buf(&c.spki)));
	cert_release(&c);
}

static void test_self_signed(void **state)
{
	static const char long_host[] =
		"a-very-long-host-name-that-does-not-fit-into-a-common-name.department.example.org";
	_cleanup_key_ struct key *ec = key_generate(KEY_P256, NULL), *p384 = key_generate(KEY_P384, NULL),
				 *rsa = key_generate(KEY_RSA_2048, NULL);
	_cleanup_buf_ struct buf one = BUF_INIT, two = BUF_INIT;
	struct err e = { 0 };

	check_self_signed(ec, "certera.example.org", "DNS:certera.example.org");
	check_self_signed(p384, "localhost", "DNS:localhost");
	check_self_signed(rsa, "192.0.2.1", "IP Address:192.0.2.1");
	check_self_signed(ec, "2001:db8::1", "IP Address:2001:DB8:0:0:0:0:0:1");
	check_self_signed(ec, long_host, "DNS:a-very-long");
	assert_int_equal(cert_self_signed(ec, "", &one, &e), -1);
	assert_int_equal(cert_self_signed(ec, "a b", &one, &e), -1);
	assert_has(e.message, "\"a b\"");
	assert_int_equal(cert_self_signed(ec, "localhost", &one, NULL), 0);
	assert_int_equal(cert_self_signed(ec, "localhost", &two, NULL), 0);
	assert_false(slice_eq(slice_buf(&one), slice_buf(&two)));
}

/* RSA keys whose only use is that looking at their signatures takes seconds. */
static void test_long_exponent(void **state)
{
	_cleanup_chain_ struct chain chain = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	struct err e = { 0 };

	SH("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:340282366920938463463374607431768211507 -out slow.key;"
	   "openssl req -x509 -new -key slow.key -subj /CN=slow -out slow.pem -days 9;"
	   "openssl req -new -newkey rsa:2048 -nodes -keyout fast.key -subj /CN=fast -out fast.csr;"
	   "openssl x509 -req -in fast.csr -CA slow.pem -CAkey slow.key -set_serial 2 -days 9 -out fast.pem; cat fast.pem slow.pem >both.pem");
	pem = file_read("both.pem");
	assert_int_equal(chain_parse(&chain, slice_buf(&pem), &e), -1);
	assert_has(e.message, "certificate 2: the certificate is not usable: the public exponent of the RSA key has 129 bits");
}

/* SubjectPublicKeyInfo with a modulus and an exponent of these many bytes, 0xff but the last one. */
static void write_spki(const char *file, size_t modulus, size_t exponent, char last)
{
	_cleanup_buf_ struct buf number = BUF_INIT, fields = BUF_INIT, key = BUF_INIT, both = BUF_INIT, spki = BUF_INIT,
				 pem = BUF_INIT;
	const size_t sizes[] = { modulus, exponent };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		buf_clear(&number);
		for (size_t n = 1; n < sizes[i]; n++)
			buf_add_ch(&number, (char)0xff);
		buf_add_ch(&number, i ? last : 1);
		der_put_uint(&fields, slice_buf(&number));
	}
	der_put(&key, DER_SEQUENCE, slice_buf(&fields));
	der_put_algorithm(&both, DER_BYTES(MBEDTLS_OID_PKCS1_RSA), DER_BYTES("\x05\x00"));
	der_put_bits(&both, slice_buf(&key));
	der_put(&spki, DER_SEQUENCE, slice_buf(&both));
	spki_pem(slice_buf(&spki), &pem);
	file_write(file, &pem);
}

/* Certificates with keys that nobody has but to make others calculate: shown, never used. */
static void test_absurd_keys(void **state)
{
	static const struct {
		size_t modulus, exponent;
		char last;
		const char *says;	/* NULL: nothing is wrong with it */
	} rows[] = {
		{ 1024, 3, 1, NULL }, { 1025, 3, 1, "the RSA key has 8200 bits; at most 8192 can be used here" },
		{ 2500, 3, 1, "the RSA key has 20000 bits; at most 8192 can be used here" },
		{ 256, 9, 1, "the public exponent of the RSA key has 72 bits; at most 64 are sensible" },
		{ 256, 8, 1, NULL }, { 256, 3, 2, "the RSA key is none: its modulus or its public exponent is even" },
	};

	SH("openssl req -x509 -newkey rsa:2048 -nodes -keyout a.key -subj /CN=a -out a.pem; "
	   "openssl req -new -key a.key -subj /CN=odd -out odd.csr");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct buf der = BUF_INIT;
		struct err e = { 0 };
		struct cert c;

		write_spki("odd.pub", rows[i].modulus, rows[i].exponent, rows[i].last);
		SH("openssl x509 -req -in odd.csr -CA a.pem -CAkey a.key -set_serial 7 -force_pubkey odd.pub -outform DER -out odd.der");
		der = file_read("odd.der");
		assert_int_equal(cert_look(&c, slice_buf(&der), &e), 0);
		assert_string_equal(c.subject, "CN=odd");
		if (rows[i].says)
			assert_string_equal(c.unusable, rows[i].says);
		else
			assert_null(c.unusable);
		cert_release(&c);
		assert_int_equal(cert_parse(&c, slice_buf(&der), &e), rows[i].says ? -1 : 0);
		cert_release(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),           cmocka_unit_test(test_ari),
		cmocka_unit_test(test_odd_certificates), cmocka_unit_test(test_name_text),
		cmocka_unit_test(test_cert_refusals),    cmocka_unit_test(test_chain_parse),
		cmocka_unit_test(test_check_algorithms), cmocka_unit_test(test_check_faults),
		cmocka_unit_test(test_self_signed),      cmocka_unit_test(test_long_exponent),
		cmocka_unit_test(test_absurd_keys),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, directory_make, directory_remove);
}
