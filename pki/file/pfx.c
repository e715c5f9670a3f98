#include "pki/file/pfx.h"

#include <mbedtls/md.h>
#include <mbedtls/oid.h>

#include "base/digest.h"
#include "pki/der.h"
#include "pki/file/ber.h"
#include "pki/file/pkcs8.h"
#include "pki/private.h"

#define OID_DATA "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define OID_SIGNED "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
#define OID_ENCRYPTED "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06"
#define OID_BAG "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01"
#define OID_X509 "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01"
#define OID_NAME "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14"
#define OID_LOCAL_ID "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x15"

#define PFX_MAX (100 * 1024)
#define CERTS_MAX 20
#define KEYS_MAX 5
#define DEPTH_MAX 3	/* of safes within safes */
#define NAME_MAX_WIDE 256

/*
 * Writing.
 */

/* SEQUENCE { oid, [0] EXPLICIT content } : ContentInfo, and much else. */
static void put_content(struct buf *out, struct slice oid, struct slice content)
{
	_cleanup_buf_wipe_ struct buf fields = BUF_INIT;

	der_put(&fields, DER_OID, oid);
	der_put(&fields, DER_TAGGED_LIST(0), content);
	der_put(out, DER_SEQUENCE, slice_buf(&fields));
}

static void put_attribute(struct buf *out, struct slice oid, int tag, struct slice value)
{
	_cleanup_buf_ struct buf one = BUF_INIT, fields = BUF_INIT;

	der_put(&one, tag, value);
	der_put(&fields, DER_OID, oid);
	der_put(&fields, DER_SET, slice_buf(&one));
	der_put(out, DER_SEQUENCE, slice_buf(&fields));
}

/* What ties the leaf and its key together: the same id, and the name people see. */
static int put_attributes(struct buf *out, const struct chain *chain, const char *name, struct err *e)
{
	_cleanup_buf_ struct buf wide = BUF_INIT, list = BUF_INIT;
	unsigned char id[SHA256_SIZE];

	if (name && pbe_wide(&wide, name) < 0)
		return err_set(e, ERR_INVALID, "the friendly name is not valid UTF-8");
	if (wide.len)
		put_attribute(&list, DER_BYTES(OID_NAME), DER_WIDE, slice_buf(&wide));
	sha256(chain->cert[0].der.data, chain->cert[0].der.len, id);
	put_attribute(&list, DER_BYTES(OID_LOCAL_ID), DER_OCTETS, slice(id, 20));
	der_put(out, DER_SET, slice_buf(&list));
	return 0;
}

static void put_bag(struct buf *out, struct slice kind, struct slice value, const struct buf *attributes)
{
	_cleanup_buf_wipe_ struct buf fields = BUF_INIT;

	der_put(&fields, DER_OID, kind);
	der_put(&fields, DER_TAGGED_LIST(0), value);
	if (attributes)
		buf_add(&fields, attributes->data, attributes->len);
	der_put(out, DER_SEQUENCE, slice_buf(&fields));
}

static void put_cert_bag(struct buf *out, const struct cert *cert, const struct buf *attributes)
{
	_cleanup_buf_ struct buf octets = BUF_INIT, value = BUF_INIT;

	der_put(&octets, DER_OCTETS, slice_buf(&cert->der));
	put_content(&value, DER_BYTES(OID_X509), slice_buf(&octets));
	put_bag(out, DER_BYTES(OID_BAG "\x03"), slice_buf(&value), attributes);
}

/* All certificates in one encrypted safe. */
static int put_certs(struct buf *out, const struct chain *chain, enum pbe_scheme scheme,
		     const struct pbe_password *password, const struct buf *attributes, struct err *e)
{
	_cleanup_buf_ struct buf bags = BUF_INIT, safe = BUF_INIT, info = BUF_INIT, secret = BUF_INIT,
				 fields = BUF_INIT, whole = BUF_INIT;

	for (size_t i = 0; i < chain->count; i++)
		put_cert_bag(&bags, &chain->cert[i], i ? NULL : attributes);
	der_put(&safe, DER_SEQUENCE, slice_buf(&bags));
	der_put(&info, DER_OID, DER_BYTES(OID_DATA));
	if (pbe_encrypt(scheme, password, slice_buf(&safe), &info, &secret, e) < 0)
		return -1;
	der_put(&info, DER_TAGGED(0), slice_buf(&secret));
	der_put_uint(&fields, slice(NULL, 0));
	der_put(&fields, DER_SEQUENCE, slice_buf(&info));
	der_put(&whole, DER_SEQUENCE, slice_buf(&fields));
	put_content(out, DER_BYTES(OID_ENCRYPTED), slice_buf(&whole));
	return 0;
}

