#include "pki/key.h"

#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <pthread.h>

#include "base/encode.h"
#include "pki/der.h"
#include "pki/file/pkcs8.h"
#include "t/lib/pki.h"

static struct key *parse_file(const char *name, const char *password, struct err *e)
{
	_cleanup_buf_ struct buf text = file_read(name);

	return key_parse(slice_buf(&text), password, e);
}

/* The file must hold the private key whose public key is in the DER file "pub". */
static void expect_key(const char *name, const char *password)
{
	_cleanup_buf_ struct buf expected = file_read("pub"), spki = BUF_INIT;
	struct err e = { 0 };
	_cleanup_key_ struct key *key = parse_file(name, password, &e);

	if (!key)
		fail_msg("%s: %s", name, e.message);
	assert_int_equal(key_spki(key, &spki, NULL), 0);
	assert_true(slice_eq(slice_buf(&expected), slice_buf(&spki)));
}

static void expect_refusal(const char *name, const char *password, const char *sentence)
{
	struct err e = { 0 };
	_cleanup_key_ struct key *key = parse_file(name, password, &e);

	assert_null(key);
	assert_int_equal(e.kind, ERR_INVALID);
	assert_has(e.message, sentence);
}

static void test_words(void **state)
{
	enum key_type type;
	struct err e = { 0 };

	for (size_t i = 0; i < KEY_TYPES; i++) {
		assert_int_equal(key_type_by_word(key_type_word((enum key_type)i), &type, &e), 0);
		assert_int_equal(type, i);
	}
	assert_string_equal(key_type_text(KEY_P256), "ECDSA P-256");
	assert_true(key_type_makeable(KEY_RSA_4096));
	assert_false(key_type_makeable(KEY_P521));
	assert_int_equal(key_type_by_word("dsa", &type, &e), -1);
	assert_string_equal(e.message, "\"dsa\" is no type of key; there are rsa2048, rsa3072, rsa4096, p256, p384");
	assert_null(key_generate(KEY_P521, &e));
	assert_has(e.message, "p521");
}

/* What was written here is read again without being judged: the same key, which signs; what is cut is refused. */
static void expect_reopen(const struct key *key, struct slice der)
{
	_cleanup_buf_ struct buf spki = BUF_INIT, spki2 = BUF_INIT, signature = BUF_INIT;
	struct err e = { 0 };
	_cleanup_key_ struct key *again = key_reopen(der, &e);

	assert_non_null(again);
	assert_int_equal(key_type_of(again), key_type_of(key));
	assert_int_equal(key_spki(key, &spki, NULL) | key_spki(again, &spki2, NULL), 0);
	assert_true(slice_eq(slice_buf(&spki), slice_buf(&spki2)));
	assert_int_equal(key_sign(again, slice_str("text"), &signature, &e), 0);
	assert_null(key_reopen(slice(der.data, der.len / 2), &e));
}

/* openssl reads what we write, byte for byte what it writes itself, and we read it back. */
static void test_generate(void **state)
{
	for (size_t type = 0; type < KEY_TYPES; type++) {
		struct err e = { 0 };
		_cleanup_key_ struct key *key = NULL;
		_cleanup_buf_ struct buf pem = BUF_INIT, der = BUF_INIT, theirs = BUF_INIT, spki = BUF_INIT,
					 pub = BUF_INIT;
		enum key_type found;

		if (!key_type_makeable((enum key_type)type))
			continue;
		key = key_generate((enum key_type)type, &e);
		assert_non_null(key);
		assert_int_equal(key_type_of(key), type);
		assert_int_equal(key_pem(key, &pem, &e), 0);
		assert_int_equal(key_pkcs8(key, &der, &e), 0);
		assert_int_equal(key_spki(key, &spki, &e), 0);
		assert_int_equal(spki_type(slice_buf(&spki), &found, &e), 0);
		assert_int_equal(found, type);
		file_write("made.pem", &pem);
		SH("openssl pkey -in made.pem -check -noout");
		SH("openssl pkcs8 -topk8 -nocrypt -in made.pem -outform DER -out made.der");
		theirs = file_read("made.der");
		assert_true(slice_eq(slice_buf(&der), slice_buf(&theirs)));
		SH("openssl pkcs8 -topk8 -nocrypt -in made.pem | cmp - made.pem");
		SH("openssl pkey -in made.pem -pubout -outform DER -out pub");
		pub = file_read("pub");
		assert_true(slice_eq(slice_buf(&spki), slice_buf(&pub)));
		expect_key("made.pem", NULL);
		expect_key("made.der", NULL);
		expect_reopen(key, slice_buf(&der));
	}
}

