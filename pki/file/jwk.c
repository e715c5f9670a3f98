#include "pki/file/jwk.h"

#include <mbedtls/oid.h>

#include "base/encode.h"
#include "base/json.h"
#include "pki/der.h"

static const char zero[] = { 0 }, one[] = { 1 };

static const struct jwk_curve {
	const char *crv;
	struct slice oid;
	size_t width;
} curves[] = {
	{ "P-256", DER_BYTES(MBEDTLS_OID_EC_GRP_SECP256R1), 32 },
	{ "P-384", DER_BYTES(MBEDTLS_OID_EC_GRP_SECP384R1), 48 },
	{ "P-521", DER_BYTES(MBEDTLS_OID_EC_GRP_SECP521R1), 66 },
};

bool jwk_is(struct slice in)
{
	const char *p = in.data;
	size_t i = 0;

	while (i < in.len && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' || p[i] == '\n'))
		i++;
	return i < in.len && p[i] == '{';
}

/* The value of a member, decoded, as far as it is base64url at all. */
static int take(const json_t *jwk, const char *member, struct buf *out, struct err *e)
{
	const char *text = json_str(jwk, member);

	if (!text || base64url_decode(out, text, strlen(text)) < 0 || !out->len)
		return err_set(e, ERR_INVALID,
			       "the JWK has no private key that can be read: its member \"%s\" is missing or damaged",
			       member);
	return 0;
}

/* RSAPrivateKey (RFC 8017 appendix A.1.2). */
static int put_rsa(const json_t *jwk, struct buf *der, struct err *e)
{
	static const char *const numbers[] = { "n", "e", "d", "p", "q", "dp", "dq", "qi" };
	_cleanup_buf_wipe_ struct buf fields = BUF_INIT;

	der_put(&fields, DER_INTEGER, slice(zero, 1));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		_cleanup_buf_wipe_ struct buf number = BUF_INIT;

		if (take(jwk, numbers[i], &number, e) < 0)
			return -1;
		der_put_uint(&fields, slice_buf(&number));
	}
	der_put(der, DER_SEQUENCE, slice_buf(&fields));
	return 0;
}

/* With zeros in front, for those that leave them out. */
static void put_wide(struct buf *out, const struct buf *number, size_t width)
{
	for (size_t i = number->len; i < width; i++)
		buf_add_ch(out, 0);
	buf_add(out, number->data, number->len);
}

static void put_tagged(struct buf *out, int n, const struct buf *content)
{
	der_put(out, DER_TAGGED_LIST(n), slice_buf(content));
}

/* ECPrivateKey (RFC 5915 section 3). */
static int put_ec(const json_t *jwk, const struct jwk_curve *curve, struct buf *der, struct err *e)
{
	_cleanup_buf_wipe_ struct buf fields = BUF_INIT, d = BUF_INIT, wide = BUF_INIT;
	_cleanup_buf_ struct buf x = BUF_INIT, y = BUF_INIT, point = BUF_INIT, oid = BUF_INIT, bits = BUF_INIT;

	if (take(jwk, "d", &d, e) < 0 || take(jwk, "x", &x, e) < 0 || take(jwk, "y", &y, e) < 0)
		return -1;
	if (MAX(d.len, MAX(x.len, y.len)) > curve->width)
		return err_set(e, ERR_INVALID, "the JWK is damaged: its numbers do not fit its curve %s", curve->crv);
	put_wide(&wide, &d, curve->width);
	buf_add_ch(&point, 4);
	put_wide(&point, &x, curve->width);
	put_wide(&point, &y, curve->width);
	der_put(&fields, DER_INTEGER, slice(one, 1));
	der_put(&fields, DER_OCTETS, slice_buf(&wide));
	der_put(&oid, DER_OID, curve->oid);
	put_tagged(&fields, 0, &oid);
	der_put_bits(&bits, slice_buf(&point));
	put_tagged(&fields, 1, &bits);
	der_put(der, DER_SEQUENCE, slice_buf(&fields));
	return 0;
}

static int put_key(const json_t *jwk, struct buf *der, struct err *e)
{
	const char *kty = json_str(jwk, "kty"), *crv = json_str(jwk, "crv");

	if (str_eq(kty, "RSA"))
		return put_rsa(jwk, der, e);
	for (size_t i = 0; str_eq(kty, "EC") && i < ARRAY_SIZE(curves); i++)
		if (str_eq(crv, curves[i].crv))
			return put_ec(jwk, &curves[i], der, e);
	return err_set(e, ERR_INVALID, "the JWK is neither an RSA key nor an EC key on P-256, P-384 or P-521");
}

static void wipe_values(json_t *jwk)
{
	const char *member;
	json_t *value;

	json_object_foreach (jwk, member, value)
		if (json_is_string(value))
			wipe((char *)json_string_value(value), json_string_length(value));
}

int jwk_private(struct slice in, struct buf *der, struct err *e)
{
	_cleanup_json_ json_t *jwk = json_read(in.data, in.len, e);
	int result;

	if (!jwk)
		return err_prefix(e, "reading a JWK");
	result = put_key(jwk, der, e);
	wipe_values(jwk);
	return result;
}
