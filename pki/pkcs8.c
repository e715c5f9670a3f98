#include "pki/pkcs8.h"

#include <mbedtls/cipher.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <mbedtls/pkcs5.h>

#include "pki/der.h"
#include "pki/mbed.h"

#define ITERATIONS_MAX 2000000 /* more is an attack on our time, not protection of a key */
#define KEY_MAX 32

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

static const struct cipher {
	struct slice oid;
	mbedtls_cipher_type_t type;
	unsigned int key_bits;
	size_t block;
} ciphers[] = {
	{ DER_BYTES("\x60\x86\x48\x01\x65\x03\x04\x01\x02"), MBEDTLS_CIPHER_AES_128_CBC, 128, 16 },
	{ DER_BYTES("\x60\x86\x48\x01\x65\x03\x04\x01\x16"), MBEDTLS_CIPHER_AES_192_CBC, 192, 16 },
	{ DER_BYTES("\x60\x86\x48\x01\x65\x03\x04\x01\x2a"), MBEDTLS_CIPHER_AES_256_CBC, 256, 16 },
	{ DER_BYTES(MBEDTLS_OID_DES_EDE3_CBC), MBEDTLS_CIPHER_DES_EDE3_CBC, 192, 8 },
	{ DER_BYTES(MBEDTLS_OID_DES_CBC), MBEDTLS_CIPHER_DES_CBC, 64, 8 },
};

struct pbes2 { /* borrowed from the DER */
	struct slice salt, iv, secret;
	unsigned int iterations;
	const struct cipher *cipher;
	mbedtls_md_type_t prf;
};

static bool take_algorithm(struct slice *in, struct slice *oid, struct slice *parameters)
{
	return der_take(in, DER_SEQUENCE, parameters, NULL) && der_take(parameters, DER_OID, oid, NULL);
}

static bool read_prf(struct slice in, mbedtls_md_type_t *prf)
{
	static const struct {
		struct slice oid;
		mbedtls_md_type_t md;
	} prfs[] = {
		{ DER_BYTES(MBEDTLS_OID_HMAC_SHA1), MBEDTLS_MD_SHA1 },
		{ DER_BYTES(MBEDTLS_OID_HMAC_SHA224), MBEDTLS_MD_SHA224 },
		{ DER_BYTES(MBEDTLS_OID_HMAC_SHA256), MBEDTLS_MD_SHA256 },
		{ DER_BYTES(MBEDTLS_OID_HMAC_SHA384), MBEDTLS_MD_SHA384 },
		{ DER_BYTES(MBEDTLS_OID_HMAC_SHA512), MBEDTLS_MD_SHA512 },
	};
	struct slice oid, parameters;

	*prf = MBEDTLS_MD_SHA1; /* the default when it is not said */
	if (!in.len)
		return true;
	if (!take_algorithm(&in, &oid, &parameters))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(prfs); i++) {
		*prf = prfs[i].md;
		if (slice_eq(oid, prfs[i].oid))
			return true;
	}
	return false;
}

static bool read_kdf(struct slice in, struct pbes2 *p)
{
	struct slice oid, fields, count;

	if (!take_algorithm(&in, &oid, &fields) || !slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS5_PBKDF2)))
		return false;
	if (!der_take(&fields, DER_SEQUENCE, &fields, NULL) || !der_take(&fields, DER_OCTETS, &p->salt, NULL) ||
	    !der_take_uint(&fields, &count) || count.len > 4)
		return false;
	p->iterations = 0;
	for (size_t i = 0; i < count.len; i++)
		p->iterations = p->iterations << 8 | ((const unsigned char *)count.data)[i];
	der_take(&fields, DER_INTEGER, NULL, NULL); /* the key's length follows from the cipher */
	return read_prf(fields, &p->prf);
}

static bool read_cipher(struct slice in, struct pbes2 *p)
{
	struct slice oid, parameters;

	if (!take_algorithm(&in, &oid, &parameters) || !der_take(&parameters, DER_OCTETS, &p->iv, NULL))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++) {
		p->cipher = &ciphers[i];
		if (slice_eq(oid, p->cipher->oid))
			return p->iv.len == p->cipher->block;
	}
	return false;
}

static bool read_pbes2(struct slice der, struct pbes2 *p)
{
	struct slice body, oid, fields, kdf, cipher;

	return der_take(&der, DER_SEQUENCE, &body, NULL) && take_algorithm(&body, &oid, &fields) &&
	       slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS5_PBES2)) && der_take(&fields, DER_SEQUENCE, &fields, NULL) &&
	       der_take(&fields, DER_SEQUENCE, NULL, &kdf) && der_take(&fields, DER_SEQUENCE, NULL, &cipher) &&
	       read_kdf(kdf, p) && read_cipher(cipher, p) && der_take(&body, DER_OCTETS, &p->secret, NULL);
}

static int derive(const struct pbes2 *p, const char *password, unsigned char key[KEY_MAX])
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pkcs5_pbkdf2_hmac_ext(p->prf, (const unsigned char *)password, strlen(password), p->salt.data,
					     p->salt.len, p->iterations, p->cipher->key_bits / 8, key);
#else
	mbedtls_md_context_t md;
	int ret;

	mbedtls_md_init(&md);
	ret = mbedtls_md_setup(&md, mbedtls_md_info_from_type(p->prf), 1);
	if (!ret)
		ret = mbedtls_pkcs5_pbkdf2_hmac(&md, (const unsigned char *)password, strlen(password), p->salt.data,
						p->salt.len, p->iterations, p->cipher->key_bits / 8, key);
	mbedtls_md_free(&md);
	return ret;
#endif
}

static bool decipher(const struct pbes2 *p, const unsigned char key[KEY_MAX], struct buf *out)
{
	mbedtls_cipher_context_t cipher;
	unsigned char *plain = buf_reserve(out, p->secret.len + p->cipher->block);
	size_t len = 0;
	bool ok;

	mbedtls_cipher_init(&cipher);
	ok = !mbedtls_cipher_setup(&cipher, mbedtls_cipher_info_from_type(p->cipher->type)) &&
	     !mbedtls_cipher_setkey(&cipher, key, (int)p->cipher->key_bits, MBEDTLS_DECRYPT) &&
	     !mbedtls_cipher_set_padding_mode(&cipher, MBEDTLS_PADDING_PKCS7) &&
	     !mbedtls_cipher_crypt(&cipher, p->iv.data, p->iv.len, p->secret.data, p->secret.len, plain, &len);
	mbedtls_cipher_free(&cipher);
	if (ok)
		out->len += len;
	return ok;
}

int pkcs8_decrypt(struct slice der, const char *password, struct buf *out, struct err *e)
{
	struct pbes2 p;
	unsigned char key[KEY_MAX];
	bool ok;

	if (!read_pbes2(der, &p))
		return 0;
	if (p.iterations > ITERATIONS_MAX)
		return err_set(e, ERR_INVALID, "the private key asks for %u rounds of PBKDF2, more than the %d we do",
			       p.iterations, ITERATIONS_MAX);
	ok = !derive(&p, password, key) && decipher(&p, key, out);
	wipe(key, sizeof(key));
	if (!ok)
		return err_set(e, ERR_INVALID, "the password of the private key is wrong");
	return 1;
}

bool pkcs8_is_pkcs12(struct slice der)
{
	struct slice body, oid, parameters;

	return der_take(&der, DER_SEQUENCE, &body, NULL) && take_algorithm(&body, &oid, &parameters) &&
	       (slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS12_PBE_SHA1_DES3_EDE_CBC)) ||
		slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS12_PBE_SHA1_DES2_EDE_CBC)));
}
