#include "pki/key.h"

#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>

#include "base/digest.h"
#include "base/encode.h"
#include "pki/der.h"
#include "pki/kind.h"
#include "pki/rsa.h"

static const struct curve {
	enum key_type type;
	struct slice oid;
	const char *crv; /* RFC 7518 section 6.2.1.1 */
	size_t width;    /* bytes of a coordinate */
} curves[] = {
	{ KEY_P256, DER_BYTES(MBEDTLS_OID_EC_GRP_SECP256R1), "P-256", 32 },
	{ KEY_P384, DER_BYTES(MBEDTLS_OID_EC_GRP_SECP384R1), "P-384", 48 },
	{ KEY_P521, DER_BYTES(MBEDTLS_OID_EC_GRP_SECP521R1), "P-521", 66 },
};

struct public_key { /* borrowed from the DER */
	enum key_type type;
	const struct curve *curve; /* NULL: RSA */
	struct slice n, e;         /* RSA */
	struct slice x, y;         /* EC */
};

static bool read_rsa(struct slice bits, struct public_key *k)
{
	struct slice fields;

	if (!der_take(&bits, DER_SEQUENCE, &fields, NULL) || bits.len || !der_take_uint(&fields, &k->n) ||
	    !der_take_uint(&fields, &k->e) || fields.len || !k->n.len || !k->e.len)
		return false;
	switch (der_bits(k->n)) {
	case 2048:
		k->type = KEY_RSA_2048;
		break;
	case 3072:
		k->type = KEY_RSA_3072;
		break;
	case 4096:
		k->type = KEY_RSA_4096;
		break;
	default:
		k->type = KEY_RSA_ANY;
	}
	return true;
}

static bool read_point(struct slice bits, struct public_key *k)
{
	size_t width = k->curve->width;
	const char *p = bits.data;

	if (bits.len != 1 + 2 * width || p[0] != 4) /* uncompressed (SEC 1 section 2.3.3) */
		return false;
	k->x = slice(p + 1, width);
	k->y = slice(p + 1 + width, width);
	k->type = k->curve->type;
	return true;
}

static int read_public(struct slice spki, struct public_key *k, struct err *e)
{
	struct slice body, algorithm, oid, curve, bits;

	*k = (struct public_key){ 0 };
	if (!der_take(&spki, DER_SEQUENCE, &body, NULL) || spki.len ||
	    !der_take(&body, DER_SEQUENCE, &algorithm, NULL) || !der_take(&algorithm, DER_OID, &oid, NULL) ||
	    !der_take_bits(&body, &bits) || body.len)
		return err_set(e, ERR_INVALID, "the public key is no SubjectPublicKeyInfo that can be read");
	if (slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS1_RSA))) {
		if (read_rsa(bits, k))
			return 0;
		return err_set(e, ERR_INVALID, "the RSA public key cannot be read");
	}
	if (!slice_eq(oid, DER_BYTES(MBEDTLS_OID_EC_ALG_UNRESTRICTED)) || !der_take(&algorithm, DER_OID, &curve, NULL))
		return err_set(e, ERR_INVALID, "the key is neither RSA nor EC with a named curve");
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++)
		if (slice_eq(curve, curves[i].oid))
			k->curve = &curves[i];
	if (!k->curve)
		return err_set(e, ERR_INVALID, "the EC key is on a curve CAs do not take; P-256 and P-384 are taken");
	if (!read_point(bits, k))
		return err_set(e, ERR_INVALID, "the EC public key is no uncompressed point on %s", k->curve->crv);
	return 0;
}

int spki_type(struct slice spki, enum key_type *type, struct err *e)
{
	struct public_key k;

	if (read_public(spki, &k, e) < 0)
		return -1;
	*type = k.type;
	return 0;
}

int spki_check(struct slice spki, struct err *e)
{
	struct public_key k;

	if (read_public(spki, &k, e) < 0)
		return -1;
	if (k.curve)
		return 0;
	if (der_bits(k.n) >= RSA_BITS_LEAST)
		return rsa_check(k.n, k.e, e);
	err_set(e, ERR_INVALID, "the RSA key has %zu bits; at least %d are needed", der_bits(k.n), RSA_BITS_LEAST);
	return err_hint(e, "Make a new key; CAs refuse shorter ones.");
}

