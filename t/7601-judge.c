/* What is said of chains that are good, and of those that are bad in one way or in several. */
#include "pki/trust/judge.h"

#include "base/clock.h"
#include "t/lib/chain.h"

#define DAY 86400

static struct trust *trust_read(const char *name)
{
	_cleanup_buf_ struct buf pem = file_read(name);
	struct trust *trust = trust_new(slice_buf(&pem), NULL);

	assert_non_null(trust);
	return trust;
}

/* The worst fault of the chain in `file`, for `host`, `days` from now; says: what is in its sentence. */
static void check_again(struct trust *trust, const char *file, const char *host, int days, enum fault fault, const char *says)
{
	_cleanup_chain_ struct chain chain = chain_read(file);
	struct judgement j;
	enum fault worst;

	judge_chain(&j, trust, &chain, host, clock_now() + days * (int64_t)DAY);
	worst = judgement_worst(&j);
	if (worst != fault)
		fail_msg("%s for %s: %s (%s)", file, host, worst == FAULTS ? "nothing" : fault_word(worst), worst == FAULTS ? "" : j.says[worst]);
	if (says && !strstr(j.says[fault], says))
		fail_msg("%s for %s: \"%s\" lacks \"%s\"", file, host, j.says[fault], says);
	judgement_release(&j);
}

static void check(const char *roots, const char *file, const char *host, int days, enum fault fault, const char *says)
{
	struct trust *trust = trust_read(roots);

	check_again(trust, file, host, days, fault, says);
	trust_free(trust);
}

static void test_chains(void **state)
{
	check("root.pem", "ec-chain1.pem", "shop.example", 0, FAULTS, NULL);
	check("root.pem", "rsa-chain5.pem", "www.shop.example", 0, FAULTS, NULL);
	check("root.pem", "ec-chain1.pem", "a.shop.example", 0, FAULT_wrong_name, "not for a.shop.example, but for shop.example, www.shop.example");
	check("root.pem", "ec-chain1.pem", "shop.example", 98, FAULT_expired, "expired");
	check("root.pem", "ec-chain1.pem", "shop.example", -1, FAULT_not_yet, "not valid before");
	check("root.pem", "ec2.pem", "shop.example", 0, FAULT_incomplete, "of \"ca2\", which issued it");
	SH("cat ec4.pem ca4.pem ca3.pem >gap.pem");
	check("root.pem", "gap.pem", "shop.example", 0, FAULT_incomplete, "of \"ca2\", which issued ca3");
	SH("cat ec4.pem ca1.pem ca3.pem ca2.pem ca4.pem >mixed.pem");
	check("root.pem", "mixed.pem", "shop.example", 0, FAULTS, NULL);	/* any order will do */
	SH("cat ec1.pem ca1.pem root.pem >with-root.pem");
	check("root.pem", "with-root.pem", "shop.example", 0, FAULTS, NULL);
	check("ca4.pem", "with-root.pem", "shop.example", 0, FAULT_untrusted, "\"root\" is not trusted");
}

static void make(const char *name, const char *key, const char *extensions, const char *digest)
{
	SH("openssl req -new -newkey %s -nodes -keyout %s.key -subj /CN=%s -out %s.csr && printf '%s\\n' >%s.ext && "
	   "openssl x509 -req -in %s.csr -CA ca1.pem -CAkey ca1.key -CAcreateserial -days 30 %s -extfile %s.ext -out %s.pem && "
	   "cat ca1.pem >>%s.pem",
	   key, name, name, name, extensions, name, name, digest, name, name, name);
}

#define EC "ec -pkeyopt ec_paramgen_curve:P-256"
#define SAN "subjectAltName=DNS:shop.example"

static void test_leaves(void **state)
{
	make("rsa1024", "rsa:1024", SAN, "-sha256");
	check("root.pem", "rsa1024.pem", "shop.example", 0, FAULT_weak_key, "Its key is too weak: 1024 bits");
	make("sha1", EC, SAN, "-sha1");
	check("root.pem", "sha1.pem", "shop.example", 0, FAULT_weak_signature, "It is signed with an outdated hash function");
	make("client", EC, SAN "\\nextendedKeyUsage=clientAuth", "-sha256");
	check("root.pem", "client.pem", "shop.example", 0, FAULT_no_server, "not for servers");
	make("cn", EC, "keyUsage=digitalSignature", "-sha256");
	check("root.pem", "cn.pem", "cn", 0, FAULT_wrong_name, "no subjectAltName");
	make("wild", EC, "subjectAltName=DNS:*.shop.example,IP:192.0.2.1", "-sha256");
	check("root.pem", "wild.pem", "a.shop.example", 0, FAULTS, NULL);
	check("root.pem", "wild.pem", "192.0.2.1", 0, FAULTS, NULL);
	check("root.pem", "wild.pem", "shop.example", 0, FAULT_wrong_name, NULL);
	check("root.pem", "wild.pem", "a.b.shop.example", 0, FAULT_wrong_name, NULL);
	check("root.pem", "wild.pem", "192.0.2.2", 0, FAULT_wrong_name, NULL);
	make("text-ip", EC, "subjectAltName=DNS:192.0.2.1", "-sha256");
	check("root.pem", "text-ip.pem", "192.0.2.1", 0, FAULT_wrong_name, NULL);	/* an address is no name */
	SH("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout self.key -out self.pem -days 9 -subj /CN=self "
	   "-addext " SAN);
	check("root.pem", "self.pem", "shop.example", 0, FAULT_self_signed, "no CA issued it");
	check("self.pem", "self.pem", "shop.example", 0, FAULTS, NULL);		/* unless it is trusted by itself */
}

