#include "pki/signed.h"

#include <mbedtls/oid.h>
#include <time.h>

#include "pki/der.h"
#include "pki/mbed.h"
#include "pki/rsa.h"
#include "pki/x509.h"

bool signed_read(struct signed_thing *s, struct slice der)
{
	struct slice algorithm;

	*s = (struct signed_thing){ .body = { NULL, 0 } };
	if (!der_take(&der, DER_SEQUENCE, &s->rest, NULL) || der.len ||
	    !der_take(&s->rest, DER_SEQUENCE, &s->body, &s->whole_body) ||
	    !der_take(&s->rest, DER_SEQUENCE, &algorithm, NULL) || !der_take(&algorithm, DER_OID, &s->algorithm, NULL))
		return false;
	return der_take_bits(&s->rest, &s->signature);
}

int signed_verify(const struct signed_thing *s, struct slice spki, struct err *e)
{
	mbedtls_asn1_buf oid = { .tag = DER_OID, .len = s->algorithm.len, .p = (unsigned char *)s->algorithm.data };
	struct x509_signature signature = { .body = s->whole_body, .value = s->signature };
	unsigned char *start = (unsigned char *)spki.data;
	mbedtls_pk_context pk;
	int ret;

	if (mbedtls_oid_get_sig_alg(&oid, &signature.md, &signature.pk) || signature.pk == MBEDTLS_PK_RSASSA_PSS)
		return err_set(e, ERR_INVALID, "it is signed with an algorithm that is not read here");
	if (rsa_check_spki(spki, e) < 0)
		return err_prefix(e, "the signer's public key");
	mbedtls_pk_init(&pk);
	ret = mbedtls_pk_parse_subpubkey(&start, start + spki.len, &pk);
	if (ret)
		ret = mbed_err(e, ERR_INVALID, "the signer's public key cannot be read", ret);
	else
		ret = x509_verify(&signature, &pk, e);
	mbedtls_pk_free(&pk);
	return ret;
}

bool signed_take_time(struct slice *in, int64_t *t)
{
	struct slice rest = *in, value;
	int tag = der_tag(rest);
	char text[16] = "";
	struct tm tm = { 0 };
	const char *end;

	if ((tag != DER_TIME && tag != DER_UTC_TIME) || !der_take(&rest, tag, &value, NULL) ||
	    value.len != (tag == DER_TIME ? 15 : 13))
		return false;
	if (tag == DER_TIME)
		memcpy(text, value.data, 15);
	else	/* two digits: 1950 to 2049 */
		snprintf(text, sizeof(text), "%s%.13s", ((const char *)value.data)[0] < '5' ? "20" : "19",
			 (const char *)value.data);
	for (size_t i = 0; i < 14; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	end = strptime(text, "%Y%m%d%H%M%SZ", &tm);
	if (!end || *end)
		return false;
	*t = timegm(&tm);
	*in = rest;
	return true;
}

static bool read_validity(struct slice in, struct signed_cert *c)
{
	return signed_take_time(&in, &c->not_before) && signed_take_time(&in, &c->not_after);
}

bool signed_cert_read(struct signed_cert *c, struct slice der)
{
	struct signed_thing s;
	struct slice body, validity, key;

	*c = (struct signed_cert){ .serial = { NULL, 0 } };
	if (!signed_read(&s, der))
		return false;
	body = s.body;
	der_take(&body, DER_TAGGED_LIST(0), NULL, NULL);	/* the version */
	if (!der_take(&body, DER_INTEGER, NULL, &c->serial) || !der_take(&body, DER_SEQUENCE, NULL, NULL) ||
	    !der_take(&body, DER_SEQUENCE, NULL, &c->issuer) || !der_take(&body, DER_SEQUENCE, &validity, NULL) ||
	    !read_validity(validity, c) || !der_take(&body, DER_SEQUENCE, NULL, &c->subject) ||
	    !der_take(&body, DER_SEQUENCE, &key, &c->spki) || !der_take(&key, DER_SEQUENCE, NULL, NULL) ||
	    !der_take_bits(&key, &c->public_key))
		return false;
	der_take(&body, DER_TAGGED(1), NULL, NULL);	/* unique ids, which nobody has */
	der_take(&body, DER_TAGGED(2), NULL, NULL);
	der_take(&body, DER_TAGGED_LIST(3), &c->extensions, NULL);
	return !body.len;
}

const char *signed_reason(unsigned int number)
{
	static const char *const reasons[] = {
		"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded",
		"cessationOfOperation", "certificateHold", NULL, "removeFromCRL", "privilegeWithdrawn", "aACompromise",
	};

	return number < ARRAY_SIZE(reasons) ? reasons[number] : NULL;
}
