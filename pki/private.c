#include "pki/private.h"

#include <mbedtls/oid.h>

#include "pki/der.h"
#include "pki/file/pem.h"
#include "pki/file/pkcs8.h"
#include "pki/kind.h"
#include "pki/rsa.h"

#define RSA_NUMBERS 8	/* n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p */

/* The fields of RSAPrivateKey (RFC 8017 appendix A.1.2) behind the version. */
static int look_at_rsa(struct slice fields, struct err *e)
{
	struct slice number[RSA_NUMBERS];

	for (size_t i = 0; i < RSA_NUMBERS; i++)
		if (!der_take_uint(&fields, &number[i]))
			return 0;
	if (rsa_check(number[0], number[1], e) < 0)
		return -1;
	for (size_t i = 2; i < RSA_NUMBERS; i++)
		if (number[i].len > number[0].len)
			return err_set(e, ERR_INVALID, "the private key is damaged: a number in it is too long");
	return 1;
}

static int look_at_pkcs8(struct slice der, struct slice fields, struct err *e)
{
	_cleanup_free_ char *kind = kind_of_pkcs8(der);
	struct slice algorithm, oid, inner;

	if (kind) {
		err_set(e, ERR_INVALID, "the private key is %s; RSA and EC keys can be used here", kind);
		return err_hint(e, "Make a key of type p256 or rsa2048, and a certificate for it.");
	}
	if (!der_take(&fields, DER_SEQUENCE, &algorithm, NULL) || !der_take(&algorithm, DER_OID, &oid, NULL) ||
	    !der_take(&fields, DER_OCTETS, &inner, NULL))
		return 0;
	if (!slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS1_RSA)))
		return 1;
	if (!der_take(&inner, DER_SEQUENCE, &inner, NULL) || !der_take(&inner, DER_INTEGER, NULL, NULL))
		return 0;
	return look_at_rsa(inner, e);
}

int private_look(struct slice der, struct slice *key, struct err *e)
{
	struct slice fields;

	if (!der_take(&der, DER_SEQUENCE, &fields, key) || pem_is(*key) || !der_take(&fields, DER_INTEGER, NULL, NULL))
		return 0;
	switch (der_tag(fields)) {
	case DER_SEQUENCE:
		return look_at_pkcs8(*key, fields, e);
	case DER_INTEGER:
		return look_at_rsa(fields, e);
	case DER_OCTETS:	/* SEC1 (RFC 5915) */
		return 1;
	default:
		return 0;
	}
}

bool private_is(struct slice der)
{
	struct slice fields;

	if (pkcs8_is_encrypted(der))
		return true;
	return der_take(&der, DER_SEQUENCE, &fields, NULL) && der_tag(fields) == DER_INTEGER;
}