/* A CA of the same name with another key has signed nothing of it. */
static void test_broken(void **state)
{
	SH("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout fake.key -out fake.pem -days 9 "
	   "-subj /O=Test/CN=ca1 -addext keyUsage=critical,keyCertSign; cat ec1.pem fake.pem >broken.pem");
	check("root.pem", "broken.pem", "shop.example", 0, FAULT_bad_chain, "\"ca1\" has not signed \"shop.example\"");
}

/* One of the same name, with a key of its own. */
#define FAKE(issuer) \
	"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " issuer "-fake.key -out " issuer "-fake.pem -days 9 " \
	"-subj /O=Test/CN=" issuer " -addext keyUsage=critical,keyCertSign; "

/* What was found good is not verified again; that makes nothing else good. */
static void test_known(void **state)
{
	struct trust *trust = trust_read("root.pem");

	for (int i = 0; i < 2; i++) {
		check_again(trust, "ec-chain1.pem", "shop.example", 0, FAULTS, NULL);
		check_again(trust, "ec-chain1.pem", "shop.example", 98, FAULT_expired, "expired");
		check_again(trust, "ec-chain1.pem", "other.example", 0, FAULT_wrong_name, "not for other.example");
	}
	make("second", EC, SAN, "-sha256");	/* a leaf of the same issuer, which is known by now */
	check_again(trust, "second.pem", "shop.example", 0, FAULTS, NULL);
	make("old-hash", EC, SAN, "-sha1");
	check_again(trust, "old-hash.pem", "shop.example", 0, FAULT_weak_signature, "outdated");
	SH(FAKE("ca1") "openssl x509 -req -in second.csr -CA ca1-fake.pem -CAkey ca1-fake.key -CAcreateserial -days 9 -extfile second.ext "
	   "-out forged.pem && cat ca1.pem >>forged.pem && cp forged.pem forged-fake.pem && cat ca1-fake.pem >>forged-fake.pem");
	check_again(trust, "forged.pem", "shop.example", 0, FAULT_bad_chain, "has not signed");
	check_again(trust, "forged-fake.pem", "shop.example", 0, FAULT_bad_chain, NULL);
	trust_free(trust);
}

/* A certificate that has only the name of the root, which is not used for the first, proves nothing for the second. */
static void test_a_name_is_not_known(void **state)
{
	struct trust *trust = trust_read("root.pem");

	make("leaf", EC, SAN, "-sha256");
	SH(FAKE("root") "openssl x509 -req -in leaf.csr -CA root.pem -CAkey ca0.key -CAcreateserial -days 9 -extfile leaf.ext -out direct.pem && "
	   "openssl x509 -req -in leaf.csr -CA root-fake.pem -CAkey root-fake.key -CAcreateserial -days 9 -extfile leaf.ext -out evil.pem && "
	   "cat root-fake.pem >>direct.pem && cat root-fake.pem >>evil.pem");
	check_again(trust, "direct.pem", "shop.example", 0, FAULTS, NULL);
	check_again(trust, "evil.pem", "shop.example", 0, FAULT_untrusted, NULL);
	trust_free(trust);
}

/* Everything that is wrong is found; the worst is said first. */
static void test_several(void **state)
{
	struct trust *trust = trust_read("root.pem");
	_cleanup_chain_ struct chain chain = chain_read("ec3.pem");
	struct judgement j;

	judge_chain(&j, trust, &chain, "other.example", clock_now() + 200 * (int64_t)DAY);
	assert_int_equal(judgement_worst(&j), FAULT_expired);
	assert_non_null(j.says[FAULT_wrong_name]);
	assert_non_null(j.says[FAULT_incomplete]);
	assert_null(j.says[FAULT_self_signed]);
	judgement_release(&j);
	trust_free(trust);
}

static void test_trust(void **state)
{
	struct err e = { 0 };

	assert_null(trust_new(slice_str("nothing"), &e));
	assert_non_null(strstr(e.message, "no root certificate"));
	SH("printf -- 'some words\\n-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n' >odd.pem; "
	   "cat odd.pem root.pem ca.csr >mixed-roots.pem");
	check("mixed-roots.pem", "ec-chain1.pem", "shop.example", 0, FAULTS, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains), cmocka_unit_test(test_leaves), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_several), cmocka_unit_test(test_trust), cmocka_unit_test(test_known),
		cmocka_unit_test(test_a_name_is_not_known),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, chains_make, directory_remove);
}
