#include "pki/cert.h"

#include <ctype.h>

#include "base/clock.h"
#include "pki/file/load.h"
#include "pki/file/pem.h"
#include "pki/x509.h"

#define CHAIN_MAX 10
#define CHAIN_TEXT_MAX (100 * 1024)
#define CLOCK_SLACK 3600 /* a CA's clock may be ahead of ours */

static bool is_space(struct slice text)
{
	const char *p = text.data;

	for (size_t i = 0; i < text.len; i++)
		if (!isspace((unsigned char)p[i]))
			return false;
	return true;
}

static int add_block(struct chain *chain, const struct pem_block *b, struct err *e)
{
	_cleanup_buf_ struct buf der = BUF_INIT;

	if (!is_space(b->before))
		return err_set(e, ERR_INVALID, "there is text that belongs to no certificate in front of number %zu",
			       chain->count + 1);
	if (!pem_label_is(b, "CERTIFICATE"))
		return err_set(e, ERR_INVALID, "there is a block \"%.*s\"; only \"CERTIFICATE\" is accepted",
			       (int)b->label.len, (const char *)b->label.data);
	if (chain->count == CHAIN_MAX)
		return err_set(e, ERR_INVALID, "there are more than %d certificates", CHAIN_MAX);
	chain->cert = xreallocarray(chain->cert, chain->count + 1, sizeof(*chain->cert));
	if (pem_decode(b, &der, e) < 0 || cert_parse(&chain->cert[chain->count], slice_buf(&der), e) < 0)
		return err_prefix(e, "certificate %zu", chain->count + 1);
	chain->count++;
	return 0;
}

static int read_chain(struct chain *chain, struct slice pem, struct err *e)
{
	struct pem_block b;
	int found;

	if (pem.len > CHAIN_TEXT_MAX)
		return err_set(e, ERR_INVALID, "it is longer than %d kB", CHAIN_TEXT_MAX / 1024);
	while ((found = pem_next(&pem, &b, e)) > 0)
		if (add_block(chain, &b, e) < 0)
			return -1;
	if (found < 0)
		return -1;
	if (!chain->count)
		return err_set(e, ERR_INVALID, "there is no PEM block \"CERTIFICATE\" in it");
	if (!is_space(pem))
		return err_set(e, ERR_INVALID, "there is text that belongs to no certificate behind the last one");
	return 0;
}

int chain_parse(struct chain *chain, struct slice pem, struct err *e)
{
	*chain = (struct chain){ 0 };
	if (read_chain(chain, pem, e) == 0)
		return 0;
	chain_release(chain);
	return err_prefix(e, "the certificate chain is not acceptable");
}

void chain_release(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		cert_release(&chain->cert[i]);
	free(chain->cert);
	*chain = (struct chain){ 0 };
}

char *chain_digest(struct slice pem, struct err *e)
{
	_cleanup_chain_ struct chain chain = { 0 };

	return chain_parse(&chain, pem, e) < 0 ? NULL : spki_digest(slice_buf(&chain.cert[0].spki));
}

void chain_pem(const struct chain *chain, size_t from, size_t to, struct buf *pem)
{
	for (size_t i = from; i < MIN(to, chain->count); i++)
		pem_add(pem, "CERTIFICATE", slice_buf(&chain->cert[i].der));
}

/* The end of the nth certificate. */
static const char *skip_certificates(const char *text, const char *end, size_t n)
{
	static const char mark[] = "-----END CERTIFICATE-----\n";

	for (; n && text < end; n--) {
		const char *found = memmem(text, (size_t)(end - text), mark, sizeof(mark) - 1);

		text = found ? found + sizeof(mark) - 1 : end;
	}
	return text;
}

struct slice chain_pem_part(struct slice pem, size_t from, size_t to)
{
	const char *text = pem.data ? pem.data : "", *end = text + pem.len;
	const char *begin = skip_certificates(text, end, from);

	return slice(begin, (size_t)(skip_certificates(begin, end, to > from ? to - from : 0) - begin));
}

static bool same_hex(const char *hex, const char *typed)
{
	for (; *hex && *typed; typed++)
		if (*typed != ':' && tolower((unsigned char)*typed) != *hex++)
			return false;
	return !*hex && !*typed;
}

