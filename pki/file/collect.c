#include "pki/file/collect.h"

#include "pki/der.h"
#include "pki/file/ber.h"
#include "pki/file/pem.h"
#include "pki/file/pkcs7.h"
#include "pki/private.h"

static int add_cert(struct chain *chain, struct slice der, struct err *e)
{
	if (chain->count == COLLECT_MAX)
		return err_set(e, ERR_INVALID, "there are more than %d certificates", COLLECT_MAX);
	chain->cert = xreallocarray(chain->cert, chain->count + 1, sizeof(*chain->cert));
	if (cert_look(&chain->cert[chain->count], der, e) < 0)
		return err_prefix(e, "certificate %zu", chain->count + 1);
	chain->count++;
	return 0;
}

static int add_der(struct chain *chain, struct slice der, struct err *e)
{
	_cleanup_buf_wipe_ struct buf room = BUF_INIT;

	der = ber_normal(der, &room);
	return pkcs7_is(der) ? pkcs7_read(der, chain, e) : add_cert(chain, der, e);
}

/* openssl's own form: a certificate, and behind it what it is trusted for. */
static int add_trusted(struct chain *chain, struct slice der, struct err *e)
{
	struct slice cert;

	return der_take(&der, DER_SEQUENCE, NULL, &cert) ? add_cert(chain, cert, e) : add_cert(chain, der, e);
}

static int add_block(struct chain *chain, const struct pem_block *b, struct err *e)
{
	static const struct {
		const char *label;
		int (*add)(struct chain *, struct slice, struct err *);
	} kinds[] = {
		{ "CERTIFICATE", add_der }, { "X509 CERTIFICATE", add_der }, { "TRUSTED CERTIFICATE", add_trusted },
		{ "PKCS7", add_der }, { "PKCS #7 SIGNED DATA", add_der }, { "CMS", add_der },
	};
	_cleanup_buf_ struct buf der = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (pem_label_is(b, kinds[i].label))
			return pem_decode(b, &der, e) < 0 ? -1 : kinds[i].add(chain, slice_buf(&der), e);
	return 0;
}

int collect_certs(struct chain *chain, struct slice file, struct err *e)
{
	struct pem_block b;
	int found;

	if (!pem_is(file))
		return der_tag(file) == DER_SEQUENCE ? add_der(chain, file, e) : 0;
	while ((found = pem_next(&file, &b, e)) > 0)
		if (add_block(chain, &b, e) < 0)
			return -1;
	return found;
}

bool collect_has_key(struct slice file)
{
	_cleanup_buf_wipe_ struct buf room = BUF_INIT;
	struct pem_block b;

	if (!pem_is(file))
		return private_is(ber_normal(file, &room));
	while (pem_next(&file, &b, NULL) > 0)
		if (pem_label_ends(&b, "PRIVATE KEY"))
			return true;
	return false;
}

/* Moves number i over. */
static void move(struct chain *from, size_t i, struct chain *to)
{
	to->cert = xreallocarray(to->cert, to->count + 1, sizeof(*to->cert));
	to->cert[to->count++] = from->cert[i];
	memmove(&from->cert[i], &from->cert[i + 1], (from->count - i - 1) * sizeof(*from->cert));
	from->count--;
}

static bool is_root(const struct cert *c)
{
	return str_eq(c->subject, c->issuer);
}

/* The issuer of the last one of `out` among the others that is no root; their count if there is none. */
static size_t find_issuer(const struct chain *others, const struct chain *out, int *tries)
{
	const struct cert *last = &out->cert[out->count - 1];

	for (size_t i = 0; i < others->count; i++)
		if (!is_root(&others->cert[i]) && str_eq(last->issuer, others->cert[i].subject) && (*tries)-- > 0 &&
		    cert_signed_by(last, &others->cert[i], NULL) == 0)
			return i;
	return others->count;
}

/*
 * Is `one` more likely meant than `other`, both for the same key?  What is no CA's first (appliances, and plain
 * openssl, mark what they sign themselves as a CA's), then what ends last.
 */
static bool is_better(const struct cert *one, const struct cert *other)
{
	return one->is_ca != other->is_ca ? other->is_ca : one->not_after > other->not_after;
}

static size_t find_leaf(const struct chain *collected, struct slice spki)
{
	size_t leaf = collected->count;

	for (size_t i = 0; i < collected->count; i++)
		if (slice_eq(slice_buf(&collected->cert[i].spki), spki) &&
		    (leaf == collected->count || is_better(&collected->cert[i], &collected->cert[leaf])))
			leaf = i;
	return leaf;
}

int collect_chain(struct chain *collected, struct slice spki, struct chain *out, struct err *e)
{
	size_t leaf = find_leaf(collected, spki), next;
	int tries = COLLECT_TRIES;

	*out = (struct chain){ 0 };
	if (!collected->count)
		return err_set(e, ERR_INVALID,
			       "the certificate is missing: there is only a private key in what was given");
	if (leaf == collected->count)
		return err_set(e, ERR_INVALID, "the private key belongs to no certificate in what was given");
	if (collected->cert[leaf].unusable)
		return err_set(e, ERR_INVALID, "the certificate cannot be used here: %s",
			       collected->cert[leaf].unusable);
	move(collected, leaf, out);
	while (!is_root(&out->cert[out->count - 1]) && (next = find_issuer(collected, out, &tries)) < collected->count)
		move(collected, next, out);
	return 0;
}
