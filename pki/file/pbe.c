#include "pki/file/pbe.h"

#include <limits.h>
#include <mbedtls/cipher.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <mbedtls/pkcs5.h>

#include "base/digest.h"
#include "base/encode.h"
#include "pki/der.h"

#define KEY_MAX 32
#define PEM_SALT_SIZE 8
#define HASH_BLOCK_MAX 128
#define ROUNDS 10000
#define ROUNDS_LEGACY 2048	/* what the old programs that need it expect */

int pbe_wide(struct buf *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + strlen(text);

	for (size_t n; p < end; p += n) {
		uint32_t c;

		n = utf8_char(p, (size_t)(end - p), &c);
		if (!n)
			return -1;
		if (c >= 0x10000) {	/* a surrogate pair */
			c -= 0x10000;
			buf_add(out, (unsigned char[]){ 0xd8 | c >> 18, c >> 10 & 0xff }, 2);
			c = 0xdc00 | (c & 0x3ff);
		}
		buf_add(out, (unsigned char[]){ c >> 8 & 0xff, c & 0xff }, 2);
	}
	return 0;
}

int pbe_password_init(struct pbe_password *p, const char *text, struct err *e)
{
	*p = (struct pbe_password){ .text = text };
	if (pbe_wide(&p->wide, text) < 0) {
		pbe_password_release(p);
		return err_set(e, ERR_INVALID, "the password is not valid UTF-8");
	}
	buf_add(&p->wide, "\0", 2);
	return 0;
}

void pbe_password_release(struct pbe_password *p)
{
	buf_wipe(&p->wide);
}

unsigned int pbe_rounds(enum pbe_scheme scheme)
{
	return scheme == PBE_3DES ? ROUNDS_LEGACY : ROUNDS;
}

bool pbe_may_derive(struct pbe_password *p, unsigned int rounds, unsigned int times)
{
	if (rounds > PBE_ROUNDS_MAX || p->rounds + rounds * times > PBE_ROUNDS_SUM)
		return false;
	p->rounds += rounds * times;
	return true;
}

unsigned int pbe_rounds_read(struct slice magnitude)
{
	unsigned int rounds = 0;

	if (magnitude.len > 4)
		return UINT_MAX;
	for (size_t i = 0; i < magnitude.len; i++)
		rounds = rounds << 8 | ((const unsigned char *)magnitude.data)[i];
	return rounds;
}

/*
 * PKCS#12's own derivation.
 */

/* `in` over and over until whole blocks are full; nothing of nothing. */
static void fill(struct buf *out, struct slice in, size_t block)
{
	size_t len = (in.len + block - 1) / block * block;

	for (size_t at = 0; at < len; at++)
		buf_add_ch(out, ((const char *)in.data)[at % in.len]);
}

/* block = (block + b + 1) mod 2^(8 * size) */
static void add_one_and(unsigned char *block, const unsigned char *b, size_t size)
{
	unsigned int carry = 1;

	for (size_t i = size; i-- > 0;) {
		carry += block[i] + b[i];
		block[i] = carry & 0xff;
		carry >>= 8;
	}
}

static int hash_rounds(mbedtls_md_context_t *md, const unsigned char *id, size_t block, const struct buf *in,
		       unsigned int rounds, unsigned char *out, size_t size)
{
	int ret = mbedtls_md_starts(md);

	ret = ret ? ret : mbedtls_md_update(md, id, block);
	ret = ret ? ret : mbedtls_md_update(md, (const unsigned char *)in->data, in->len);
	ret = ret ? ret : mbedtls_md_finish(md, out);
	for (unsigned int i = 1; !ret && i < rounds; i++) {
		ret = mbedtls_md_starts(md);
		ret = ret ? ret : mbedtls_md_update(md, out, size);
		ret = ret ? ret : mbedtls_md_finish(md, out);
	}
	return ret;
}

