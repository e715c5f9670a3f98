#include "pki/key.h"

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pem.h>
#include <mbedtls/rsa.h>

#include "base/digest.h"
#include "pki/der.h"
#include "pki/mbed.h"
#include "pki/pem.h"
#include "pki/pkcs8.h"

#define RSA_EXPONENT 65537
#define KEY_TEXT_MAX (64 * 1024)
#define KEY_DER_MAX (16 * 1024) /* RSA of 16384 bits, beyond what mbedTLS reads */

struct key {
	mbedtls_pk_context pk;
	enum key_type type;
};

static const struct {
	const char *word, *text;
	bool make;
} types[] = {
#define KEY_TYPE(type, word, alg, make, text) [KEY_##type] = { word, text, make },
#include "pki/key.def"
#undef KEY_TYPE
};

static const struct {
	unsigned int bits;
	mbedtls_md_type_t hash;
	mbedtls_ecp_group_id curve;
} traits[] = {
	[KEY_RSA_2048] = { 2048, MBEDTLS_MD_SHA256, MBEDTLS_ECP_DP_NONE },
	[KEY_RSA_3072] = { 3072, MBEDTLS_MD_SHA256, MBEDTLS_ECP_DP_NONE },
	[KEY_RSA_4096] = { 4096, MBEDTLS_MD_SHA256, MBEDTLS_ECP_DP_NONE },
	[KEY_RSA_ANY] = { 0, MBEDTLS_MD_SHA256, MBEDTLS_ECP_DP_NONE },
	[KEY_P256] = { 256, MBEDTLS_MD_SHA256, MBEDTLS_ECP_DP_SECP256R1 },
	[KEY_P384] = { 384, MBEDTLS_MD_SHA384, MBEDTLS_ECP_DP_SECP384R1 },
	[KEY_P521] = { 521, MBEDTLS_MD_SHA512, MBEDTLS_ECP_DP_SECP521R1 },
};

const char *key_type_word(enum key_type type)
{
	return types[type].word;
}

const char *key_type_text(enum key_type type)
{
	return types[type].text;
}

bool key_type_makeable(enum key_type type)
{
	return types[type].make;
}

int key_type_by_word(const char *word, enum key_type *type, struct err *e)
{
	_cleanup_buf_ struct buf known = BUF_INIT;

	for (size_t i = 0; i < KEY_TYPES; i++) {
		if (str_eq(word, types[i].word)) {
			*type = (enum key_type)i;
			return 0;
		}
		if (types[i].make)
			buf_addf(&known, "%s%s", known.len ? ", " : "", types[i].word);
	}
	return err_set(e, ERR_INVALID, "\"%.40s\" is no type of key; there are %s", word ? word : "", buf_str(&known));
}

static struct key *key_new(void)
{
	struct key *key = xcalloc(1, sizeof(*key));

	mbedtls_pk_init(&key->pk);
	return key;
}

void key_free(struct key *key)
{
	if (!key)
		return;
	mbedtls_pk_free(&key->pk);
	wipe(key, sizeof(*key));
	free(key);
}

void cleanup_key(struct key **key)
{
	key_free(*key);
}

/* mbedTLS 2.28 knows no const here. */
static mbedtls_pk_context *pk_of(const struct key *key)
{
	return (mbedtls_pk_context *)&key->pk;
}

struct key *key_generate(enum key_type type, struct err *e)
{
	_cleanup_key_ struct key *key = key_new();
	bool ec = traits[type].curve != MBEDTLS_ECP_DP_NONE;
	int ret;

	if (!types[type].make) {
		err_set(e, ERR_INVALID, "keys of the type %s can be imported, but not made here", types[type].word);
		return NULL;
	}
	key->type = type;
	ret = mbedtls_pk_setup(&key->pk, mbedtls_pk_info_from_type(ec ? MBEDTLS_PK_ECKEY : MBEDTLS_PK_RSA));
	if (!ret && ec)
		ret = mbedtls_ecp_gen_key(traits[type].curve, mbedtls_pk_ec(key->pk), random_mbedtls, NULL);
	else if (!ret)
		ret = mbedtls_rsa_gen_key(mbedtls_pk_rsa(key->pk), random_mbedtls, NULL, traits[type].bits,
					  RSA_EXPONENT);
	if (ret) {
		mbed_err(e, ERR_INTERNAL, "making a private key", ret);
		return NULL;
	}
	return TAKE(key);
}

static int password_error(const char *password, struct err *e)
{
	if (!password || !*password) {
		err_set(e, ERR_INVALID, "the private key is encrypted, and no password was given");
		return err_hint(e, "Give the password the key was encrypted with.");
	}
	return err_set(e, ERR_INVALID, "the password of the private key is wrong");
}

