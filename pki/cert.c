#include "pki/cert.h"

#include <mbedtls/oid.h>
#include <time.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "pki/der.h"
#include "pki/file/load.h"
#include "pki/kind.h"
#include "pki/rsa.h"
#include "pki/signed.h"
#include "pki/x509.h"

#define DAY 86400
#define CN_MAX 64 /* ub-common-name, RFC 5280 appendix A */

static int read_names(struct cert *c, struct slice extensions, struct err *e)
{
	struct slice san;

	c->has_san = x509_extension(extensions, DER_BYTES(MBEDTLS_OID_SUBJECT_ALT_NAME), &san);
	if (c->has_san)
		return x509_san_read(san, &c->names, e);
	if (c->subject_cn) {
		_cleanup_free_ char *name = x509_name_normal(c->subject_cn);

		strv_add(&c->names, name);
	}
	return 0;
}

static char *read_aki(struct slice extensions)
{
	struct slice value, id;

	if (!x509_extension(extensions, DER_BYTES(MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER), &value) ||
	    !der_take(&value, DER_SEQUENCE, &value, NULL) || !der_take(&value, DER_TAGGED(0), &id, NULL))
		return NULL;
	return hex_str(id.data, id.len);
}

static bool read_ca(struct slice extensions)
{
	struct slice value, ca;

	return x509_extension(extensions, DER_BYTES(MBEDTLS_OID_BASIC_CONSTRAINTS), &value) &&
	       der_take(&value, DER_SEQUENCE, &value, NULL) && der_take(&value, DER_BOOLEAN, &ca, NULL) &&
	       ca.len == 1 && *(const unsigned char *)ca.data;
}

static void read_fields(struct cert *c, struct slice der, const struct signed_cert *s)
{
	struct slice element = s->serial, serial = { NULL, 0 };
	unsigned char hash[SHA256_SIZE];

	der_take(&element, DER_INTEGER, &serial, NULL);
	buf_add(&c->der, der.data, der.len);
	buf_add(&c->spki, s->spki.data, s->spki.len);
	sha256(c->der.data, c->der.len, hash);
	c->fingerprint = hex_str(hash, sizeof(hash));
	c->serial = hex_str(serial.data, serial.len);
	c->subject = x509_name_text(s->subject);
	c->issuer = x509_name_text(s->issuer);
	c->subject_cn = x509_name_cn(s->subject);
	c->issuer_cn = x509_name_cn(s->issuer);
	c->aki = read_aki(s->extensions);
	c->not_before = s->not_before;
	c->not_after = s->not_after;
	c->is_ca = read_ca(s->extensions);
}

/* Why mbedTLS does not read it, in better words than its own. */
static void explain(const struct cert *c, struct slice algorithm, struct err *e)
{
	mbedtls_asn1_buf raw = { .tag = DER_OID, .len = algorithm.len, .p = (unsigned char *)algorithm.data };
	_cleanup_free_ char *key = spki_text(slice_buf(&c->spki)), *signature = kind_of_signature(algorithm);
	mbedtls_md_type_t md;
	mbedtls_pk_type_t pk;

	if (!str_starts(key, "RSA ") && !str_starts(key, "EC"))
		err_set(e, ERR_INVALID, "its key is %s; RSA and EC keys can be used here", key);
	else if (mbedtls_oid_get_sig_alg(&raw, &md, &pk))
		err_set(e, ERR_INVALID, "it is signed with %s, which is not read here", signature);
}

/* What keeps us from using it; not set: nothing. */
static void check_usable(struct cert *c, const struct signed_cert *s, struct err *e)
{
	struct signed_thing thing;
	mbedtls_x509_crt crt;

	if (read_names(c, s->extensions, e) < 0 || rsa_check_spki(s->spki, e) < 0)
		return;
	mbedtls_x509_crt_init(&crt);
	if (load_cert(&crt, slice_buf(&c->der), e) < 0 && signed_read(&thing, slice_buf(&c->der)))
		explain(c, thing.algorithm, e);
	mbedtls_x509_crt_free(&crt);
}

int cert_look(struct cert *c, struct slice der, struct err *e)
{
	struct signed_cert s;
	struct err why = { 0 };

	*c = (struct cert){ 0 };
	if (!signed_cert_read(&s, der)) {
		bool more = der_take(&der, DER_SEQUENCE, NULL, NULL) && der.len;

		return err_set(e, ERR_INVALID, "%s", more ? "there is something behind the end of the certificate" :
							    "this is no certificate that can be read");
	}
	read_fields(c, der, &s);
	check_usable(c, &s, &why);
	if (err_is_set(&why))
		c->unusable = xstrdup(why.message);
	return 0;
}