static void test_import_forms(void **state)
{
	static const char *const makers[] = {
		"rsa -pkeyopt rsa_keygen_bits:2048",   "rsa -pkeyopt rsa_keygen_bits:2304",
		"ec -pkeyopt ec_paramgen_curve:P-256", "ec -pkeyopt ec_paramgen_curve:P-384",
		"ec -pkeyopt ec_paramgen_curve:P-521",
	};
	static const enum key_type types[] = { KEY_RSA_2048, KEY_RSA_ANY, KEY_P256, KEY_P384, KEY_P521 };

	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		_cleanup_key_ struct key *key = NULL;

		SH("openssl genpkey -algorithm %s -out k.pem", makers[i]);
		SH("openssl pkey -in k.pem -pubout -outform DER -out pub");
		expect_key("k.pem", NULL);
		expect_key("k.pem", "a password nobody needs");
		key = parse_file("k.pem", NULL, NULL);
		assert_int_equal(key_type_of(key), types[i]);
		SH("openssl pkey -in k.pem -traditional -out t.pem && openssl pkey -in k.pem -traditional -outform DER "
		   "-out t.der");
		expect_key("t.pem", NULL);
		expect_key("t.der", NULL);
		SH("openssl pkey -in k.pem -outform DER -out k.der");
		expect_key("k.der", NULL);
		SH("sed 's/$/\\r/' k.pem >crlf.pem");
		expect_key("crlf.pem", NULL);
		SH("openssl req -x509 -new -key k.pem -subj /CN=x -out c.pem; "
		   "{ echo Bag Attributes; cat c.pem; echo '  the key:'; cat k.pem; echo the end; } >bag.pem");
		expect_key("bag.pem", NULL);
	}
	/* EC PARAMETERS in front, as `openssl ecparam -genkey` writes it */
	SH("openssl ecparam -genkey -name prime256v1 -out k.pem && openssl pkey -in k.pem -pubout -outform DER -out "
	   "pub");
	expect_key("k.pem", NULL);
	/* without the public half */
	SH("openssl ec -in k.pem -no_public -out n.pem");
	expect_key("n.pem", NULL);
}

static void test_import_encrypted(void **state)
{
	static const char *const ways[] = {
		"pkcs8 -topk8 -in k.pem",
		"pkcs8 -topk8 -in k.pem -v2 aes-128-cbc -v2prf hmacWithSHA1",
		"pkcs8 -topk8 -in k.pem -v2 aes-192-cbc -v2prf hmacWithSHA512 -iter 10000",
		"pkcs8 -topk8 -in k.pem -v2 des3",
		"pkcs8 -topk8 -in k.pem -v1 PBE-SHA1-3DES",
		"pkey -in k.pem -traditional -aes256",
		"pkey -in k.pem -traditional -aes192",
		"pkey -in k.pem -traditional -aes128",
		"pkey -in k.pem -traditional -des3",
		"pkey -in k.pem -traditional -provider default -provider legacy -des",
	};

	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out k.pem");
	SH("openssl pkey -in k.pem -pubout -outform DER -out pub");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct err e = { 0 };

		SH("openssl %s -passout pass:s3cr3t -out e.pem", ways[i]);
		expect_key("e.pem", "s3cr3t");
		assert_null(parse_file("e.pem", NULL, &e));
		assert_string_equal(e.message, "the private key is encrypted, and no password was given");
		assert_true(*e.hint);
		assert_null(parse_file("e.pem", "", &e));
		assert_string_equal(e.message, "the private key is encrypted, and no password was given");
		assert_null(parse_file("e.pem", "wrong", &e));
		assert_string_equal(e.message, "the password of the private key is wrong");
		assert_null(strstr(e.message, "wrong pass"));
	}
	SH("openssl pkcs8 -topk8 -in k.pem -outform DER -passout pass:s3cr3t -out e.der");
	expect_key("e.der", "s3cr3t");
	expect_refusal("e.der", NULL, "no password was given");
	expect_refusal("e.der", "s3cr3", "the password of the private key is wrong");
	SH("openssl pkcs8 -topk8 -in k.pem -scrypt -passout pass:s3cr3t -out e.pem");
	expect_refusal("e.pem", "s3cr3t", "encrypted in a way that cannot be read here");
	SH("openssl pkey -in k.pem -traditional -camellia256 -passout pass:s3cr3t -out e.pem");
	expect_refusal("e.pem", "s3cr3t", "encrypted in a way that cannot be read here");
	SH("openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -aes-256-cbc -pass pass:pw -out e.pem");
	SH("openssl pkey -in e.pem -passin pass:pw -pubout -outform DER -out pub");
	expect_key("e.pem", "pw");
}

