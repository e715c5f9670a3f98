#include "pki/trust/judge.h"

#include <mbedtls/oid.h>
#include <stdarg.h>

#include "base/clock.h"
#include "pki/file/load.h"
#include "pki/identifier.h"
#include "pki/known.h"
#include "pki/x509.h"

struct trust {
	mbedtls_x509_crt roots;
	struct known_chains *known;		/* what leads to them */
};

static const struct {
	const char *word, *hint;
} faults[] = {
#define FAULT(fault, word, hint) { word, hint },
#include "pki/trust/fault.def"
#undef FAULT
};

const char *fault_word(enum fault f)
{
	return faults[f].word;
}

const char *fault_hint(enum fault f)
{
	return faults[f].hint;
}

struct trust *trust_new(struct slice pem, struct err *e)
{
	struct trust *trust = xcalloc(1, sizeof(*trust));

	mbedtls_x509_crt_init(&trust->roots);
	trust->known = known_new();
	if (load_roots(&trust->roots, pem))
		return trust;
	err_set(e, ERR_CONFIG, "there is no root certificate in it");
	trust_free(trust);
	return NULL;
}

void trust_free(struct trust *trust)
{
	if (!trust)
		return;
	mbedtls_x509_crt_free(&trust->roots);
	known_free(trust->known);
	free(trust);
}

static void find_fault(struct judgement *, enum fault, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void find_fault(struct judgement *j, enum fault f, const char *fmt, ...)
{
	va_list args;

	if (j->says[f])
		return;
	va_start(args, fmt);
	j->says[f] = xvasprintf(fmt, args);
	va_end(args);
}

static const char *called(const struct cert *c)
{
	return c->subject_cn ? c->subject_cn : c->subject;
}

static bool is_self_issued(const struct cert *c)
{
	return str_eq(c->subject, c->issuer);
}

/* Its names for a sentence, not all if they are many. */
static char *names_text(const struct cert *c)
{
	struct buf text = BUF_INIT;
	size_t count = strv_len(c->names);

	for (size_t i = 0; i < MIN(count, 3); i++)
		buf_addf(&text, "%s%.100s", i ? ", " : "", c->names[i]);
	if (count > 3)
		buf_addf(&text, " and %zu more", count - 3);
	buf_add(&text, "", 0);
	return buf_detach(&text);
}

static bool covers(const struct cert *leaf, const char *host)
{
	for (char **name = leaf->names; name && *name; name++)
		if (identifier_covers(*name, host))
			return true;
	return false;
}

static void judge_leaf(struct judgement *j, const struct cert *leaf, const mbedtls_x509_crt *crt, const char *host,
		       int64_t now)
{
	_cleanup_free_ char *names = names_text(leaf);
	char when[CLOCK_RFC3339_SIZE];

	if (leaf->not_after <= now)
		find_fault(j, FAULT_expired, "The certificate expired at %s.", clock_rfc3339(when, leaf->not_after));
	if (leaf->not_before > now)
		find_fault(j, FAULT_not_yet, "The certificate is not valid before %s.",
			   clock_rfc3339(when, leaf->not_before));
	if (!leaf->has_san)
		find_fault(j, FAULT_wrong_name,
			   "The certificate has no subjectAltName: browsers refuse it, because they ignore the common "
			   "name.");
	else if (!covers(leaf, host))
		find_fault(j, FAULT_wrong_name, "The certificate is not for %s, but for %s.", host,
			   *names ? names : "no host");
	if (mbedtls_x509_crt_check_extended_key_usage(crt, MBEDTLS_OID_SERVER_AUTH,
						      sizeof(MBEDTLS_OID_SERVER_AUTH) - 1))
		find_fault(j, FAULT_no_server, "The certificate is not for servers.");
}

/*
 * The chain in the order in which each is followed by its issuer; what belongs to nothing is left out.
 * Returns how many.
 */
static size_t sort_chain(const struct chain *chain, const struct cert **sorted)
{
	size_t count = 1;

	sorted[0] = &chain->cert[0];
	while (count < chain->count && !is_self_issued(sorted[count - 1])) {
		const struct cert *issuer = NULL;

		for (size_t i = 1; i < chain->count && !issuer; i++)
			if (str_eq(chain->cert[i].subject, sorted[count - 1]->issuer))
				issuer = &chain->cert[i];
		for (size_t i = 0; i < count && issuer; i++)
			if (sorted[i] == issuer)
				issuer = NULL;
		if (!issuer)
			break;
		sorted[count++] = issuer;
	}
	return count;
}

struct verifying {
	struct judgement *judgement;
	const struct cert **sorted;
	size_t count;
	uint32_t flags;		/* of all */
	int64_t until;		/* then the first of those above the leaf ends */
	bool by_issuer;		/* the way goes over sorted[1], not over a root of the same name */
};

static int64_t time_of(const mbedtls_x509_time *t)
{
	struct tm tm = { .tm_year = t->year - 1900, .tm_mon = t->mon - 1, .tm_mday = t->day,
			 .tm_hour = t->hour, .tm_min = t->min, .tm_sec = t->sec };

	return timegm(&tm);
}

/* mbedTLS tells of each certificate by its depth.  Dates and names of the leaf are judged elsewhere. */
static int verified(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct verifying *v = arg;
	const char *who = (size_t)depth < v->count ? called(v->sorted[depth]) : "a root";

	v->flags |= *flags;
	if (depth)
		v->until = MIN(v->until, time_of(&crt->valid_to));
	if (depth == 1 && v->count > 1)
		v->by_issuer = slice_eq(slice(crt->raw.p, crt->raw.len), slice_buf(&v->sorted[1]->der));
	if (depth && (*flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)))
		find_fault(v->judgement, FAULT_chain_expired, "The certificate of its issuer %s %s.", who,
			   *flags & MBEDTLS_X509_BADCERT_EXPIRED ? "has expired" : "is not valid yet");
	if (*flags & (MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY))
		find_fault(v->judgement, FAULT_weak_key, "%s%s key is too weak: %zu bits.", depth ? who : "Its",
			   depth ? "'s" : "", mbedtls_pk_get_bitlen(&crt->pk));
	if (*flags & MBEDTLS_X509_BADCERT_BAD_MD)
		find_fault(v->judgement, FAULT_weak_signature, "%s is signed with an outdated hash function.",
			   depth ? who : "It");
	return 0;
}

