#include "pki/file/decode.h"

#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <stdarg.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "pki/der.h"
#include "pki/extension.h"
#include "pki/file/ber.h"
#include "pki/file/collect.h"
#include "pki/file/pem.h"
#include "pki/kind.h"
#include "pki/mbed.h"

#define DAY 86400
#define SOON (30 * DAY)
#define KEYS_MAX 5

/*
 * Gathering.
 */

static int add_spki(struct decoded *d, struct slice spki, struct err *e)
{
	if (d->spkis == KEYS_MAX)
		return err_set(e, ERR_INVALID, "there are more than %d keys", KEYS_MAX);
	d->spki = xreallocarray(d->spki, d->spkis + 1, sizeof(*d->spki));
	d->spki[d->spkis] = (struct buf)BUF_INIT;
	buf_add(&d->spki[d->spkis++], spki.data, spki.len);
	return 0;
}

static void add_csr(struct decoded *d, struct slice csr)
{
	struct err why = { 0 };

	if (d->has_csr)
		return;
	if (csr_parse(&d->csr, csr, &why) < 0)
		strv_add(&d->csr_problem, why.message);
	else
		d->has_csr = true;
}

static int add_pem(struct decoded *d, struct slice text, struct err *e)
{
	struct slice rest = text;
	struct pem_block b;
	int found;

	while ((found = pem_next(&rest, &b, e)) > 0) {
		_cleanup_buf_ struct buf der = BUF_INIT;

		if (pem_label_ends(&b, "CERTIFICATE REQUEST")) {
			if (pem_decode(&b, &der, e) < 0)
				return -1;
			add_csr(d, slice_buf(&der));
		} else if (pem_label_is(&b, "PUBLIC KEY")) {
			if (pem_decode(&b, &der, e) < 0 || add_spki(d, slice_buf(&der), e) < 0)
				return -1;
		}
	}
	return found < 0 ? -1 : collect_certs(&d->certs, text, e);
}

/*
 * CertificationRequestInfo begins with its version, TBSCertificate with a tag or a long number;
 * both in two SEQUENCEs.
 */
static bool looks_like_csr(struct slice der)
{
	struct slice version;

	return der_take(&der, DER_SEQUENCE, &der, NULL) && der_take(&der, DER_SEQUENCE, &der, NULL) &&
	       der_take(&der, DER_INTEGER, &version, NULL) && slice_eq(version, DER_BYTES("\0")) &&
	       der_take(&der, DER_SEQUENCE, NULL, NULL) && der_take(&der, DER_SEQUENCE, &der, NULL) &&
	       der_tag(der) == DER_SEQUENCE;
}

int decode_add(struct decoded *d, struct slice file, struct err *e)
{
	_cleanup_buf_wipe_ struct buf room = BUF_INIT;

	if (pem_is(file))
		return add_pem(d, file, e);
	file = ber_normal(file, &room);
	if (!looks_like_csr(file))
		return collect_certs(&d->certs, file, e);
	add_csr(d, file);
	return 0;
}

void decode_release(struct decoded *d)
{
	chain_release(&d->certs);
	if (d->has_csr)
		csr_release(&d->csr);
	strv_free(d->csr_problem);
	strv_free(d->refused);
	for (size_t i = 0; i < d->spkis; i++)
		buf_release(&d->spki[i]);
	free(d->spki);
	*d = (struct decoded){ 0 };
}

bool decode_is_empty(const struct decoded *d)
{
	return !d->certs.count && !d->has_csr && !d->csr_problem && !d->spkis && !d->refused;
}

/*
 * Showing.
 */

static void put_strv(json_t *o, const char *member, char **list)
{
	json_put_strv(o, member, list);
	strv_free(list);
}

static void put_owned(json_t *o, const char *member, char *text)
{
	json_put_str(o, member, text);
	free(text);
}

/* Type, and the pin of RFC 7469: base64 of SHA-256 of the SubjectPublicKeyInfo. */
static void put_spki(json_t *o, struct slice spki)
{
	_cleanup_buf_ struct buf pin = BUF_INIT;
	unsigned char hash[SHA256_SIZE];

	sha256(spki.data, spki.len, hash);
	base64_add(&pin, hash, sizeof(hash));
	put_owned(o, "key", spki_text(spki));
	json_put_str(o, "spki_pin", buf_str(&pin));
}