/* One in some hundred wrong passwords gets past the padding; the sentence must be the same for all. */
static void test_wrong_passwords(void **state)
{
	static const char *const ways[] = {
		"pkcs8 -topk8 -in k.pem -v2 aes-256-cbc -iter 1",
		"pkcs8 -topk8 -in k.pem -v2 des3 -iter 1",
		"pkcs8 -topk8 -in k.pem -v1 PBE-SHA1-3DES -iter 1",
		"pkey -in k.pem -traditional -aes256",
		"pkey -in k.pem -traditional -des3",
	};

	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out k.pem");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		SH("openssl %s -passout pass:s3cr3t -out e.pem", ways[i]);
		text = file_read("e.pem");
		for (int n = 0; n < 3000; n++) {
			char password[20];
			struct err e = { 0 };

			snprintf(password, sizeof(password), "wrong%d", n);
			assert_null(key_parse(slice_buf(&text), password, &e));
			assert_string_equal(e.message, "the password of the private key is wrong");
		}
	}
}

static void test_import_refusals(void **state)
{
	static const char *const openssh =
		"-----BEGIN OPENSSH PRIVATE KEY-----\\nAAAA\\n-----END OPENSSH PRIVATE KEY-----\\n";

	SH("openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024 -out k.pem");
	expect_refusal("k.pem", NULL, "the RSA key has 1024 bits; at least 2048 are needed");
	SH("openssl genpkey -algorithm ed25519 -out k.pem");
	expect_refusal("k.pem", NULL, "the private key is Ed25519; RSA and EC keys can be used here");
	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:secp256k1 -out k.pem");
	expect_refusal("k.pem", NULL, "on a curve CAs do not take");
	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out k.pem");
	SH("openssl pkey -in k.pem -pubout -out p.pem");
	expect_refusal("p.pem", NULL, "there is no private key in this text, only \"PUBLIC KEY\"");
	SH("printf -- '%s' >p.pem", openssh);
	expect_refusal("p.pem", NULL, "OpenSSH's own format");
	SH("head -n 2 k.pem >p.pem");
	expect_refusal("p.pem", NULL, "is cut off");
	SH("sed '2s/^..../!!!!/' k.pem >p.pem");
	expect_refusal("p.pem", NULL, "not base64");
	SH("sed '2s/^.\\{8\\}/AAAAAAAA/' k.pem >p.pem");
	expect_refusal("p.pem", NULL, "no RSA or EC private key");
	SH(": >p.pem");
	expect_refusal("p.pem", NULL, "neither PEM");
	SH("echo hello >p.pem");
	expect_refusal("p.pem", NULL, "neither PEM");
	SH("head -c 70000 /dev/zero | tr '\\0' 0 >p.pem");
	expect_refusal("p.pem", NULL, "not longer than 64 kB");
	/* the public half of another key: the last bytes of the DER are its Y */
	SH("openssl pkey -in k.pem -outform DER -out k.der && openssl genpkey -algorithm ec -pkeyopt "
	   "ec_paramgen_curve:P-256 "
	   "-outform DER -out o.der && { head -c -64 k.der; tail -c 64 o.der; } >p.der");
	expect_refusal("p.der", NULL, "its public half does not belong to it");
}