int cert_parse(struct cert *c, struct slice der, struct err *e)
{
	if (cert_look(c, der, e) < 0)
		return -1;
	if (!c->unusable)
		return 0;
	err_set(e, ERR_INVALID, "the certificate is not usable: %s", c->unusable);
	cert_release(c);
	return -1;
}

void cert_release(struct cert *c)
{
	strv_free(c->names);
	free(c->subject);
	free(c->issuer);
	free(c->subject_cn);
	free(c->issuer_cn);
	free(c->serial);
	free(c->fingerprint);
	free(c->aki);
	free(c->unusable);
	buf_release(&c->der);
	buf_release(&c->spki);
	*c = (struct cert){ 0 };
}

const char *cert_issuer(const struct cert *c)
{
	return c->issuer_cn ? c->issuer_cn : c->issuer;
}

/* UTCTime, without the century, until 2049; GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5). */
static void put_time(struct buf *out, int64_t when)
{
	struct tm tm;
	time_t t = (time_t)when;
	char text[20];
	bool general;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	general = tm.tm_year >= 150;
	der_put(out, general ? DER_TIME : DER_UTC_TIME, slice_str(general ? text : text + 2));
}

static void put_validity(struct buf *out, int64_t now)
{
	_cleanup_buf_ struct buf times = BUF_INIT;

	put_time(&times, now - DAY);
	put_time(&times, now + 3652 * (int64_t)DAY);
	der_put(out, DER_SEQUENCE, slice_buf(&times));
}

static void put_serial(struct buf *out)
{
	unsigned char serial[16];

	random_bytes(serial, sizeof(serial));
	serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and always the same length */
	der_put(out, DER_INTEGER, slice(serial, sizeof(serial)));
}

static void put_name(struct buf *out, const char *host)
{
	_cleanup_buf_ struct buf rdns = BUF_INIT;

	x509_name_put(&rdns, DER_BYTES(MBEDTLS_OID_AT_ORGANIZATION), DER_UTF8, "self-signed");
	if (strlen(host) <= CN_MAX)
		x509_name_put(&rdns, DER_BYTES(MBEDTLS_OID_AT_CN), DER_UTF8, host);
	der_put(out, DER_SEQUENCE, slice_buf(&rdns));
}

static void put_extensions(struct buf *out, const char *host)
{
	static const char server_auth[] = "\x30\x0a\x06\x08" MBEDTLS_OID_SERVER_AUTH;
	char *names[] = { (char *)host, NULL };
	_cleanup_buf_ struct buf san = BUF_INIT, list = BUF_INIT, sequence = BUF_INIT;

	x509_san_put(&san, names);
	x509_extension_put(&list, DER_BYTES(MBEDTLS_OID_SUBJECT_ALT_NAME), false, slice_buf(&san));
	/* An empty SEQUENCE: not a CA. */
	x509_extension_put(&list, DER_BYTES(MBEDTLS_OID_BASIC_CONSTRAINTS), true, DER_BYTES("\x30\x00"));
	x509_extension_put(&list, DER_BYTES(MBEDTLS_OID_EXTENDED_KEY_USAGE), false, DER_BYTES(server_auth));
	der_put(&sequence, DER_SEQUENCE, slice_buf(&list));
	der_put(out, DER_TAGGED_LIST(3), slice_buf(&sequence));
}

static bool host_fits(const char *host)
{
	size_t len = strlen(host);

	for (size_t i = 0; i < len; i++)
		if (host[i] <= ' ' || host[i] >= 0x7f)
			return false;
	return len >= 1 && len <= 253;
}

int cert_self_signed(struct key *key, const char *host, struct buf *der, struct err *e)
{
	_cleanup_buf_ struct buf fields = BUF_INIT, body = BUF_INIT;

	if (!host_fits(host))
		return err_set(e, ERR_INVALID, "a certificate cannot be made for the host name \"%.100s\"", host);
	der_put(&fields, DER_TAGGED_LIST(0), DER_BYTES("\x02\x01\x02")); /* version 3 */
	put_serial(&fields);
	x509_algorithm_put(&fields, key_type_of(key));
	put_name(&fields, host);
	put_validity(&fields, clock_now());
	put_name(&fields, host);
	if (key_spki(key, &fields, e) < 0)
		return -1;
	put_extensions(&fields, host);
	der_put(&body, DER_SEQUENCE, slice_buf(&fields));
	return x509_sign(key, slice_buf(&body), der, e);
}