bool chain_leads_to(const struct chain *chain, const char *wanted)
{
	const struct cert *top = chain->count ? &chain->cert[chain->count - 1] : NULL;

	for (size_t i = 0; i < chain->count; i++)
		if (same_hex(chain->cert[i].fingerprint, wanted))
			return true;
	return top && top->issuer_cn && !strcasecmp(top->issuer_cn, wanted);
}

static int check_names(const struct cert *leaf, char *const *names, struct err *e)
{
	for (char *const *name = names; name && *name; name++)
		if (!strv_has(leaf->names, *name))
			return err_set(e, ERR_INVALID, "the certificate lacks the name %s, which was asked for", *name);
	for (char *const *name = leaf->names; name && *name; name++)
		if (!strv_has(names, *name))
			return err_set(e, ERR_INVALID, "the certificate has the name %.260s, which was not ordered",
				       *name);
	return 0;
}

static int check_dates(const struct cert *leaf, int64_t now, struct err *e)
{
	char text[CLOCK_RFC3339_SIZE];

	if (leaf->not_before > now + CLOCK_SLACK) {
		err_set(e, ERR_INVALID, "the certificate is not valid before %s",
			clock_rfc3339(text, leaf->not_before));
		return err_hint(e, "Check that the clock of this machine is right.");
	}
	if (leaf->not_after < now)
		return err_set(e, ERR_INVALID, "the certificate has expired at %s",
			       clock_rfc3339(text, leaf->not_after));
	return 0;
}

static int check_issued(mbedtls_x509_crt *child, mbedtls_x509_crt *issuer, struct err *e)
{
	const struct x509_signature signature = {
		.body = slice(child->tbs.p, child->tbs.len),
		.value = slice(child->MBEDTLS_PRIVATE(sig).p, child->MBEDTLS_PRIVATE(sig).len),
		.md = child->MBEDTLS_PRIVATE(sig_md),
		.pk = child->MBEDTLS_PRIVATE(sig_pk),
		.options = child->MBEDTLS_PRIVATE(sig_opts),
	};

	if (!slice_eq(slice(child->issuer_raw.p, child->issuer_raw.len),
		      slice(issuer->subject_raw.p, issuer->subject_raw.len)))
		return err_set(e, ERR_INVALID, "the issuer named in the one is not the subject of the other");
	if (!issuer->MBEDTLS_PRIVATE(ca_istrue) ||
	    mbedtls_x509_crt_check_key_usage(issuer, MBEDTLS_X509_KU_KEY_CERT_SIGN))
		return err_set(e, ERR_INVALID, "the latter is not a CA's certificate");
	return x509_verify(&signature, &issuer->pk, e);
}

int cert_signed_by(const struct cert *child, const struct cert *issuer, struct err *e)
{
	mbedtls_x509_crt a, b;
	int ret;

	mbedtls_x509_crt_init(&a);
	mbedtls_x509_crt_init(&b);
	ret = load_cert(&a, slice_buf(&child->der), e);
	if (!ret)
		ret = load_cert(&b, slice_buf(&issuer->der), e);
	if (!ret)
		ret = check_issued(&a, &b, e);
	mbedtls_x509_crt_free(&a);
	mbedtls_x509_crt_free(&b);
	return ret;
}

int chain_check(const struct chain *chain, struct slice spki, char *const *names, int64_t now, struct err *e)
{
	const struct cert *leaf = chain->cert;

	if (!chain->count)
		return err_set(e, ERR_INVALID, "the chain holds no certificate");
	if (!slice_eq(slice_buf(&leaf->spki), spki))
		return err_set(e, ERR_INVALID, "the certificate is for a different key than the one in the request");
	if (leaf->is_ca)
		return err_set(e, ERR_INVALID, "the first certificate is a CA's own, not one for a server");
	if (check_names(leaf, names, e) < 0 || check_dates(leaf, now, e) < 0)
		return -1;
	for (size_t i = 0; i + 1 < chain->count; i++)
		if (cert_signed_by(&chain->cert[i], &chain->cert[i + 1], e) < 0)
			return err_prefix(e, "certificate %zu of the chain is not signed by certificate %zu", i + 1,
					  i + 2);
	return 0;
}