static json_t *show_cert(const struct cert *c)
{
	unsigned char sha1[MBED_HASH_MAX];
	size_t len = mbed_hash(MBEDTLS_MD_SHA1, slice_buf(&c->der), sha1);
	json_t *o = json_object();

	json_put_str(o, "subject", c->subject);
	json_put_str(o, "issuer", c->issuer);
	json_put_strv(o, "names", c->has_san ? c->names : NULL);
	put_spki(o, slice_buf(&c->spki));
	put_owned(o, "signature", kind_of_signature(extension_signature(slice_buf(&c->der))));
	json_put_time(o, "not_before", c->not_before);
	json_put_time(o, "not_after", c->not_after);
	json_put_str(o, "serial", c->serial);
	json_put_bool(o, "ca", c->is_ca);
	put_strv(o, "usages", extension_usages(c));
	put_strv(o, "extended_usages", extension_extended_usages(c));
	put_strv(o, "policies", extension_policies(c));
	put_owned(o, "ski", extension_ski(c));
	json_put_str(o, "aki", c->aki);
	json_put_int(o, "scts", extension_scts(c));
	put_strv(o, "ocsp", extension_urls(c, EXTENSION_URL_OCSP));
	put_strv(o, "crl", extension_urls(c, EXTENSION_URL_CRL));
	put_strv(o, "ca_issuers", extension_urls(c, EXTENSION_URL_ISSUER));
	json_put_str(o, "sha256", c->fingerprint);
	put_owned(o, "sha1", hex_str(sha1, len));
	return o;
}

static json_t *show_csr(const struct csr *csr)
{
	json_t *o = json_object();

	json_put_str(o, "subject", csr->subject);
	json_put_strv(o, "names", csr->names);
	put_spki(o, slice_buf(&csr->spki));
	put_owned(o, "signature", kind_of_signature(extension_signature(slice_buf(&csr->der))));
	return o;
}

/*
 * What is wrong.
 */