/* PEM is read by pem.c alone: mbedTLS takes what ends in a NUL for PEM, and old ones read beyond the end of what is short there. */
static void test_pem_inside(void **state)
{
	static const char *const bodies[] = { "", "AA==", "AAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA==" };
	_cleanup_buf_ struct buf pem = BUF_INIT, inner = BUF_INIT, secret = BUF_INIT;
	struct err e = { 0 };

	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out k.pem && "
	   "openssl pkey -in k.pem -traditional -out t.pem");
	pem = file_read("t.pem");
	buf_add_ch(&pem, 0);
	der_put(&inner, DER_SEQUENCE, slice_buf(&pem));
	for (int wrapped = 0; wrapped < 2; wrapped++) {
		buf_clear(&secret);
		assert_int_equal(pkcs8_encrypt(slice_buf(wrapped ? &inner : &pem), "pw", &secret, &e), 0);
		assert_null(key_parse(slice_buf(&secret), "pw", &e));
		assert_string_equal(e.message, "the password of the private key is wrong");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		_cleanup_free_ char *text = xasprintf("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
			"DEK-Info: AES-128-CBC,000102030405060708090A0B0C0D0E0F\n\n%s\n-----END EC PRIVATE KEY-----\n", bodies[i]);

		assert_null(key_parse(slice_str(text), "pw", &e));
	}
	assert_null(key_parse(slice_str("-----BEGIN EC PRIVATE KEY-----\nDEK-Info: AES-128-CBC,00"
					"-----END EC PRIVATE KEY-----"), "pw", &e));
	assert_null(key_parse(slice_str("-----BEGIN EC PRIVATE KEY-----\nDEK-Info:-----END EC PRIVATE KEY-----"), "pw", &e));
}

/* RSAPrivateKey with numbers of these many bytes, each 0xff but the last one. */
static void put_rsa(struct buf *out, size_t modulus, size_t exponent, size_t prime, char last)
{
	_cleanup_buf_ struct buf fields = BUF_INIT;
	const size_t sizes[] = { 0, modulus, exponent, modulus, prime, prime, prime, prime, prime };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_buf_ struct buf number = BUF_INIT;

		for (size_t n = 0; n < sizes[i]; n++)
			buf_add_ch(&number, n + 1 < sizes[i] ? (char)0xff : i == 2 ? last : (char)0xfd);
		der_put_uint(&fields, slice_buf(&number));
	}
	der_put(out, DER_SEQUENCE, slice_buf(&fields));
}

/* Keys that nobody has but to make others calculate are turned away before anything is calculated. */
static void test_absurd(void **state)
{
	static const struct {
		size_t modulus, exponent, prime;
		char last;
		const char *says;
	} rows[] = {
		{ 2500, 3, 1250, 1, "the RSA key has 20000 bits; at most 8192 can be used here" },
		{ 1025, 3, 513, 1, "the RSA key has 8200 bits; at most 8192 can be used here" },
		{ 256, 256, 128, 1, "the public exponent of the RSA key has 2048 bits" },
		{ 256, 3, 128, 0, "its public exponent is even" },
		{ 256, 3, 10000, 1, "a number in it is too long" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct buf der = BUF_INIT, wrapped = BUF_INIT;
		struct err e = { 0 };

		put_rsa(&der, rows[i].modulus, rows[i].exponent, rows[i].prime, rows[i].last);
		assert_null(key_parse(slice_buf(&der), NULL, &e));
		assert_has(e.message, rows[i].says);
		assert_true(pkcs8_wrap(&wrapped, slice_buf(&der)));
		assert_null(key_parse(slice_buf(&wrapped), NULL, &e));
		assert_has(e.message, rows[i].says);
	}
}

/* R||S as openssl wants it. */
static void add_number(struct buf *out, const char *p, size_t len)
{
	der_put_uint(out, slice(p, len));
}

static void check_signature(enum key_type type, const char *digest, size_t width)
{
	static const char text[] = "eyJhbGciOiJFUzI1NiJ9.e30";
	_cleanup_key_ struct key *key = parse_file("k.pem", NULL, NULL);
	_cleanup_buf_ struct buf data = BUF_INIT;

	assert_int_equal(key_type_of(key), type);
	buf_add_str(&data, text);
	file_write("data", &data);
	for (int i = 0; i < 3; i++) {
		_cleanup_buf_ struct buf raw = BUF_INIT, numbers = BUF_INIT, der = BUF_INIT;

		assert_int_equal(key_sign(key, slice_buf(&data), &raw, NULL), 0);
		assert_int_equal(raw.len, width);
		if (type != KEY_RSA_2048) {
			add_number(&numbers, raw.data, width / 2);
			add_number(&numbers, raw.data + width / 2, width / 2);
			der_put(&der, DER_SEQUENCE, slice_buf(&numbers));
		}
		file_write("sig", der.len ? &der : &raw);
		SH("openssl pkey -in k.pem -pubout -out p.pem && openssl dgst -%s -verify p.pem -signature sig data",
		   digest);
		assert_int_not_equal(sh("echo x >>data; openssl dgst -%s -verify p.pem -signature sig data", digest),
				     0);
		file_write("data", &data);
	}
}

static void test_sign(void **state)
{
	SH("openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out k.pem");
	check_signature(KEY_RSA_2048, "sha256", 256);
	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out k.pem");
	check_signature(KEY_P256, "sha256", 64);
	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-384 -out k.pem");
	check_signature(KEY_P384, "sha384", 96);
	SH("openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-521 -out k.pem");
	check_signature(KEY_P521, "sha512", 132);
}

/* One in 128 has an R or S with a leading zero byte: all must have the full width. */
static void test_sign_width(void **state)
{
	_cleanup_key_ struct key *key = key_generate(KEY_P256, NULL);

	for (int i = 0; i < 600; i++) {
		_cleanup_buf_ struct buf raw = BUF_INIT;

		assert_int_equal(key_sign(key, slice(&i, sizeof(i)), &raw, NULL), 0);
		assert_int_equal(raw.len, 64);
	}
}

static void *sign_often(void *arg)
{
	for (int i = 0; i < 25; i++) {
		_cleanup_buf_ struct buf raw = BUF_INIT;

		if (key_sign(arg, slice_str("data"), &raw, NULL) < 0)
			return NULL;
	}
	return arg;
}

static void test_threads(void **state)
{
	_cleanup_key_ struct key *made = key_generate(KEY_P256, NULL), *key = NULL;
	_cleanup_buf_ struct buf pem = BUF_INIT;
	pthread_t threads[4];
	void *result;

	assert_int_equal(key_pem(made, &pem, NULL), 0);
	key = key_parse(slice_buf(&pem), NULL, NULL);
	assert_non_null(key);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_often, key), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &result);
		assert_ptr_equal(result, key);
	}
}

