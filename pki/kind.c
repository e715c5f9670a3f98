#include "pki/kind.h"

#include <mbedtls/oid.h>

#include "pki/der.h"

static const struct {
	struct slice oid;
	const char *name;
} kinds[] = {
#define KIND(oid, name) { DER_BYTES(oid), name },
#include "pki/kind.def"
#undef KIND
};

static mbedtls_asn1_buf asn1(struct slice oid)
{
	return (mbedtls_asn1_buf){ .tag = DER_OID, .len = oid.len, .p = (unsigned char *)oid.data };
}

char *kind_name(struct slice oid)
{
	mbedtls_asn1_buf raw = asn1(oid);
	char dotted[128];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (slice_eq(oid, kinds[i].oid))
			return xstrdup(kinds[i].name);
	if (mbedtls_oid_get_numeric_string(dotted, sizeof(dotted), &raw) < 0)
		return xstrdup("unknown");
	return xstrdup(dotted);
}

char *kind_of_pkcs8(struct slice der)
{
	struct slice body, algorithm, oid;

	if (!der_take(&der, DER_SEQUENCE, &body, NULL) || !der_take(&body, DER_INTEGER, NULL, NULL) ||
	    !der_take(&body, DER_SEQUENCE, &algorithm, NULL) || !der_take(&algorithm, DER_OID, &oid, NULL) ||
	    der_tag(body) != DER_OCTETS || slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS1_RSA)) ||
	    slice_eq(oid, DER_BYTES(MBEDTLS_OID_EC_ALG_UNRESTRICTED)))
		return NULL;
	return kind_name(oid);
}

char *kind_of_signature(struct slice oid)
{
	mbedtls_asn1_buf raw = asn1(oid);
	const char *text;

	return mbedtls_oid_get_sig_alg_desc(&raw, &text) ? kind_name(oid) : xstrdup(text);
}