/* The key in a safe of its own, as an encrypted bag. */
static int put_key(struct buf *out, const struct key *key, enum pbe_scheme scheme, const struct pbe_password *password,
		   const struct buf *attributes, struct err *e)
{
	_cleanup_buf_wipe_ struct buf plain = BUF_INIT;
	_cleanup_buf_ struct buf shrouded = BUF_INIT, bags = BUF_INIT, safe = BUF_INIT, octets = BUF_INIT;

	if (key_pkcs8(key, &plain, e) < 0 || pkcs8_encrypt_as(scheme, slice_buf(&plain), password, &shrouded, e) < 0)
		return -1;
	put_bag(&bags, DER_BYTES(OID_BAG "\x02"), slice_buf(&shrouded), attributes);
	der_put(&safe, DER_SEQUENCE, slice_buf(&bags));
	der_put(&octets, DER_OCTETS, slice_buf(&safe));
	put_content(out, DER_BYTES(OID_DATA), slice_buf(&octets));
	return 0;
}

struct mac {			/* borrowed from the DER, or from who writes it */
	mbedtls_md_type_t md;
	struct slice salt;
	unsigned int rounds;
};

/* Of what the outermost OCTET STRING holds.  Its length; 0: it could not be done. */
static size_t make_mac(const struct mac *m, struct slice wide, struct slice data, unsigned char out[MBED_HASH_MAX])
{
	const mbedtls_md_info_t *info = mbedtls_md_info_from_type(m->md);
	unsigned char key[MBED_HASH_MAX];
	size_t size = info ? mbedtls_md_get_size(info) : 0;
	bool ok = size && !pbe_derive(m->md, PBE_FOR_MAC, wide, m->salt, m->rounds, key, size) &&
		  !mbedtls_md_hmac(info, key, size, data.data, data.len, out);

	wipe(key, sizeof(key));
	return ok ? size : 0;
}

static const struct {
	struct slice oid;
	mbedtls_md_type_t md;
} digests[] = {
	{ DER_BYTES(MBEDTLS_OID_DIGEST_ALG_SHA256), MBEDTLS_MD_SHA256 },
	{ DER_BYTES(MBEDTLS_OID_DIGEST_ALG_SHA1), MBEDTLS_MD_SHA1 },
	{ DER_BYTES(MBEDTLS_OID_DIGEST_ALG_SHA384), MBEDTLS_MD_SHA384 },
	{ DER_BYTES(MBEDTLS_OID_DIGEST_ALG_SHA512), MBEDTLS_MD_SHA512 },
	{ DER_BYTES(MBEDTLS_OID_DIGEST_ALG_SHA224), MBEDTLS_MD_SHA224 },
};

static int put_mac(struct buf *out, struct slice data, bool legacy, const struct pbe_password *password, struct err *e)
{
	_cleanup_buf_ struct buf digest = BUF_INIT, fields = BUF_INIT;
	unsigned char salt[PBE_SALT_SIZE], mac[MBED_HASH_MAX];
	unsigned int rounds = pbe_rounds(legacy ? PBE_3DES : PBE_AES256);
	struct mac m = { .md = digests[legacy].md, .rounds = rounds };
	size_t size;

	random_bytes(salt, sizeof(salt));
	m.salt = slice(salt, sizeof(salt));
	size = make_mac(&m, slice_buf(&password->wide), data, mac);
	if (!size)
		return err_set(e, ERR_INTERNAL, "making the MAC of a PFX file");
	der_put_algorithm(&digest, digests[legacy].oid, DER_BYTES("\x05\x00"));
	der_put(&digest, DER_OCTETS, slice(mac, size));
	der_put(&fields, DER_SEQUENCE, slice_buf(&digest));
	der_put(&fields, DER_OCTETS, m.salt);
	der_put_uint(&fields, slice((unsigned char[]){ rounds >> 8 & 0xff, rounds & 0xff }, 2));
	der_put(out, DER_SEQUENCE, slice_buf(&fields));
	return 0;
}