/* A PEM body with RFC 1421 headers: what openssl wrote before PKCS#8. */
static int decode_old_encryption(const struct pem_block *b, const char *password, struct buf *der, struct err *e)
{
	_cleanup_buf_wipe_ struct buf text = BUF_INIT;
	char header[80], footer[80];
	mbedtls_pem_context pem;
	size_t used, password_len = password ? strlen(password) : 0;
	int ret, label_len = (int)b->label.len;
	const char *label = b->label.data;

	snprintf(header, sizeof(header), "-----BEGIN %.*s-----", label_len, label);
	snprintf(footer, sizeof(footer), "-----END %.*s-----", label_len, label);
	buf_add_str(&text, header);
	buf_add(&text, b->body.data, b->body.len);
	buf_addf(&text, "%s\n", footer);

	mbedtls_pem_init(&pem);
	ret = mbedtls_pem_read_buffer(&pem, header, footer, (const unsigned char *)text.data,
				      (const unsigned char *)password, password_len, &used);
	if (!ret)
		buf_add(der, pem.MBEDTLS_PRIVATE(buf), pem.MBEDTLS_PRIVATE(buflen));
	mbedtls_pem_free(&pem);
	if (ret == MBEDTLS_ERR_PEM_PASSWORD_REQUIRED || ret == MBEDTLS_ERR_PEM_PASSWORD_MISMATCH)
		return password_error(password, e);
	return ret ? mbed_err(e, ERR_INVALID, "reading the private key", ret) : 0;
}

/* 1: decoded and deciphered, 0: decoded. */
static int decode_block(const struct pem_block *b, const char *password, struct buf *der, struct err *e)
{
	if (pem_label_is(b, "OPENSSH PRIVATE KEY")) {
		err_set(e, ERR_INVALID, "this is a private key in OpenSSH's own format");
		return err_hint(e, "Convert a copy of it with: ssh-keygen -p -m PKCS8 -f FILE");
	}
	if (b->body.len && memmem(b->body.data, b->body.len, "DEK-Info:", 9))
		return decode_old_encryption(b, password, der, e) < 0 ? -1 : 1;
	return pem_decode(b, der, e);
}

/* The first private key among whatever else a file holds; returns as decode_block(). */
static int decode_pem(struct slice text, const char *password, struct buf *der, struct err *e)
{
	struct pem_block b;
	struct slice first = { "", 0 };
	int found;

	while ((found = pem_next(&text, &b, e)) > 0) {
		if (pem_label_ends(&b, "PRIVATE KEY"))
			return decode_block(&b, password, der, e);
		if (!first.len)
			first = b.label;
	}
	if (found < 0)
		return -1;
	return err_set(e, ERR_INVALID, "there is no private key in this text, only \"%.*s\"", (int)first.len,
		       (const char *)first.data);
}

static int parse_der(mbedtls_pk_context *pk, struct slice der)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_parse_key(pk, der.data, der.len, NULL, 0, random_mbedtls, NULL);
#else
	return mbedtls_pk_parse_key(pk, der.data, der.len, NULL, 0);
#endif
}

static bool halves_match(const mbedtls_pk_context *pk)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return !mbedtls_pk_check_pair(pk, pk, random_mbedtls, NULL);
#else
	return !mbedtls_pk_check_pair(pk, pk);
#endif
}

/*
 * Reads the key, opening PKCS#8 encryption.  One wrong password in some hundred decrypts to something
 * that looks right until it is read: whatever does not read after a decryption had a wrong password.
 * `deciphered`: the PEM around it was encrypted.
 */
static int load(struct key *key, struct slice der, const char *password, bool deciphered, struct err *e)
{
	_cleanup_buf_wipe_ struct buf plain = BUF_INIT;
	bool encrypted = pkcs8_is_encrypted(der);
	int ret = 0;

	if (encrypted && (!password || !*password))
		return password_error(password, e);
	if (encrypted)
		ret = pkcs8_decrypt(der, password, &plain, e);
	if (ret < 0)
		return password_error(password, e);
	if (encrypted && !ret) {
		err_set(e, ERR_INVALID, "the private key is encrypted in a way that cannot be read here");
		return err_hint(e, "Write a copy of it with: openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE");
	}
	ret = parse_der(&key->pk, encrypted ? slice_buf(&plain) : der);
	if (!ret)
		return 0;
	if (deciphered || encrypted)
		return password_error(password, e);
	return mbed_err(e, ERR_INVALID, "this is no RSA or EC private key that can be read", ret);
}

static int judge(struct key *key, struct err *e)
{
	static const char probe[] = "probe";
	_cleanup_buf_ struct buf spki = BUF_INIT, signature = BUF_INIT;

	if (key_spki(key, &spki, e) < 0 || spki_check(slice_buf(&spki), e) < 0 ||
	    spki_type(slice_buf(&spki), &key->type, e) < 0)
		return -1;
	if (!halves_match(&key->pk))
		return err_set(e, ERR_INVALID, "the private key is damaged: its public half does not belong to it");
	/*
	 * mbedTLS 2.28 keeps a table of the base point in the key, written without a lock at the
	 * first signature: make that here, so that threads sharing the key later only read it.
	 */
	return key_sign(key, slice(probe, sizeof(probe)), &signature, e);
}

