#include "pki/key.h"

#include <pthread.h>

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/platform.h>
#include <mbedtls/rsa.h>

#include "base/digest.h"
#include "pki/der.h"
#include "pki/file/ber.h"
#include "pki/file/jwk.h"
#include "pki/file/pem.h"
#include "pki/file/pkcs8.h"
#include "pki/mbed.h"
#include "pki/private.h"

#define RSA_EXPONENT 65537
#define KEY_TEXT_MAX (64 * 1024)
#define KEY_DER_MAX (16 * 1024) /* RSA of 16384 bits, beyond what mbedTLS reads */

struct key {
	mbedtls_pk_context pk;
	mbedtls_pk_context ecdsa;	/* an EC key once more, see key_ready() */
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
	mbedtls_pk_init(&key->ecdsa);
	return key;
}

void key_free(struct key *key)
{
	if (!key)
		return;
	mbedtls_pk_free(&key->pk);
	mbedtls_pk_free(&key->ecdsa);
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

#if MBEDTLS_VERSION_NUMBER < 0x03000000
/*
 * mbedTLS 2.28 makes the table of the base point anew for each key, which takes most of the time: one is made, and
 * copied.
 */
static struct tables {
	pthread_mutex_t lock;
	mbedtls_ecp_group of[KEY_TYPES];
} tables = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* With the lock held.  A multiplication leaves the table in the group. */
static int make_table(mbedtls_ecp_group *group, mbedtls_ecp_group_id curve)
{
	mbedtls_ecp_point point;
	mbedtls_mpi one;
	int ret;

	mbedtls_ecp_point_init(&point);
	mbedtls_mpi_init(&one);
	ret = mbedtls_mpi_lset(&one, 1);
	if (!ret)
		ret = mbedtls_ecp_group_load(group, curve);
	if (!ret)
		ret = mbedtls_ecp_mul(group, &point, &one, &group->G, random_mbedtls, NULL);
	mbedtls_ecp_point_free(&point);
	mbedtls_mpi_free(&one);
	return ret;
}

static int copy_table(mbedtls_ecp_group *to, const mbedtls_ecp_group *from)
{
	int ret = 0;

	if (!from->T || to->T)
		return 0;
	to->T = mbedtls_calloc(from->T_size, sizeof(*to->T));
	if (!to->T)
		return MBEDTLS_ERR_ECP_ALLOC_FAILED;
	to->T_size = from->T_size;
	for (size_t i = 0; i < to->T_size; i++)
		mbedtls_ecp_point_init(&to->T[i]);
	for (size_t i = 0; i < to->T_size && !ret; i++)
		ret = mbedtls_ecp_copy(&to->T[i], &from->T[i]);
	return ret;
}

static int take_table(mbedtls_ecp_group *to, enum key_type type)
{
	mbedtls_ecp_group *from = &tables.of[type];
	int ret = 0;

	pthread_mutex_lock(&tables.lock);
	if (!from->T)
		ret = make_table(from, traits[type].curve);
	if (!ret)
		ret = copy_table(to, from);
	pthread_mutex_unlock(&tables.lock);
	return ret;
}

static int generate_ec(mbedtls_ecp_keypair *ec, enum key_type type)
{
	int ret = mbedtls_ecp_group_load(&ec->grp, traits[type].curve);

	if (!ret)
		ret = take_table(&ec->grp, type);
	return ret ? ret : mbedtls_ecp_gen_keypair(&ec->grp, &ec->d, &ec->Q, random_mbedtls, NULL);
}
#else
static int generate_ec(mbedtls_ecp_keypair *ec, enum key_type type)
{
	return mbedtls_ecp_gen_key(traits[type].curve, ec, random_mbedtls, NULL);
}
#endif

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
		ret = generate_ec(mbedtls_pk_ec(key->pk), type);
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

static int foreign_encryption(struct err *e)
{
	err_set(e, ERR_INVALID, "the private key is encrypted in a way that cannot be read here");
	return err_hint(e, "Write a copy of it with: openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE");
}

/* 1: decoded and deciphered, 0: decoded. */
static int decode_block(const struct pem_block *b, const char *password, struct buf *der, struct err *e)
{
	_cleanup_buf_ struct buf secret = BUF_INIT;
	struct pem_block inner;
	struct slice dek;
	int done;

	if (pem_label_is(b, "OPENSSH PRIVATE KEY")) {
		err_set(e, ERR_INVALID, "this is a private key in OpenSSH's own format");
		return err_hint(e, "Convert a copy of it with: ssh-keygen -p -m PKCS8 -f FILE");
	}
	if (!pem_encrypted(b, &dek, &inner))
		return pem_decode(b, der, e);
	if (!password || !*password)
		return password_error(password, e);
	if (pem_decode(&inner, &secret, e) < 0)
		return -1;
	done = pbe_decrypt_pem(dek, slice_buf(&secret), password, der, e);
	return done > 0 ? 1 : done < 0 ? password_error(password, e) : foreign_encryption(e);
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

/* PKCS#8 encryption, if there is any: *der is what was in it then.  Returns as decode_block(). */
static int decipher(struct slice *der, const char *password, struct buf *plain, struct err *e)
{
	int done;

	if (!pkcs8_is_encrypted(*der))
		return 0;
	if (!password || !*password)
		return password_error(password, e);
	done = pkcs8_decrypt(*der, password, plain, e);
	*der = slice_buf(plain);
	return done > 0 ? 1 : done < 0 ? password_error(password, e) : foreign_encryption(e);
}

/*
 * One wrong password in some hundred decrypts to something that looks right until it is read: whatever does not read
 * after a decryption had a wrong password.  `deciphered`: the PEM around it was encrypted.
 */
static int load(struct key *key, struct slice given, const char *password, bool deciphered, bool *refused,
		struct err *e)
{
	_cleanup_buf_wipe_ struct buf plain = BUF_INIT, room = BUF_INIT, inner_room = BUF_INIT;
	struct slice der = ber_normal(given, &room), whole;
	int opened = decipher(&der, password, &plain, e), looks;

	if (opened < 0)
		return -1;
	looks = private_look(ber_normal(der, &inner_room), &whole, e);
	*refused = looks < 0;
	if (*refused)
		return -1;
	if (looks && !parse_der(&key->pk, whole))
		return 0;
	if (deciphered || opened)
		return password_error(password, e);
	return err_set(e, ERR_INVALID, "this is no RSA or EC private key that can be read");
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
	return key_sign(key, slice(probe, sizeof(probe)), &signature, e);
}

struct key *key_look(struct slice in, const char *password, bool *refused, struct err *e)
{
	_cleanup_key_ struct key *key = key_new();
	_cleanup_buf_wipe_ struct buf der = BUF_INIT;
	int deciphered = 0;

	*refused = false;
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
	} else if (!jwk_is(in)) {
		err_set(e, ERR_INVALID, "this is no private key: it is neither PEM (\"-----BEGIN\") nor DER nor JWK");
		return NULL;
	} else if (jwk_private(in, &der, e) < 0) {
		return NULL;
	}
	if (load(key, slice_buf(&der), password, deciphered, refused, e) < 0)
		return NULL;
	*refused = judge(key, e) < 0;
	return *refused ? NULL : TAKE(key);
}

struct key *key_parse(struct slice in, const char *password, struct err *e)
{
	bool refused;

	return key_look(in, password, &refused, e);
}

static enum key_type type_in(const mbedtls_pk_context *pk)
{
	bool rsa = mbedtls_pk_get_type(pk) == MBEDTLS_PK_RSA;
	enum key_type type = KEY_RSA_2048;

	while (type < KEY_TYPES && (rsa != (traits[type].curve == MBEDTLS_ECP_DP_NONE) ||
				    traits[type].bits != mbedtls_pk_get_bitlen(pk)))
		type++;
	return type < KEY_TYPES ? type : KEY_RSA_ANY;
}

struct key *key_reopen(struct slice der, struct err *e)
{
	_cleanup_key_ struct key *key = key_new();
	int ret = parse_der(&key->pk, der);

	if (ret) {
		mbed_err(e, ERR_INTERNAL, "reading a private key", ret);
		return NULL;
	}
	key->type = type_in(&key->pk);
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

/*
 * mbedTLS 2.28 signs with a fresh copy of an EC key, and makes the table of the base point anew each time, which takes
 * four times as long as the signature: it is not asked through its pk layer.
 */
static int sign_ecdsa(const struct key *key, struct slice hash, unsigned char *out, size_t *len)
{
	mbedtls_ecdsa_context *ec = mbedtls_pk_ec(*pk_of(key));

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_ecdsa_write_signature(ec, traits[key->type].hash, hash.data, hash.len, out,
					     MBEDTLS_PK_SIGNATURE_MAX_SIZE, len, random_mbedtls, NULL);
#else
	return mbedtls_ecdsa_write_signature(ec, traits[key->type].hash, hash.data, hash.len, out, len,
					     random_mbedtls, NULL);
#endif
}

static int sign_rsa(const struct key *key, struct slice hash, unsigned char *out, size_t *len)
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
	bool rsa = traits[key->type].curve == MBEDTLS_ECP_DP_NONE;
	int ret = !hash_len ? MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE :
		  rsa ? sign_rsa(key, slice(hash, hash_len), out, &len) :
			sign_ecdsa(key, slice(hash, hash_len), out, &len);

	if (ret)
		return mbed_err(e, ERR_INTERNAL, "signing", ret);
	if (rsa)
		buf_add(signature, out, len);
	else if (!add_fixed_width(signature, slice(out, len), (traits[key->type].bits + 7) / 8))
		return err_set(e, ERR_INTERNAL, "signing: mbedTLS made a signature that cannot be read");
	return 0;
}

/* One signature, for the table of the base point: mbedTLS writes it into the key without a lock. */
static int warm_up(mbedtls_pk_context *pk, enum key_type type)
{
	unsigned char hash[MBED_HASH_MAX], out[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
	size_t len, hash_len = mbed_hash(traits[type].hash, slice_str("ready"), hash);

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	return mbedtls_pk_sign(pk, traits[type].hash, hash, hash_len, out, sizeof(out), &len, random_mbedtls, NULL);
#else
	return mbedtls_pk_sign(pk, traits[type].hash, hash, hash_len, out, &len, random_mbedtls, NULL);
#endif
}

/* mbedTLS 2.28 copies an EC key for each signature, see sign_ecdsa(), but not one that is for ECDSA alone. */
static int make_ecdsa(struct key *key)
{
	int ret = mbedtls_pk_setup(&key->ecdsa, mbedtls_pk_info_from_type(MBEDTLS_PK_ECDSA));

	return ret ? ret : mbedtls_ecdsa_from_keypair(mbedtls_pk_ec(key->ecdsa), mbedtls_pk_ec(key->pk));
}

int key_ready(struct key *key, struct err *e)
{
	int ret = 0;

	if (traits[key->type].curve != MBEDTLS_ECP_DP_NONE)
		ret = make_ecdsa(key);
	if (!ret)
		ret = warm_up(key_mbedtls(key), key->type);
	return ret ? mbed_err(e, ERR_INTERNAL, "making a key ready for handshakes", ret) : 0;
}

void *key_mbedtls(struct key *key)
{
	return mbedtls_pk_get_type(&key->ecdsa) == MBEDTLS_PK_NONE ? &key->pk : &key->ecdsa;
}