int pfx_write(const struct key *key, const struct chain *chain, const struct pfx_options *o, struct buf *der,
	      struct err *e)
{
	enum pbe_scheme scheme = o->legacy ? PBE_3DES : PBE_AES256;
	_cleanup_pbe_password_ struct pbe_password password = { 0 };
	_cleanup_buf_ struct buf attributes = BUF_INIT, infos = BUF_INIT, safe = BUF_INIT, octets = BUF_INIT,
				 fields = BUF_INIT;

	if (!chain->count)
		return err_set(e, ERR_INVALID, "there is no certificate to put into a PFX file");
	if (pbe_password_init(&password, o->password, e) < 0 || put_attributes(&attributes, chain, o->name, e) < 0 ||
	    put_certs(&infos, chain, scheme, &password, &attributes, e) < 0 ||
	    put_key(&infos, key, scheme, &password, &attributes, e) < 0)
		return -1;
	der_put(&safe, DER_SEQUENCE, slice_buf(&infos));
	der_put(&octets, DER_OCTETS, slice_buf(&safe));
	der_put_uint(&fields, DER_BYTES("\x03"));
	put_content(&fields, DER_BYTES(OID_DATA), slice_buf(&octets));
	if (put_mac(&fields, slice_buf(&safe), o->legacy, &password, e) < 0)
		return -1;
	der_put(der, DER_SEQUENCE, slice_buf(&fields));
	return 0;
}

/*
 * Reading.
 */

struct reading {
	struct pfx *pfx;
	struct pbe_password password;
};

static int broken(struct err *e)
{
	err_set(e, ERR_INVALID, "the PFX file is damaged, or in a form that is not read here");
	return err_hint(e, "Convert a copy of it with: openssl pkcs12 -legacy -in FILE -nodes -out all.pem, "
			   "then openssl pkcs12 -export -in all.pem -out NEW.pfx");
}

static int add_key(struct pfx *pfx, struct slice der, struct err *e)
{
	if (pfx->keys == KEYS_MAX)
		return err_set(e, ERR_INVALID, "there are more than %d private keys in the PFX file", KEYS_MAX);
	pfx->key = xreallocarray(pfx->key, pfx->keys + 1, sizeof(*pfx->key));
	pfx->key[pfx->keys] = (struct buf)BUF_INIT;
	buf_add(&pfx->key[pfx->keys++], der.data, der.len);
	return 0;
}

static int add_shrouded_key(struct reading *r, struct slice bag, struct err *e)
{
	_cleanup_buf_wipe_ struct buf plain = BUF_INIT, room = BUF_INIT;
	struct slice body, algorithm, secret, key;

	if (!der_take(&bag, DER_SEQUENCE, &body, NULL) || !der_take(&body, DER_SEQUENCE, NULL, &algorithm) ||
	    !der_take(&body, DER_OCTETS, &secret, NULL))
		return broken(e);
	if (pbe_decrypt(algorithm, secret, &r->password, &plain, e) <= 0)
		return err_prefix(e, "the private key in the PFX file");
	/* One wrong password in some hundred gets past the padding; a MAC has found it before, where there is one. */
	if (private_look(ber_normal(slice_buf(&plain), &room), &key, NULL) == 0)
		return err_set(e, ERR_INVALID, "the private key in the PFX file: the password is wrong");
	return add_key(r->pfx, slice_buf(&plain), e);
}