struct key *key_parse(struct slice in, const char *password, struct err *e)
{
	_cleanup_key_ struct key *key = key_new();
	_cleanup_buf_wipe_ struct buf der = BUF_INIT;
	int deciphered = 0;

	if (in.len > KEY_TEXT_MAX) {
		err_set(e, ERR_INVALID, "a private key is not longer than %d kB", KEY_TEXT_MAX / 1024);
		return NULL;
	}
	if (pem_is(in)) {
		deciphered = decode_pem(in, password, &der, e);
		if (deciphered < 0)
			return NULL;
	} else if (der_tag(in) == DER_SEQUENCE) {
		buf_add(&der, in.data, in.len);
	} else {
		err_set(e, ERR_INVALID, "this is no private key: it is neither PEM (\"-----BEGIN\") nor DER");
		return NULL;
	}
	if (load(key, slice_buf(&der), password, deciphered, e) < 0 || judge(key, e) < 0)
		return NULL;
	return TAKE(key);
}

enum key_type key_type_of(const struct key *key)
{
	return key->type;
}

int key_pkcs8(const struct key *key, struct buf *der, struct err *e)
{
	unsigned char *room = xmalloc(KEY_DER_MAX);
	int len = mbedtls_pk_write_key_der(pk_of(key), room, KEY_DER_MAX), ret = 0;

	if (len < 0)
		ret = mbed_err(e, ERR_INTERNAL, "writing a private key", len);
	else if (!pkcs8_wrap(der, slice(room + KEY_DER_MAX - len, (size_t)len)))
		ret = err_set(e, ERR_INTERNAL, "writing a private key as PKCS#8");
	wipe(room, KEY_DER_MAX);
	free(room);
	return ret;
}

int key_pem(const struct key *key, struct buf *pem, struct err *e)
{
	_cleanup_buf_wipe_ struct buf der = BUF_INIT;

	if (key_pkcs8(key, &der, e) < 0)
		return -1;
	pem_add(pem, "PRIVATE KEY", slice_buf(&der));
	return 0;
}

int key_pem_encrypted(const struct key *key, const char *password, struct buf *pem, struct err *e)
{
	_cleanup_buf_wipe_ struct buf der = BUF_INIT;
	_cleanup_buf_ struct buf encrypted = BUF_INIT;

	if (key_pkcs8(key, &der, e) < 0 || pkcs8_encrypt(slice_buf(&der), password, &encrypted, e) < 0)
		return -1;
	pem_add(pem, "ENCRYPTED PRIVATE KEY", slice_buf(&encrypted));
	return 0;
}

void spki_pem(struct slice spki, struct buf *pem)
{
	pem_add(pem, "PUBLIC KEY", spki);
}

int key_spki(const struct key *key, struct buf *der, struct err *e)
{
	unsigned char room[KEY_DER_MAX / 4];
	int len = mbedtls_pk_write_pubkey_der(pk_of(key), room, sizeof(room));

	if (len < 0)
		return mbed_err(e, ERR_INTERNAL, "writing a public key", len);
	buf_add(der, room + sizeof(room) - len, (size_t)len);
	return 0;
}

static int sign(const struct key *key, struct slice hash, unsigned char *out, size_t *len)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_sign(pk_of(key), traits[key->type].hash, hash.data, hash.len, out,
			       MBEDTLS_PK_SIGNATURE_MAX_SIZE, len, random_mbedtls, NULL);
#else
	return mbedtls_pk_sign(pk_of(key), traits[key->type].hash, hash.data, hash.len, out, len, random_mbedtls, NULL);
#endif
}

/* ECDSA-Sig-Value (RFC 3279 section 2.2.3) into R||S. */
static bool add_fixed_width(struct buf *out, struct slice der, size_t width)
{
	static const char zeros[66];
	struct slice number;

	if (!der_take(&der, DER_SEQUENCE, &der, NULL))
		return false;
	for (int i = 0; i < 2; i++) {
		if (!der_take_uint(&der, &number) || number.len > width)
			return false;
		buf_add(out, zeros, width - number.len);
		buf_add(out, number.data, number.len);
	}
	return true;
}

int key_sign(const struct key *key, struct slice data, struct buf *signature, struct err *e)
{
	unsigned char hash[MBED_HASH_MAX], out[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
	size_t hash_len = mbed_hash(traits[key->type].hash, data, hash), len = 0;
	int ret = hash_len ? sign(key, slice(hash, hash_len), out, &len) : MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;

	if (ret)
		return mbed_err(e, ERR_INTERNAL, "signing", ret);
	if (traits[key->type].curve == MBEDTLS_ECP_DP_NONE)
		buf_add(signature, out, len);
	else if (!add_fixed_width(signature, slice(out, len), (traits[key->type].bits + 7) / 8))
		return err_set(e, ERR_INTERNAL, "signing: mbedTLS made a signature that cannot be read");
	return 0;
}

void *key_mbedtls(struct key *key)
{
	return &key->pk;
}