/* No way to a root: why? */
static void judge_untrusted(struct judgement *j, const struct cert **sorted, size_t count)
{
	const struct cert *top = sorted[count - 1];

	for (size_t i = 0; i + 1 < count; i++)
		if (cert_signed_by(sorted[i], sorted[i + 1], NULL) < 0) {
			find_fault(j, FAULT_bad_chain, "The chain is broken: \"%s\" has not signed \"%s\".",
				   called(sorted[i + 1]), called(sorted[i]));
			return;
		}
	if (count == 1 && is_self_issued(top))
		find_fault(j, FAULT_self_signed, "The certificate is self-signed: no CA issued it.");
	else if (is_self_issued(top))
		find_fault(j, FAULT_untrusted, "Its root \"%s\" is not trusted here.", called(top));
	else
		find_fault(j, FAULT_incomplete,
			   "The server does not send the certificate of \"%s\", which issued %s: an intermediate is "
			   "missing, or that CA is not trusted here.",
			   cert_issuer(top), count == 1 ? "it" : called(top));
}

static struct verifying verify_from(mbedtls_x509_crt *crt, mbedtls_x509_crt *roots, struct verifying v)
{
	uint32_t flags = 0;

	mbedtls_x509_crt_verify_with_profile(crt, roots, NULL, &mbedtls_x509_crt_profile_default, NULL, &flags,
					     verified, &v);
	return v;
}

/*
 * That its issuer leads to a root was found out for a former leaf: then the issuer is as good as a root, until that
 * ends.
 */
static bool is_of_known_issuer(const struct trust *trust, const struct cert **sorted, size_t count,
			       mbedtls_x509_crt *crt, int64_t now)
{
	struct judgement none = { { NULL } };
	mbedtls_x509_crt *above;
	bool good;

	if (count < 2 || known_until(trust->known, sorted + 1, count - 1) <= now)
		return false;
	above = TAKE(crt->next->next);
	good = !verify_from(crt, crt->next, (struct verifying){ .judgement = &none, .count = count, .sorted = sorted })
			.flags;
	crt->next->next = above;
	judgement_release(&none);
	return good;
}

/*
 * A signature is verified once, as a scan would do little else; what is not as it should be is looked at anew each
 * time.
 */
static void verify_chain(struct judgement *j, struct trust *trust, const struct cert **sorted, size_t count,
			 mbedtls_x509_crt *crt, int64_t now)
{
	struct verifying v = { .judgement = j, .sorted = sorted, .count = count, .until = INT64_MAX };

	if (known_until(trust->known, sorted, count) > now)
		return;
	if (is_of_known_issuer(trust, sorted, count, crt, now)) {
		known_add(trust->known, sorted, count, known_until(trust->known, sorted + 1, count - 1));
		return;
	}
	v = verify_from(crt, &trust->roots, v);
	if (v.flags & (MBEDTLS_X509_BADCERT_NOT_TRUSTED | MBEDTLS_X509_BADCERT_OTHER))
		judge_untrusted(j, sorted, count);
	if (v.flags)
		return;
	known_add(trust->known, sorted, count, v.until);
	if (v.by_issuer)
		known_add(trust->known, sorted + 1, count - 1, v.until);
}

void judge_chain(struct judgement *j, struct trust *trust, const struct chain *chain, const char *host, int64_t now)
{
	const struct cert **sorted = xcalloc(chain->count, sizeof(const struct cert *));
	size_t count = sort_chain(chain, sorted);
	mbedtls_x509_crt crt;
	struct err e;

	*j = (struct judgement){ { NULL } };
	mbedtls_x509_crt_init(&crt);
	for (size_t i = 0; i < count; i++) {
		const struct buf *der = &sorted[i]->der;

		if (i == 0 ? load_cert(&crt, slice_buf(der), &e) < 0 :
			     mbedtls_x509_crt_parse_der(&crt, (const unsigned char *)der->data, der->len) != 0)
			find_fault(j, FAULT_bad_chain, "The certificate of %s cannot be read.", called(sorted[i]));
	}
	if (!j->says[FAULT_bad_chain]) {
		judge_leaf(j, chain->cert, &crt, host, now);
		verify_chain(j, trust, sorted, count, &crt, now);
	}
	mbedtls_x509_crt_free(&crt);
	free(sorted);
}

void judgement_release(struct judgement *j)
{
	for (size_t i = 0; i < FAULTS; i++)
		free(j->says[i]);
	*j = (struct judgement){ { NULL } };
}

enum fault judgement_worst(const struct judgement *j)
{
	size_t i = 0;

	while (i < FAULTS && !j->says[i])
		i++;
	return (enum fault)i;
}