int pbe_derive(mbedtls_md_type_t type, enum pbe_purpose purpose, struct slice password, struct slice salt,
	       unsigned int rounds, unsigned char *out, size_t len)
{
	const mbedtls_md_info_t *info = mbedtls_md_info_from_type(type);
	size_t size = info ? mbedtls_md_get_size(info) : 0, block = size > 32 ? 128 : 64;
	unsigned char id[HASH_BLOCK_MAX], hash[MBED_HASH_MAX], b[HASH_BLOCK_MAX];
	_cleanup_buf_wipe_ struct buf in = BUF_INIT;
	mbedtls_md_context_t md;
	int ret;

	if (!info)
		return -1;
	memset(id, (int)purpose, block);
	fill(&in, salt, block);
	fill(&in, password, block);
	mbedtls_md_init(&md);
	ret = mbedtls_md_setup(&md, info, 0);
	while (!ret && len) {
		size_t part = MIN(len, size);

		ret = hash_rounds(&md, id, block, &in, rounds, hash, size);
		memcpy(out, hash, part);
		out += part;
		len -= part;
		for (size_t i = 0; i < block; i++)
			b[i] = hash[i % size];
		for (size_t at = 0; at < in.len; at += block)
			add_one_and((unsigned char *)in.data + at, b, block);
	}
	mbedtls_md_free(&md);
	wipe(hash, sizeof(hash));
	wipe(b, sizeof(b));
	return ret;
}

/*
 * PBES2.
 */

static const struct cipher {
	struct slice oid;
	mbedtls_cipher_type_t type;
	unsigned int key_bits;
	size_t block;
	const char *dek;	/* in a PEM block */
} ciphers[] = {
	{ DER_BYTES("\x60\x86\x48\x01\x65\x03\x04\x01\x02"), MBEDTLS_CIPHER_AES_128_CBC, 128, 16, "AES-128-CBC" },
	{ DER_BYTES("\x60\x86\x48\x01\x65\x03\x04\x01\x16"), MBEDTLS_CIPHER_AES_192_CBC, 192, 16, "AES-192-CBC" },
	{ DER_BYTES("\x60\x86\x48\x01\x65\x03\x04\x01\x2a"), MBEDTLS_CIPHER_AES_256_CBC, 256, 16, "AES-256-CBC" },
	{ DER_BYTES(MBEDTLS_OID_DES_EDE3_CBC), MBEDTLS_CIPHER_DES_EDE3_CBC, 192, 8, "DES-EDE3-CBC" },
	{ DER_BYTES(MBEDTLS_OID_DES_CBC), MBEDTLS_CIPHER_DES_CBC, 64, 8, "DES-CBC" },
};
#define AES256 (&ciphers[2])

/* The schemes of PKCS#12; those without a cipher are known, but not done. */
static const struct old_scheme {
	struct slice oid;
	struct cipher cipher;
	const char *name;
} old_schemes[] = {
	{ DER_BYTES(MBEDTLS_OID_PKCS12_PBE "\x01"), { .key_bits = 0 }, "128-bit RC4" },
	{ DER_BYTES(MBEDTLS_OID_PKCS12_PBE "\x02"), { .key_bits = 0 }, "40-bit RC4" },
	{ DER_BYTES(MBEDTLS_OID_PKCS12_PBE "\x03"),
	  { .type = MBEDTLS_CIPHER_DES_EDE3_CBC, .key_bits = 192, .block = 8 }, "3DES" },
	{ DER_BYTES(MBEDTLS_OID_PKCS12_PBE "\x04"),
	  { .type = MBEDTLS_CIPHER_DES_EDE_CBC, .key_bits = 128, .block = 8 }, "2DES" },
	{ DER_BYTES(MBEDTLS_OID_PKCS12_PBE "\x05"), { .key_bits = 0 }, "128-bit RC2" },
	{ DER_BYTES(MBEDTLS_OID_PKCS12_PBE "\x06"), { .key_bits = 0 }, "40-bit RC2" },
};
#define OLD_3DES (&old_schemes[2])

