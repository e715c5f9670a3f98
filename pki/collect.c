#include "pki/collect.h"

#include "pki/der.h"
#include "pki/pem.h"
#include "pki/pkcs7.h"

static int add_cert(struct chain *chain, struct slice der, struct err *e)
{
	if (chain->count == COLLECT_MAX)
		return err_set(e, ERR_INVALID, "there are more than %d certificates", COLLECT_MAX);
	chain->cert = xreallocarray(chain->cert, chain->count + 1, sizeof(*chain->cert));
	if (cert_parse(&chain->cert[chain->count], der, e) < 0)
		return err_prefix(e, "certificate %zu", chain->count + 1);
	chain->count++;
	return 0;
}

static int add_der(struct chain *chain, struct slice der, struct err *e)
{
	return pkcs7_is(der) ? pkcs7_read(der, chain, e) : add_cert(chain, der, e);
}

static int add_block(struct chain *chain, const struct pem_block *b, struct err *e)
{
	static const char *const labels[] = { "CERTIFICATE", "X509 CERTIFICATE", "PKCS7", "CMS" };
	_cleanup_buf_ struct buf der = BUF_INIT;
	bool wanted = false;

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		wanted |= pem_label_is(b, labels[i]);
	if (!wanted)
		return 0;
	return pem_decode(b, &der, e) < 0 ? -1 : add_der(chain, slice_buf(&der), e);
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
	struct pem_block b;

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

int collect_chain(struct chain *collected, struct slice spki, struct chain *out, struct err *e)
{
	size_t leaf = collected->count, next;
	int tries = COLLECT_TRIES;

	*out = (struct chain){ 0 };
	/* Of several for the same key, the one that ends last. */
	for (size_t i = 0; i < collected->count; i++)
		if (slice_eq(slice_buf(&collected->cert[i].spki), spki) && !collected->cert[i].is_ca &&
		    (leaf == collected->count || collected->cert[i].not_after > collected->cert[leaf].not_after))
			leaf = i;
	if (!collected->count)
		return err_set(e, ERR_INVALID, "there is no certificate in what was given");
	if (leaf == collected->count)
		return err_set(e, ERR_INVALID, "none of the %zu certificates belongs to the private key",
			       collected->count);
	move(collected, leaf, out);
	while (!is_root(&out->cert[out->count - 1]) && (next = find_issuer(collected, out, &tries)) < collected->count)
		move(collected, next, out);
	return 0;
}