static void add_finding(char ***findings, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add_finding(char ***findings, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	strv_add(findings, text);
}

static bool is_self_issued(const struct cert *c)
{
	return str_eq(c->subject, c->issuer);
}

/* One for a server: what has names is, also if it is marked as a CA, as what appliances make for themselves. */
static bool is_leaf(const struct cert *c)
{
	return !c->is_ca || (c->has_san && c->names);
}

static const char *called(const struct cert *c)
{
	return c->names && *c->names && is_leaf(c) ? *c->names : c->subject_cn ? c->subject_cn : c->subject;
}

/* Without any extended usages it is for everything. */
static bool is_for_servers(const struct cert *c)
{
	_cleanup_strv_ char **usages = extension_extended_usages(c);

	return !usages || strv_has(usages, "serverAuth");
}

static void find_in_cert(char ***findings, const struct cert *c, int64_t now)
{
	char text[CLOCK_RFC3339_SIZE];
	mbedtls_md_type_t md;
	mbedtls_pk_type_t pk;
	struct slice oid = extension_signature(slice_buf(&c->der));
	mbedtls_asn1_buf raw = { .tag = DER_OID, .len = oid.len, .p = (unsigned char *)oid.data };

	if (c->not_after <= now)
		add_finding(findings, "The certificate of %s expired at %s.", called(c),
			    clock_rfc3339(text, c->not_after));
	else if (c->not_after < now + SOON && c->not_after - c->not_before > 2 * (int64_t)SOON)
		add_finding(findings, "The certificate of %s expires at %s.", called(c),
			    clock_rfc3339(text, c->not_after));
	if (c->not_before > now)
		add_finding(findings, "The certificate of %s is not valid before %s.", called(c),
			    clock_rfc3339(text, c->not_before));
	if (!is_self_issued(c) && mbedtls_oid_get_sig_alg(&raw, &md, &pk) == 0 && md != MBEDTLS_MD_NONE &&
	    md != MBEDTLS_MD_SHA256 && md != MBEDTLS_MD_SHA384 && md != MBEDTLS_MD_SHA512)
		add_finding(findings,
			    "The certificate of %s is signed with an outdated hash function; clients refuse it.",
			    called(c));
	if (c->unusable)
		add_finding(findings, "The certificate of %s cannot be used here: %s.", called(c), c->unusable);
	else if (spki_check(slice_buf(&c->spki), NULL) < 0)
		add_finding(findings, "The certificate of %s has a key that is too short, "
				      "or of a kind servers do not use.", called(c));
	if (is_leaf(c) && !is_for_servers(c))
		add_finding(findings, "The certificate of %s is not one for servers: "
				      "serverAuth is not among its extended usages.", called(c));
	if (is_leaf(c) && !c->has_san)
		add_finding(findings, "The certificate of %s has no subjectAltName: browsers refuse it, "
				      "they do not look at the common name.", called(c));
	else if (is_leaf(c) && !c->names)
		add_finding(findings, "The certificate of %s has no host names or addresses in its subjectAltName.",
			    called(c));
}

/* As far as it can be told here: who cannot be verified is taken by name. */
static bool may_be_issuer(const struct cert *issuer, const struct cert *of, int *tries)
{
	if (!str_eq(of->issuer, issuer->subject))
		return false;
	return issuer->unusable || of->unusable || ((*tries)-- > 0 && cert_signed_by(of, issuer, NULL) == 0);
}

/* tries: signatures that are looked at; where all have the same name, there could be as many as pairs. */
static size_t find_issuer(const struct chain *certs, size_t of, int *tries)
{
	for (size_t i = 0; i < certs->count; i++)
		if (i != of && may_be_issuer(&certs->cert[i], &certs->cert[of], tries))
			return i;
	return certs->count;
}

static bool is_repeated(const struct chain *certs, size_t of)
{
	for (size_t i = 0; i < of; i++)
		if (str_eq(certs->cert[i].fingerprint, certs->cert[of].fingerprint))
			return true;
	return false;
}

/* Order, gaps, and what should not be sent; for files with a leaf. */
static void find_in_chain(char ***findings, const struct chain *certs)
{
	int tries = COLLECT_TRIES;

	for (size_t i = 0; i < certs->count; i++) {
		const struct cert *c = &certs->cert[i];
		size_t issuer = find_issuer(certs, i, &tries);

		if (is_self_issued(c) && !is_leaf(c) && certs->count > 1)
			add_finding(findings, "The root %s is in the file; servers need not send it.", called(c));
		else if (is_self_issued(c) && is_leaf(c))
			add_finding(findings, "The certificate of %s is self-signed: clients do not trust it.",
				    called(c));
		else if (!is_self_issued(c) && issuer == certs->count && is_leaf(c))
			add_finding(findings,
				    "The intermediate \"%s\", which issued the certificate of %s, is missing.",
				    c->issuer, called(c));
		else if (is_repeated(certs, i))
			add_finding(findings, "The certificate of %s is in the file more than once.", called(c));
		else if (issuer < certs->count && issuer != i + 1)
			add_finding(findings, "Wrong order: the issuer of %s should be number %zu, and is number %zu.",
				    called(c), i + 2, issuer + 1);
	}
}

static bool belongs(const struct decoded *d, struct slice spki)
{
	bool found = d->has_csr && slice_eq(slice_buf(&d->csr.spki), spki);

	for (size_t i = 0; i < d->certs.count; i++)
		found |= slice_eq(slice_buf(&d->certs.cert[i].spki), spki);
	return found;
}

static char **find_all(const struct decoded *d, int64_t now)
{
	char **findings = NULL;

	for (size_t i = 0; i < d->certs.count; i++)
		find_in_cert(&findings, &d->certs.cert[i], now);
	find_in_chain(&findings, &d->certs);
	for (char **why = d->csr_problem; why && *why; why++)
		add_finding(&findings, "The certificate request cannot be used: %s.", *why);
	if (d->has_csr && (!d->csr.names || !*d->csr.names))
		add_finding(&findings, "The certificate request has no names.");
	if (d->has_csr && spki_check(slice_buf(&d->csr.spki), NULL) < 0)
		add_finding(&findings,
			    "The certificate request has a key that is too short, or of a kind servers do not use.");
	for (char **why = d->refused; why && *why; why++)
		add_finding(&findings, "A private key in it cannot be used here: %s.", *why);
	for (size_t i = 0; i < d->spkis; i++)
		if ((d->certs.count || d->has_csr) && !belongs(d, slice_buf(&d->spki[i])))
			add_finding(&findings, "The private key does not belong to what is with it.");
	return findings;
}

json_t *decode_show_certs(const struct decoded *d)
{
	json_t *certs = json_array();

	for (size_t i = 0; i < d->certs.count; i++)
		json_array_append_new(certs, show_cert(&d->certs.cert[i]));
	return certs;
}

json_t *decode_show(const struct decoded *d, int64_t now)
{
	json_t *o = json_object(), *keys = json_array();

	for (size_t i = 0; i < d->spkis; i++) {
		json_t *one = json_object();

		put_spki(one, slice_buf(&d->spki[i]));
		json_array_append_new(keys, one);
	}
	json_object_set_new(o, "certificates", decode_show_certs(d));
	json_object_set_new(o, "request", d->has_csr ? show_csr(&d->csr) : json_null());
	json_object_set_new(o, "keys", keys);
	put_strv(o, "findings", find_all(d, now));
	return o;
}
