#include "pki/file/pkcs8.h"

#include <mbedtls/oid.h>

#include "pki/der.h"

static const char zero[] = { 0 }, one[] = { 1 };

static void put_info(struct buf *out, const struct buf *algorithm, struct slice key)
{
	_cleanup_buf_wipe_ struct buf body = BUF_INIT;

	der_put(&body, DER_INTEGER, slice(zero, 1));
	buf_add(&body, algorithm->data, algorithm->len);
	der_put(&body, DER_OCTETS, key);
	der_put(out, DER_SEQUENCE, slice_buf(&body));
}

/* The curve moves from the key's [0] into the algorithm, where PKCS#8 wants it (RFC 5915 section 3). */
static bool wrap_ec(struct buf *out, struct slice body)
{
	_cleanup_buf_ struct buf algorithm = BUF_INIT;
	_cleanup_buf_wipe_ struct buf fields = BUF_INIT, key = BUF_INIT;
	struct slice scalar, curve, point = { NULL, 0 };

	if (!der_take(&body, DER_OCTETS, &scalar, NULL) || !der_take(&body, DER_TAGGED_LIST(0), &curve, NULL))
		return false;
	der_take(&body, DER_TAGGED_LIST(1), NULL, &point);
	der_put_algorithm(&algorithm, DER_BYTES(MBEDTLS_OID_EC_ALG_UNRESTRICTED), curve);
	der_put(&fields, DER_INTEGER, slice(one, 1));
	der_put(&fields, DER_OCTETS, scalar);
	buf_add(&fields, point.data, point.len);
	der_put(&key, DER_SEQUENCE, slice_buf(&fields));
	put_info(out, &algorithm, slice_buf(&key));
	return true;
}

bool pkcs8_wrap(struct buf *out, struct slice traditional)
{
	struct slice in = traditional, body, version;

	if (!der_take(&in, DER_SEQUENCE, &body, NULL) || !der_take(&body, DER_INTEGER, &version, NULL))
		return false;
	if (slice_eq(version, slice(one, 1)))
		return wrap_ec(out, body);

	_cleanup_buf_ struct buf algorithm = BUF_INIT;
	der_put_algorithm(&algorithm, DER_BYTES(MBEDTLS_OID_PKCS1_RSA), DER_BYTES("\x05\x00"));
	put_info(out, &algorithm, traditional);
	return true;
}

bool pkcs8_is_encrypted(struct slice der)
{
	struct slice body;

	return der_take(&der, DER_SEQUENCE, &body, NULL) && der_take(&body, DER_SEQUENCE, NULL, NULL) &&
	       der_tag(body) == DER_OCTETS;
}

int pkcs8_decrypt(struct slice der, const char *password, struct buf *out, struct err *e)
{
	_cleanup_pbe_password_ struct pbe_password word = { 0 };
	struct slice body, algorithm, secret;

	if (!der_take(&der, DER_SEQUENCE, &body, NULL) || !der_take(&body, DER_SEQUENCE, NULL, &algorithm) ||
	    !der_take(&body, DER_OCTETS, &secret, NULL))
		return 0;
	if (pbe_password_init(&word, password, e) < 0)
		return -1;
	return pbe_decrypt(algorithm, secret, &word, out, e);
}

int pkcs8_encrypt(struct slice der, const char *password, struct buf *out, struct err *e)
{
	_cleanup_pbe_password_ struct pbe_password word = { 0 };

	return pbe_password_init(&word, password, e) < 0 ? -1 : pkcs8_encrypt_as(PBE_AES256, der, &word, out, e);
}

int pkcs8_encrypt_as(enum pbe_scheme scheme, struct slice der, const struct pbe_password *password, struct buf *out,
		     struct err *e)
{
	_cleanup_buf_ struct buf body = BUF_INIT, secret = BUF_INIT;

	if (pbe_encrypt(scheme, password, der, &body, &secret, e) < 0)
		return -1;
	der_put(&body, DER_OCTETS, slice_buf(&secret));
	der_put(out, DER_SEQUENCE, slice_buf(&body));
	return 0;
}