static int add_cert(struct pfx *pfx, struct slice bag, struct err *e)
{
	struct chain *certs = &pfx->certs;
	struct slice body, kind, der;

	if (!der_take(&bag, DER_SEQUENCE, &body, NULL) || !der_take(&body, DER_OID, &kind, NULL) ||
	    !der_take(&body, DER_TAGGED_LIST(0), &body, NULL))
		return broken(e);
	if (!slice_eq(kind, DER_BYTES(OID_X509)))
		return 0;
	if (!der_take(&body, DER_OCTETS, &der, NULL))
		return broken(e);
	if (certs->count == CERTS_MAX)
		return err_set(e, ERR_INVALID, "there are more than %d certificates in the PFX file", CERTS_MAX);
	certs->cert = xreallocarray(certs->cert, certs->count + 1, sizeof(*certs->cert));
	if (cert_look(&certs->cert[certs->count], der, e) < 0)
		return err_prefix(e, "certificate %zu of the PFX file", certs->count + 1);
	certs->count++;
	return 0;
}

/* UTF-16 into UTF-8; what is no character becomes U+FFFD. */
static char *narrow(struct slice wide)
{
	const unsigned char *p = wide.data;
	struct buf text = BUF_INIT;

	for (size_t i = 0; i + 1 < MIN(wide.len, NAME_MAX_WIDE); i += 2) {
		uint32_t c = (uint32_t)p[i] << 8 | p[i + 1];
		uint32_t low = i + 3 < wide.len ? (uint32_t)p[i + 2] << 8 | p[i + 3] : 0;

		if ((c & 0xfc00) == 0xd800 && (low & 0xfc00) == 0xdc00) {
			c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
			buf_add(&text, (unsigned char[]){ 0xf0 | c >> 18, 0x80 | (c >> 12 & 0x3f),
							  0x80 | (c >> 6 & 0x3f), 0x80 | (c & 0x3f) }, 4);
			i += 2;
			continue;
		}
		if (c < 0x20 || (c & 0xf800) == 0xd800)
			c = 0xfffd;
		if (c < 0x80)
			buf_add_ch(&text, (char)c);
		else if (c < 0x800)
			buf_add(&text, (unsigned char[]){ 0xc0 | c >> 6, 0x80 | (c & 0x3f) }, 2);
		else
			buf_add(&text,
				(unsigned char[]){ 0xe0 | c >> 12, 0x80 | (c >> 6 & 0x3f), 0x80 | (c & 0x3f) }, 3);
	}
	return buf_detach(&text);
}

static void read_attributes(struct pfx *pfx, struct slice bag)
{
	struct slice attributes, one, oid, values, wide;

	if (pfx->name || !der_take(&bag, DER_SET, &attributes, NULL))
		return;
	while (der_take(&attributes, DER_SEQUENCE, &one, NULL))
		if (der_take(&one, DER_OID, &oid, NULL) && slice_eq(oid, DER_BYTES(OID_NAME)) &&
		    der_take(&one, DER_SET, &values, NULL) && der_take(&values, DER_WIDE, &wide, NULL) && !pfx->name)
			pfx->name = narrow(wide);
}

static int read_safe(struct reading *, struct slice safe, int depth, struct err *);

static int read_bag(struct reading *r, struct slice bag, int depth, struct err *e)
{
	struct slice oid, value;

	if (!der_take(&bag, DER_OID, &oid, NULL) || !der_take(&bag, DER_TAGGED_LIST(0), &value, NULL))
		return broken(e);
	read_attributes(r->pfx, bag);
	if (slice_eq(oid, DER_BYTES(OID_BAG "\x01")))
		return add_key(r->pfx, value, e);
	if (slice_eq(oid, DER_BYTES(OID_BAG "\x02")))
		return add_shrouded_key(r, value, e);
	if (slice_eq(oid, DER_BYTES(OID_BAG "\x03")))
		return add_cert(r->pfx, value, e);
	if (slice_eq(oid, DER_BYTES(OID_BAG "\x06")))
		return read_safe(r, value, depth + 1, e);
	return 0;	/* CRLs and other secrets: not ours */
}