static struct buf from_base64url(const char *text)
{
	struct buf b = BUF_INIT;

	assert_int_equal(base64url_decode(&b, text, strlen(text)), 0);
	return b;
}

#define JWK_EC(d) "{\"kty\":\"EC\", \"crv\":\"P-256\", \"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"," \
		  "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"" d "}"

/* RFC 7517 appendix A.2 */
static void test_jwk_private(void **state)
{
	static const char text[] = "\n" JWK_EC(", \"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\", \"use\":\"enc\"");
	_cleanup_key_ struct key *key = key_parse(slice_str(text), NULL, NULL);
	_cleanup_buf_ struct buf spki = BUF_INIT;
	_cleanup_free_ char *jwk = NULL;

	assert_non_null(key);
	assert_int_equal(key_spki(key, &spki, NULL), 0);
	jwk = spki_jwk(slice_buf(&spki), NULL);
	assert_string_equal(jwk, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
				 "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}");
}

static void test_jwk_private_refusals(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{ JWK_EC(""), "\"d\" is missing" },
		{ JWK_EC(", \"d\":\"AAAB\""), "public half" },
		{ JWK_EC(", \"d\":\"a b\""), "\"d\" is missing or damaged" },
		{ JWK_EC(", \"d\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""), "do not fit its curve" },
		{ "{\"kty\":\"EC\",\"crv\":\"secp256k1\"}", "neither an RSA key nor" },
		{ "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"d\":\"AQAB\"}", "\"p\" is missing" },
		{ "{\"kty\":\"oct\",\"k\":\"AQAB\"}", "neither an RSA key nor" },
		{ "{\"kty\":", "reading a JWK" },
		{ "words", "neither PEM" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };
		_cleanup_key_ struct key *key = key_parse(slice_str(rows[i].text), NULL, &e);

		assert_null(key);
		assert_int_equal(e.kind, ERR_INVALID);
		assert_has(e.message, rows[i].sentence);
	}
}

/* RFC 7638 section 3.1 */
static void test_jwk_rsa(void **state)
{
	static const char n[] = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc"
				"_BJECPebWKRXjBZCiFV4n3"
				"oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
				"FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
				"ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
				"xBniIqbw0Ls1jF44-csFCur-"
				"kEgU8awapJzKnqDKgw";
	_cleanup_free_ char *expected = xasprintf("{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"%s\"}", n);
	_cleanup_free_ char *jwk = NULL, *thumbprint = NULL;
	_cleanup_buf_ struct buf modulus = from_base64url(n), exponent = from_base64url("AQAB");
	_cleanup_buf_ struct buf numbers = BUF_INIT, key = BUF_INIT, fields = BUF_INIT, spki = BUF_INIT;

	der_put_uint(&numbers, slice_buf(&modulus));
	der_put_uint(&numbers, slice_buf(&exponent));
	der_put(&key, DER_SEQUENCE, slice_buf(&numbers));
	der_put_algorithm(&fields, DER_BYTES(MBEDTLS_OID_PKCS1_RSA), DER_BYTES("\x05\x00"));
	der_put_bits(&fields, slice_buf(&key));
	der_put(&spki, DER_SEQUENCE, slice_buf(&fields));

	jwk = spki_jwk(slice_buf(&spki), NULL);
	assert_string_equal(jwk, expected);
	thumbprint = jwk_thumbprint(jwk);
	assert_string_equal(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
	assert_string_equal(spki_jws_alg(slice_buf(&spki)), "RS256");
}

/* The key of RFC 7515 appendix A.3, from its private half alone. */
static void test_jwk_ec(void **state)
{
	_cleanup_buf_ struct buf d = from_base64url("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
	_cleanup_buf_ struct buf curve = BUF_INIT, fields = BUF_INIT, sec1 = BUF_INIT, spki = BUF_INIT;
	_cleanup_key_ struct key *key = NULL;
	_cleanup_free_ char *jwk = NULL, *thumbprint = NULL;

	der_put(&fields, DER_INTEGER, DER_BYTES("\x01"));
	der_put(&fields, DER_OCTETS, slice_buf(&d));
	der_put(&curve, DER_OID, DER_BYTES(MBEDTLS_OID_EC_GRP_SECP256R1));
	der_put(&fields, DER_TAGGED_LIST(0), slice_buf(&curve));
	der_put(&sec1, DER_SEQUENCE, slice_buf(&fields));
	key = key_parse(slice_buf(&sec1), NULL, NULL);
	assert_non_null(key);
	assert_int_equal(key_spki(key, &spki, NULL), 0);
	jwk = spki_jwk(slice_buf(&spki), NULL);
	assert_string_equal(jwk,
			    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
			    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}");
	thumbprint = jwk_thumbprint(jwk);
	assert_string_equal(thumbprint, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
	assert_string_equal(spki_jws_alg(slice_buf(&spki)), "ES256");
}

static void test_jwk_refusals(void **state)
{
	_cleanup_key_ struct key *key = key_generate(KEY_P384, NULL);
	_cleanup_buf_ struct buf spki = BUF_INIT, ed = BUF_INIT;
	struct err e = { 0 };
	_cleanup_free_ char *jwk = NULL;

	assert_int_equal(key_spki(key, &spki, NULL), 0);
	jwk = spki_jwk(slice_buf(&spki), &e);
	assert_has(jwk, "\"crv\":\"P-384\"");
	assert_string_equal(spki_jws_alg(slice_buf(&spki)), "ES384");
	for (size_t len = 0; len < spki.len; len++)
		assert_null(spki_jwk(slice(spki.data, len), &e));
	buf_add_ch(&spki, 0);
	assert_null(spki_jwk(slice_buf(&spki), &e));
	assert_has(e.message, "SubjectPublicKeyInfo");
	SH("openssl genpkey -algorithm ed25519 -out k.pem && openssl pkey -in k.pem -pubout -outform DER -out pub");
	ed = file_read("pub");
	assert_null(spki_jws_alg(slice_buf(&ed)));
	assert_null(spki_jwk(slice_buf(&ed), &e));
	assert_has(e.message, "neither RSA nor EC");
}

static void test_mbedtls(void **state)
{
	_cleanup_key_ struct key *key = key_generate(KEY_P256, NULL);

	assert_int_equal(key_ready(key, NULL), 0);
	assert_int_equal(mbedtls_pk_get_bitlen(key_mbedtls(key)), 256);
	key_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_generate),
		cmocka_unit_test(test_import_forms),
		cmocka_unit_test(test_import_encrypted),
		cmocka_unit_test(test_import_refusals),
		cmocka_unit_test(test_wrong_passwords),
		cmocka_unit_test(test_pem_inside),
		cmocka_unit_test(test_absurd),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_sign_width),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_jwk_rsa),
		cmocka_unit_test(test_jwk_private),
		cmocka_unit_test(test_jwk_private_refusals),
		cmocka_unit_test(test_jwk_ec),
		cmocka_unit_test(test_jwk_refusals),
		cmocka_unit_test(test_mbedtls),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, directory_make, directory_remove);
}