static char *rsa_text(const char *name, struct slice bits)
{
	struct slice fields, n;

	if (!der_take(&bits, DER_SEQUENCE, &fields, NULL) || !der_take_uint(&fields, &n))
		return xstrdup(name);
	return xasprintf("%s %zu", name, der_bits(n));
}

static char *ec_text(struct slice spki, struct slice parameters)
{
	const mbedtls_ecp_curve_info *info;
	mbedtls_ecp_group_id group;
	mbedtls_asn1_buf raw = { .tag = DER_OID };
	enum key_type type;
	struct slice curve;
	_cleanup_free_ char *name = NULL;

	if (spki_type(spki, &type, NULL) == 0)
		return xstrdup(key_type_text(type));
	if (!der_take(&parameters, DER_OID, &curve, NULL))
		return xstrdup("EC on a curve without a name");
	raw.p = (unsigned char *)curve.data;
	raw.len = curve.len;
	info = mbedtls_oid_get_ec_grp(&raw, &group) ? NULL : mbedtls_ecp_curve_info_from_grp_id(group);
	name = info ? xstrdup(info->name) : kind_name(curve);
	return xasprintf("EC %s", name);
}

char *spki_text(struct slice spki)
{
	struct slice in = spki, body, algorithm, oid, bits;
	char *name, *text;

	if (!der_take(&in, DER_SEQUENCE, &body, NULL) || !der_take(&body, DER_SEQUENCE, &algorithm, NULL) ||
	    !der_take(&algorithm, DER_OID, &oid, NULL) || !der_take_bits(&body, &bits))
		return xstrdup("unknown");
	if (slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS1_RSA)))
		return rsa_text("RSA", bits);
	if (slice_eq(oid, DER_BYTES(MBEDTLS_OID_EC_ALG_UNRESTRICTED)))
		return ec_text(spki, algorithm);
	name = kind_name(oid);
	if (!slice_eq(oid, DER_BYTES(MBEDTLS_OID_RSASSA_PSS)))
		return name;
	text = rsa_text(name, bits);
	free(name);
	return text;
}

const char *spki_jws_alg(struct slice spki)
{
	static const char *const algs[] = {
#define KEY_TYPE(type, word, alg, make, text) [KEY_##type] = alg,
#include "pki/key.def"
#undef KEY_TYPE
	};
	enum key_type type;

	return spki_type(spki, &type, NULL) < 0 ? NULL : algs[type];
}

static void add_member(struct buf *out, const char *name, struct slice value)
{
	buf_addf(out, ",\"%s\":\"", name);
	base64url_add(out, value.data, value.len);
	buf_add_ch(out, '"');
}

char *spki_jwk(struct slice spki, struct err *e)
{
	struct buf out = BUF_INIT;
	struct public_key k;

	if (read_public(spki, &k, e) < 0)
		return NULL;
	if (k.curve) {
		buf_addf(&out, "{\"crv\":\"%s\",\"kty\":\"EC\"", k.curve->crv);
		add_member(&out, "x", k.x);
		add_member(&out, "y", k.y);
	} else {
		buf_add_str(&out, "{\"e\":\"");
		base64url_add(&out, k.e.data, k.e.len);
		buf_add_str(&out, "\",\"kty\":\"RSA\"");
		add_member(&out, "n", k.n);
	}
	buf_add_ch(&out, '}');
	return buf_detach(&out);
}

char *jwk_thumbprint(const char *jwk)
{
	unsigned char hash[SHA256_SIZE];

	sha256(jwk, strlen(jwk), hash);
	return base64url_str(hash, sizeof(hash));
}

char *spki_digest(struct slice spki)
{
	_cleanup_free_ char *jwk = spki_jwk(spki, NULL);
	unsigned char hash[SHA256_SIZE];

	if (jwk)
		return jwk_thumbprint(jwk);
	sha256(spki.data, spki.len, hash);
	return base64url_str(hash, sizeof(hash));
}
