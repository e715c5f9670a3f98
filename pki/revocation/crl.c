#include "pki/revocation/ocsp.h"

#include "base/clock.h"
#include "pki/der.h"
#include "pki/signed.h"
#include "pki/x509.h"

#define OID_POINT "\x55\x1d\x1c"	/* issuingDistributionPoint */
#define OID_DELTA "\x55\x1d\x1b"	/* deltaCRLIndicator */
#define OID_REASON "\x55\x1d\x15"
#define SLACK 3600
#define FRESH (7 * 86400)		/* a CRL without nextUpdate */
enum { DER_ENUMERATED = 0x0a, URI = DER_TAGGED(6) };
enum {
	ONLY_CA = DER_TAGGED(2),
	SOME_REASONS = DER_TAGGED(3),
	INDIRECT = DER_TAGGED(4),
	ONLY_ATTRIBUTES = DER_TAGGED(5),
};

static int nonsense(struct err *e)
{
	return err_set(e, ERR_PROTOCOL, "this is no CRL that can be read");
}

struct crl_list {			/* borrowed from the DER */
	struct slice issuer, revoked, extensions;
	int64_t this_update, next_update;
};

static bool read_list(struct slice body, struct crl_list *l)
{
	*l = (struct crl_list){ .next_update = 0 };
	der_take(&body, DER_INTEGER, NULL, NULL);	/* version */
	if (!der_take(&body, DER_SEQUENCE, NULL, NULL) || !der_take(&body, DER_SEQUENCE, NULL, &l->issuer) ||
	    !signed_take_time(&body, &l->this_update))
		return false;
	if (!signed_take_time(&body, &l->next_update))
		l->next_update = l->this_update + FRESH;
	der_take(&body, DER_SEQUENCE, &l->revoked, NULL);
	der_take(&body, DER_TAGGED_LIST(0), &l->extensions, NULL);
	return !body.len;
}

/* Is it for this URL?  One without names is for all. */
static bool names_url(struct slice point, const char *url)
{
	struct slice full, one;
	bool any = false;

	if (!der_take(&point, DER_TAGGED_LIST(0), &full, NULL))
		return true;
	while (full.len) {
		bool uri = der_tag(full) == URI;

		if (!der_take(&full, DER_ANY, &one, NULL))
			return false;
		if (uri && slice_eq(one, slice_str(url)))
			return true;
		any |= uri;
	}
	return !any;
}

/* A CRL may be one part of several (RFC 5280 section 5.2.5): only the part for this certificate says anything. */
static int check_part(const struct crl_list *l, const char *url, struct err *e)
{
	struct slice value, fields, point, flag;

	if (x509_extension(l->extensions, DER_BYTES(OID_DELTA), &value))
		return err_set(e, ERR_INVALID, "the CRL has changes only");
	if (!x509_extension(l->extensions, DER_BYTES(OID_POINT), &value))
		return 0;
	if (!der_take(&value, DER_SEQUENCE, &fields, NULL))
		return nonsense(e);
	if (der_take(&fields, DER_TAGGED_LIST(0), &point, NULL) && !names_url(point, url))
		return err_set(e, ERR_INVALID, "the CRL is a different part than the one for %s", url);
	while (fields.len) {
		int tag = der_tag(fields);

		if (!der_take(&fields, DER_ANY, &flag, NULL))
			return nonsense(e);
		if (tag == ONLY_CA || tag == SOME_REASONS || tag == INDIRECT || tag == ONLY_ATTRIBUTES)
			return err_set(e, ERR_INVALID, "the CRL is not one for certificates of servers");
	}
	return 0;
}

static int check_dates(const struct crl_list *l, int64_t now, struct err *e)
{
	char text[CLOCK_RFC3339_SIZE];

	if (l->this_update > now + SLACK)
		return err_set(e, ERR_INVALID, "the CRL is from the future: %s", clock_rfc3339(text, l->this_update));
	if (l->next_update < now)
		return err_set(e, ERR_INVALID, "the CRL was good until %s only", clock_rfc3339(text, l->next_update));
	return 0;
}

static const char *read_reason(struct slice entry)
{
	struct slice value, number;

	if (!x509_extension(entry, DER_BYTES(OID_REASON), &value) || !der_take(&value, DER_ENUMERATED, &number, NULL) ||
	    number.len != 1)
		return NULL;
	return signed_reason(*(const unsigned char *)number.data);
}

static int look_up(const struct crl_list *l, struct slice wanted, struct revocation *r, struct err *e)
{
	struct slice rest = l->revoked, entry, serial;

	while (rest.len) {
		if (!der_take(&rest, DER_SEQUENCE, &entry, NULL) || !der_take(&entry, DER_INTEGER, NULL, &serial))
			return nonsense(e);
		if (!slice_eq(serial, wanted))
			continue;
		r->state = REVOCATION_REVOKED;
		if (!signed_take_time(&entry, &r->revoked_at))
			return nonsense(e);
		r->reason = read_reason(entry);
		return 0;
	}
	r->state = REVOCATION_GOOD;
	return 0;
}

int crl_read(struct slice der, const struct cert *cert, const struct cert *issuer, const char *url, int64_t now,
	     struct revocation *r, struct err *e)
{
	struct signed_thing s;
	struct signed_cert c;
	struct crl_list l;

	if (!signed_cert_read(&c, slice_buf(&cert->der)) || !signed_read(&s, der) || !read_list(s.body, &l))
		return nonsense(e);
	if (!slice_eq(l.issuer, c.issuer))
		return err_set(e, ERR_INVALID, "the CRL is of a different CA than the certificate");
	*r = (struct revocation){ .this_update = l.this_update, .next_update = l.next_update };
	if (check_part(&l, url, e) < 0 || check_dates(&l, now, e) < 0 || look_up(&l, c.serial, r, e) < 0)
		return -1;
	if (signed_verify(&s, slice_buf(&issuer->spki), e) < 0)
		return err_prefix(e, "the CRL is not signed by the certificate's issuer");
	return 0;
}
