#include "pki/rsa.h"

#include <mbedtls/oid.h>

#include "pki/der.h"

static bool is_odd(struct slice number)
{
	return number.len && ((const unsigned char *)number.data)[number.len - 1] & 1;
}

int rsa_check(struct slice n, struct slice exponent, struct err *e)
{
	if (der_bits(n) > RSA_BITS_MOST)
		return err_set(e, ERR_INVALID, "the RSA key has %zu bits; at most %d can be used here", der_bits(n),
			       RSA_BITS_MOST);
	if (der_bits(exponent) > RSA_EXPONENT_MOST)
		return err_set(e, ERR_INVALID,
			       "the public exponent of the RSA key has %zu bits; at most %d are sensible",
			       der_bits(exponent), RSA_EXPONENT_MOST);
	if (!is_odd(n) || !is_odd(exponent))
		return err_set(e, ERR_INVALID, "the RSA key is none: its modulus or its public exponent is even");
	return 0;
}

int rsa_check_spki(struct slice spki, struct err *e)
{
	struct slice body, algorithm, oid, bits, fields, n, exponent;

	if (!der_take(&spki, DER_SEQUENCE, &body, NULL) || !der_take(&body, DER_SEQUENCE, &algorithm, NULL) ||
	    !der_take(&algorithm, DER_OID, &oid, NULL) || !slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS1_RSA)))
		return 0;
	if (!der_take_bits(&body, &bits) || !der_take(&bits, DER_SEQUENCE, &fields, NULL) ||
	    !der_take_uint(&fields, &n) || !der_take_uint(&fields, &exponent))
		return err_set(e, ERR_INVALID, "the RSA public key cannot be read");
	return rsa_check(n, exponent, e);
}