struct pbe {			/* borrowed from the DER */
	struct slice salt, iv;
	unsigned int rounds;
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

static bool read_kdf(struct slice in, struct pbe *p)
{
	struct slice oid, fields, count;

	if (!take_algorithm(&in, &oid, &fields) || !slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS5_PBKDF2)))
		return false;
	if (!der_take(&fields, DER_SEQUENCE, &fields, NULL) || !der_take(&fields, DER_OCTETS, &p->salt, NULL) ||
	    !der_take_uint(&fields, &count))
		return false;
	p->rounds = pbe_rounds_read(count);
	der_take(&fields, DER_INTEGER, NULL, NULL); /* the key's length follows from the cipher */
	return read_prf(fields, &p->prf);
}

static bool read_cipher(struct slice in, struct pbe *p)
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

static bool read_pbes2(struct slice fields, struct pbe *p)
{
	struct slice kdf, cipher;

	return der_take(&fields, DER_SEQUENCE, &fields, NULL) && der_take(&fields, DER_SEQUENCE, NULL, &kdf) &&
	       der_take(&fields, DER_SEQUENCE, NULL, &cipher) && read_kdf(kdf, p) && read_cipher(cipher, p);
}

static int derive_pbes2(const struct pbe *p, const char *password, unsigned char key[KEY_MAX])
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pkcs5_pbkdf2_hmac_ext(p->prf, (const unsigned char *)password, strlen(password), p->salt.data,
					     p->salt.len, p->rounds, p->cipher->key_bits / 8, key);
#else
	mbedtls_md_context_t md;
	int ret;

	mbedtls_md_init(&md);
	ret = mbedtls_md_setup(&md, mbedtls_md_info_from_type(p->prf), 1);
	if (!ret)
		ret = mbedtls_pkcs5_pbkdf2_hmac(&md, (const unsigned char *)password, strlen(password), p->salt.data,
						p->salt.len, p->rounds, p->cipher->key_bits / 8, key);
	mbedtls_md_free(&md);
	return ret;
#endif
}

/*
 * Both ways.
 */

static bool run_cipher(const struct pbe *p, const unsigned char key[KEY_MAX], mbedtls_operation_t way, struct slice in,
		       struct buf *out)
{
	mbedtls_cipher_context_t cipher;
	unsigned char *room = buf_reserve(out, in.len + p->cipher->block);
	size_t len = 0;
	bool ok;

	mbedtls_cipher_init(&cipher);
	ok = !mbedtls_cipher_setup(&cipher, mbedtls_cipher_info_from_type(p->cipher->type)) &&
	     !mbedtls_cipher_setkey(&cipher, key, (int)p->cipher->key_bits, way) &&
	     !mbedtls_cipher_set_padding_mode(&cipher, MBEDTLS_PADDING_PKCS7) &&
	     !mbedtls_cipher_crypt(&cipher, p->iv.data, p->iv.len, in.data, in.len, room, &len);
	mbedtls_cipher_free(&cipher);
	if (ok)
		out->len += len;
	return ok;
}

/* The key and, for the schemes of PKCS#12 (where p->iv is empty), the initial vector. */
static int derive(struct pbe *p, const struct pbe_password *password, unsigned char key[KEY_MAX], unsigned char iv[16])
{
	struct slice wide = slice_buf(&password->wide);

	if (p->iv.len)
		return derive_pbes2(p, password->text, key);
	p->iv = slice(iv, p->cipher->block);
	if (pbe_derive(MBEDTLS_MD_SHA1, PBE_FOR_KEY, wide, p->salt, p->rounds, key, p->cipher->key_bits / 8))
		return -1;
	return pbe_derive(MBEDTLS_MD_SHA1, PBE_FOR_IV, wide, p->salt, p->rounds, iv, p->cipher->block);
}

static int crypt(struct pbe *p, const struct pbe_password *password, mbedtls_operation_t way, struct slice in,
		 struct buf *out, struct err *e)
{
	unsigned char key[KEY_MAX], iv[16];
	bool ok;