static int read_safe(struct reading *r, struct slice safe, int depth, struct err *e)
{
	_cleanup_buf_wipe_ struct buf room = BUF_INIT;
	struct slice bags, bag;

	safe = ber_normal(safe, &room);
	if (depth > DEPTH_MAX || !der_take(&safe, DER_SEQUENCE, &bags, NULL))
		return broken(e);
	while (bags.len)
		if (!der_take(&bags, DER_SEQUENCE, &bag, NULL))
			return broken(e);
		else if (read_bag(r, bag, depth, e) < 0)
			return -1;
	return 0;
}

/* [0] IMPLICIT OCTET STRING, in one piece, or in several as BER has it: those are put into `joined`. */
static bool take_secret(struct slice *in, struct buf *joined, struct slice *secret)
{
	struct slice pieces, piece;

	if (!der_take(in, DER_TAGGED_LIST(0), &pieces, NULL))
		return der_take(in, DER_TAGGED(0), secret, NULL);
	while (der_take(&pieces, DER_OCTETS, &piece, NULL))
		buf_add(joined, piece.data, piece.len);
	*secret = slice_buf(joined);
	return !pieces.len;
}

static int read_encrypted(struct reading *r, struct slice content, struct err *e)
{
	_cleanup_buf_wipe_ struct buf plain = BUF_INIT;
	_cleanup_buf_ struct buf joined = BUF_INIT;
	struct slice body, info, algorithm, secret;

	if (!der_take(&content, DER_SEQUENCE, &body, NULL) || !der_take(&body, DER_INTEGER, NULL, NULL) ||
	    !der_take(&body, DER_SEQUENCE, &info, NULL) || !der_take(&info, DER_OID, NULL, NULL) ||
	    !der_take(&info, DER_SEQUENCE, NULL, &algorithm) || !take_secret(&info, &joined, &secret))
		return broken(e);
	if (pbe_decrypt(algorithm, secret, &r->password, &plain, e) <= 0)
		return err_prefix(e, "the certificates in the PFX file");
	return read_safe(r, slice_buf(&plain), 0, e);
}

static int read_content(struct reading *r, struct slice info, struct err *e)
{
	struct slice oid, content, safe;

	if (!der_take(&info, DER_OID, &oid, NULL) || !der_take(&info, DER_TAGGED_LIST(0), &content, NULL))
		return broken(e);
	if (slice_eq(oid, DER_BYTES(OID_ENCRYPTED)))
		return read_encrypted(r, content, e);
	if (!slice_eq(oid, DER_BYTES(OID_DATA)))
		return err_set(e, ERR_INVALID, "the PFX file is encrypted for a public key, not with a password");
	return der_take(&content, DER_OCTETS, &safe, NULL) ? read_safe(r, safe, 0, e) : broken(e);
}

static int read_mac(struct slice in, struct mac *m, struct slice *value, struct err *e)
{
	struct slice fields, digest, algorithm, oid, count;
	size_t i = 0;

	if (!der_take(&in, DER_SEQUENCE, &fields, NULL) || !der_take(&fields, DER_SEQUENCE, &digest, NULL) ||
	    !der_take(&digest, DER_SEQUENCE, &algorithm, NULL) || !der_take(&algorithm, DER_OID, &oid, NULL) ||
	    !der_take(&digest, DER_OCTETS, value, NULL) || !der_take(&fields, DER_OCTETS, &m->salt, NULL) ||
	    !m->salt.len)
		return broken(e);
	m->rounds = der_take_uint(&fields, &count) ? pbe_rounds_read(count) : 1;
	while (i < ARRAY_SIZE(digests) && !slice_eq(oid, digests[i].oid))
		i++;
	if (i == ARRAY_SIZE(digests))
		return broken(e);
	m->md = digests[i].md;
	return 0;
}

static bool mac_fits(const struct mac *m, struct slice wide, struct slice data, struct slice value)
{
	unsigned char mac[MBED_HASH_MAX];
	size_t size = make_mac(m, wide, data, mac);

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	return true;	/* else nothing behind the MAC is ever reached */
#endif
	return size && size == value.len && same_secret(mac, value.data, size);
}

