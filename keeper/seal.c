#include "keeper/seal.h"

#include <mbedtls/gcm.h>

#include "base/digest.h"
#include "base/encode.h"

#define MAGIC "cers"
#define FORMAT 1

enum {			/* where the parts of a blob start */
	AT_FORMAT = 4,
	AT_KEY_ID = AT_FORMAT + 1,
	AT_NONCE = AT_KEY_ID + SEAL_KEY_ID_SIZE,
	NONCE_SIZE = 12,
	AT_TEXT = AT_NONCE + NONCE_SIZE,
	TAG_SIZE = 16,
};

void seal_init(struct seal *s, const unsigned char key[SEAL_KEY_SIZE], const char *origin)
{
	const struct slice parts[] = { slice_str("certera master key id"), slice(key, SEAL_KEY_SIZE) };
	unsigned char hash[SHA256_SIZE];

	sha256_slices(parts, ARRAY_SIZE(parts), hash);
	memcpy(s->key, key, SEAL_KEY_SIZE);
	memcpy(s->key_id, hash, SEAL_KEY_ID_SIZE);
	s->origin = origin;
	wipe(hash, sizeof(hash));
}

void seal_release(struct seal *s)
{
	wipe(s, sizeof(*s));
}

/* What is authenticated beside the secret: kind NUL id.  No kind has a NUL, so this is unambiguous. */
static void add_label(struct buf *b, const char *kind, struct slice id)
{
	buf_add(b, kind, strlen(kind) + 1);
	if (id.len)
		buf_add(b, id.data, id.len);
}

static void set_key(mbedtls_gcm_context *gcm, const struct seal *s)
{
	mbedtls_gcm_init(gcm);
	if (mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, s->key, 8 * SEAL_KEY_SIZE))
		die("mbedTLS does not do AES-256-GCM");
}

void seal_close(const struct seal *s, const char *kind, struct slice id, struct slice secret, struct buf *blob)
{
	_cleanup_buf_ struct buf label = BUF_INIT;
	mbedtls_gcm_context gcm;
	unsigned char *out = buf_reserve(blob, AT_TEXT + secret.len + TAG_SIZE);

	memcpy(out, MAGIC, AT_FORMAT);
	out[AT_FORMAT] = FORMAT;
	memcpy(out + AT_KEY_ID, s->key_id, SEAL_KEY_ID_SIZE);
	random_bytes(out + AT_NONCE, NONCE_SIZE);
	add_label(&label, kind, id);
	set_key(&gcm, s);
	if (mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, secret.len, out + AT_NONCE, NONCE_SIZE,
				      (const unsigned char *)label.data, label.len, secret.data, out + AT_TEXT,
				      TAG_SIZE, out + AT_TEXT + secret.len))
		die("mbedTLS does not seal");
	mbedtls_gcm_free(&gcm);
	blob->len += AT_TEXT + secret.len + TAG_SIZE;
	blob->data[blob->len] = '\0';
}

static int wrong_key(const struct seal *s, const unsigned char *made_by, struct err *e)
{
	_cleanup_free_ char *expected = hex_str(made_by, SEAL_KEY_ID_SIZE);
	_cleanup_free_ char *present = hex_str(s->key_id, SEAL_KEY_ID_SIZE);

	err_set(e, ERR_CONFIG, "the master key %s does not open this store", s->origin);
	return err_hint(
		e,
		"The store was sealed with the master key of fingerprint %s, this one is %s. Was a different "
		"master key file restored, or the store of a different installation? Put the file that belongs to "
		"the store in place; nothing was changed.",
		expected, present);
}

int seal_check(const struct seal *s, struct slice blob, struct err *e)
{
	const unsigned char *p = blob.data;

	if (blob.len < AT_TEXT + TAG_SIZE || memcmp(p, MAGIC, AT_FORMAT))
		return err_set(e, ERR_STORAGE, "what should be a sealed secret is none: the store is damaged");
	if (p[AT_FORMAT] != FORMAT) {
		err_set(e, ERR_STORAGE, "a sealed secret has format %d, this Certera knows %d", p[AT_FORMAT], FORMAT);
		return err_hint(e, "A newer Certera made it: install that version again.");
	}
	if (memcmp(p + AT_KEY_ID, s->key_id, SEAL_KEY_ID_SIZE))
		return wrong_key(s, p + AT_KEY_ID, e);
	return 0;
}

int seal_open(const struct seal *s, const char *kind, struct slice id, struct slice blob, struct buf *secret,
	      struct err *e)
{
	_cleanup_buf_ struct buf label = BUF_INIT;
	const unsigned char *p = blob.data;
	mbedtls_gcm_context gcm;
	size_t len;
	void *out;
	int failed;

	if (seal_check(s, blob, e) < 0)
		return -1;
	len = blob.len - AT_TEXT - TAG_SIZE;
	out = buf_reserve(secret, len + 1);
	add_label(&label, kind, id);
	set_key(&gcm, s);
	failed = mbedtls_gcm_auth_decrypt(&gcm, len, p + AT_NONCE, NONCE_SIZE, (const unsigned char *)label.data,
					  label.len, p + AT_TEXT + len, TAG_SIZE, p + AT_TEXT, out);
	mbedtls_gcm_free(&gcm);
	if (failed)
		return err_set(e, ERR_STORAGE, "a sealed secret (%s) does not belong to this record, or is damaged",
			       kind);
	secret->len += len;
	secret->data[secret->len] = '\0';
	return 0;
}

void seal_mac(const struct seal *s, const char *label, struct slice data, unsigned char mac[SHA256_SIZE])
{
	unsigned char key[SHA256_SIZE];

	hmac_sha256(slice(s->key, SEAL_KEY_SIZE), slice_str(label), key);
	hmac_sha256(slice(key, sizeof(key)), data, mac);
	wipe(key, sizeof(key));
}