	ok = !derive(p, password, key, iv) && run_cipher(p, key, way, in, out);
	wipe(key, sizeof(key));
	wipe(iv, sizeof(iv));
	return ok ? 0 : err_set(e, ERR_INVALID, "the password is wrong");
}

static int refuse(struct err *e, const char *name)
{
	err_set(e, ERR_INVALID, "it is encrypted with %s, which is not read here", name);
	err_hint(e, "Convert a copy of it with: openssl pkcs12 -legacy -in FILE -nodes -out all.pem, "
		    "then openssl pkcs12 -export -in all.pem -out NEW.pfx");
	return 0;
}

static int read_old(struct slice oid, struct slice fields, struct pbe *p, struct err *e)
{
	const struct old_scheme *s = old_schemes;
	struct slice count;

	while (s < old_schemes + ARRAY_SIZE(old_schemes) && !slice_eq(oid, s->oid))
		s++;
	if (s == old_schemes + ARRAY_SIZE(old_schemes))
		return refuse(e, "an unknown scheme");
	if (!s->cipher.key_bits)
		return refuse(e, s->name);
	if (!der_take(&fields, DER_SEQUENCE, &fields, NULL) || !der_take(&fields, DER_OCTETS, &p->salt, NULL) ||
	    !p->salt.len || !der_take_uint(&fields, &count))
		return refuse(e, "parameters that make no sense");
	p->cipher = &s->cipher;
	p->rounds = pbe_rounds_read(count);
	return 1;
}

/*
 * How often the rounds are done for one key: once for each piece of it that a hash is long, and of the initial vector.
 */
static unsigned int times_of(const struct pbe *p)
{
	bool pbes2 = p->iv.len;
	unsigned int size = mbedtls_md_get_size(mbedtls_md_info_from_type(pbes2 ? p->prf : MBEDTLS_MD_SHA1));

	return size ? (p->cipher->key_bits / 8 + size - 1) / size + !pbes2 : 1;
}

int pbe_decrypt(struct slice algorithm, struct slice secret, struct pbe_password *password, struct buf *plain,
		struct err *e)
{
	struct pbe p = { .rounds = 0 };
	struct slice oid, fields;

	if (!take_algorithm(&algorithm, &oid, &fields))
		return refuse(e, "something that cannot be read");
	if (slice_eq(oid, DER_BYTES(MBEDTLS_OID_PKCS5_PBES2))) {
		if (!read_pbes2(fields, &p))
			return refuse(e, "an unusual form of PBES2");
	} else if (read_old(oid, fields, &p, e) <= 0) {
		return 0;
	}
	if (!pbe_may_derive(password, p.rounds, times_of(&p)))
		return refuse(e, "more rounds of key derivation than are done here");
	return crypt(&p, password, MBEDTLS_DECRYPT, secret, plain, e) < 0 ? -1 : 1;
}

/*
 * PEM bodies as openssl encrypted them before PKCS#8.
 */

/* "AES-256-CBC,<hex>"; the iv goes into a buffer of the caller's. */
static bool read_dek(struct slice dek, struct pbe *p, struct buf *iv)
{
	_cleanup_free_ char *text = dek.len ? xstrndup(dek.data, dek.len) : xstrdup("");
	char *hex = text, *name = strsep(&hex, ",");

	for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (str_eq(name, ciphers[i].dek))
			p->cipher = &ciphers[i];
	if (!p->cipher || !hex)
		return false;
	hex[strspn(hex, "0123456789abcdefABCDEF")] = '\0';	/* blanks at its end */
	if (hex_decode(iv, hex) < 0 || iv->len != p->cipher->block)
		return false;
	p->iv = slice_buf(iv);
	p->salt = slice(iv->data, PEM_SALT_SIZE);
	return true;
}