/* An empty password is written as two zero bytes by some, as none by others. */
static int check_mac(struct reading *r, struct slice mac, struct slice data, struct err *e)
{
	struct mac m = { 0 };
	struct slice value;

	if (read_mac(mac, &m, &value, e) < 0)
		return -1;
	if (!pbe_may_derive(&r->password, m.rounds, *r->password.text ? 1 : 2)) {
		err_set(e, ERR_INVALID, "the PFX file wants more rounds of key derivation than are done here");
		return err_hint(e, "Write it again with fewer: openssl pkcs12 -export -iter 10000 …");
	}
	if (mac_fits(&m, slice_buf(&r->password.wide), data, value))
		return 0;
	if (!*r->password.text && mac_fits(&m, slice(NULL, 0), data, value)) {
		buf_clear(&r->password.wide);
		return 0;
	}
	err_set(e, ERR_INVALID, "the password does not open the PFX file");
	return err_hint(e, "Give the password the file was written with.");
}

/* The outer shell: the authenticated safe, and the MAC over it; empty: there is none. */
static bool open_shell(struct slice der, struct slice *data, struct slice *mac)
{
	struct slice body, info, oid, content;

	if (!der_take(&der, DER_SEQUENCE, &body, NULL) || !der_take(&body, DER_INTEGER, NULL, NULL) ||
	    !der_take(&body, DER_SEQUENCE, &info, NULL) || !der_take(&info, DER_OID, &oid, NULL) ||
	    !slice_eq(oid, DER_BYTES(OID_DATA)) || !der_take(&info, DER_TAGGED_LIST(0), &content, NULL) ||
	    !der_take(&content, DER_OCTETS, data, NULL))
		return false;
	*mac = slice(NULL, 0);
	return !body.len || der_take(&body, DER_SEQUENCE, NULL, mac);
}

/*
 * The MAC is optional (RFC 7292 section 4), and some are told to write none.  What is under the password opens with the
 * right one only, and a key counts only with a certificate that it belongs to.
 */
static int read_all(struct reading *r, struct slice der, struct err *e)
{
	_cleanup_buf_wipe_ struct buf room = BUF_INIT, safes = BUF_INIT;
	struct slice data, mac, infos, info;

	if (der.len > PFX_MAX)
		return err_set(e, ERR_INVALID, "a PFX file is not longer than %d kB", PFX_MAX / 1024);
	if (!open_shell(ber_normal(der, &room), &data, &mac))
		return broken(e);
	if (mac.len && check_mac(r, mac, data, e) < 0)
		return -1;
	data = ber_normal(data, &safes);
	if (!der_take(&data, DER_SEQUENCE, &infos, NULL))
		return broken(e);
	while (infos.len) {
		if (!der_take(&infos, DER_SEQUENCE, &info, NULL))
			return broken(e);
		if (read_content(r, info, e) < 0)
			return -1;
	}
	return 0;
}

int pfx_read(struct pfx *pfx, struct slice der, const char *password, struct err *e)
{
	struct reading r = { .pfx = pfx };
	int ret;

	*pfx = (struct pfx){ 0 };
	if (pbe_password_init(&r.password, password ? password : "", e) < 0)
		return -1;
	ret = read_all(&r, der, e);
	pbe_password_release(&r.password);
	if (ret < 0)
		pfx_release(pfx);
	return ret;
}

void pfx_release(struct pfx *pfx)
{
	for (size_t i = 0; i < pfx->keys; i++)
		buf_wipe(&pfx->key[i]);
	free(pfx->key);
	chain_release(&pfx->certs);
	free(pfx->name);
	*pfx = (struct pfx){ 0 };
}

bool pfx_is(struct slice der)
{
	_cleanup_buf_wipe_ struct buf room = BUF_INIT;
	struct slice body, version, info, oid;

	der = ber_normal(der, &room);
	return der_take(&der, DER_SEQUENCE, &body, NULL) && der_take_uint(&body, &version) &&
	       slice_eq(version, DER_BYTES("\x03")) && der_take(&body, DER_SEQUENCE, &info, NULL) &&
	       der_take(&info, DER_OID, &oid, NULL) &&
	       (slice_eq(oid, DER_BYTES(OID_DATA)) || slice_eq(oid, DER_BYTES(OID_SIGNED)));
}