/* EVP_BytesToKey() with MD5 and one round. */
static bool derive_pem(const struct pbe *p, const char *password, unsigned char key[KEY_MAX])
{
	_cleanup_buf_wipe_ struct buf in = BUF_INIT;
	unsigned char hash[MBED_HASH_MAX];
	size_t size = 1, wanted = p->cipher->key_bits / 8;

	for (size_t at = 0; size && at < wanted; at += size) {
		buf_add_str(&in, password);
		buf_add(&in, p->salt.data, p->salt.len);
		size = mbed_hash(MBEDTLS_MD_MD5, slice_buf(&in), hash);
		memcpy(key + at, hash, MIN(size, wanted - at));
		buf_clear(&in);
		buf_add(&in, hash, size);
	}
	wipe(hash, sizeof(hash));
	return size;
}

int pbe_decrypt_pem(struct slice dek, struct slice secret, const char *password, struct buf *plain, struct err *e)
{
	_cleanup_buf_ struct buf iv = BUF_INIT;
	struct pbe p = { .rounds = 1 };
	unsigned char key[KEY_MAX];
	bool ok;

	if (!read_dek(dek, &p, &iv))
		return refuse(e, "an unknown scheme");
	ok = derive_pem(&p, password, key) && run_cipher(&p, key, MBEDTLS_DECRYPT, secret, plain);
	wipe(key, sizeof(key));
	return ok ? 1 : err_set(e, ERR_INVALID, "the password is wrong");
}

static void put_salt_and_rounds(struct buf *out, const struct pbe *p)
{
	der_put(out, DER_OCTETS, p->salt);
	der_put_uint(out, slice((unsigned char[]){ p->rounds >> 8 & 0xff, p->rounds & 0xff }, 2));
}

static void put_pbes2(struct buf *out, const struct pbe *p)
{
	_cleanup_buf_ struct buf kdf = BUF_INIT, parameters = BUF_INIT, iv = BUF_INIT, both = BUF_INIT,
				 whole = BUF_INIT;

	put_salt_and_rounds(&kdf, p);
	der_put_algorithm(&kdf, DER_BYTES(MBEDTLS_OID_HMAC_SHA256), DER_BYTES("\x05\x00"));
	der_put(&parameters, DER_SEQUENCE, slice_buf(&kdf));
	der_put(&iv, DER_OCTETS, p->iv);
	der_put_algorithm(&both, DER_BYTES(MBEDTLS_OID_PKCS5_PBKDF2), slice_buf(&parameters));
	der_put_algorithm(&both, p->cipher->oid, slice_buf(&iv));
	der_put(&whole, DER_SEQUENCE, slice_buf(&both));
	der_put_algorithm(out, DER_BYTES(MBEDTLS_OID_PKCS5_PBES2), slice_buf(&whole));
}

static void put_old(struct buf *out, const struct pbe *p)
{
	_cleanup_buf_ struct buf fields = BUF_INIT, whole = BUF_INIT;

	put_salt_and_rounds(&fields, p);
	der_put(&whole, DER_SEQUENCE, slice_buf(&fields));
	der_put_algorithm(out, OLD_3DES->oid, slice_buf(&whole));
}

int pbe_encrypt(enum pbe_scheme scheme, const struct pbe_password *password, struct slice plain, struct buf *algorithm,
		struct buf *secret, struct err *e)
{
	unsigned char salt[PBE_SALT_SIZE], iv[16];
	struct pbe p = { .rounds = pbe_rounds(scheme), .prf = MBEDTLS_MD_SHA256 };

	random_bytes(salt, sizeof(salt));
	p.salt = slice(salt, sizeof(salt));
	if (scheme == PBE_3DES) {
		p.cipher = &OLD_3DES->cipher;
		put_old(algorithm, &p);
	} else {
		random_bytes(iv, sizeof(iv));
		p.cipher = AES256;
		p.iv = slice(iv, sizeof(iv));
		put_pbes2(algorithm, &p);
	}
	if (crypt(&p, password, MBEDTLS_ENCRYPT, plain, secret, e) < 0)
		return err_set(e, ERR_INTERNAL, "encrypting with a password");
	return 0;
}
