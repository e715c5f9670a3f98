#include "pki/revocation/ocsp.h"

#include <mbedtls/oid.h>

#include "base/clock.h"
#include "pki/der.h"
#include "pki/extension.h"
#include "pki/mbed.h"
#include "pki/signed.h"

#define OID_BASIC "\x2b\x06\x01\x05\x05\x07\x30\x01\x01"
#define SHA1_SIZE 20
#define SLACK 3600		/* a responder's clock may be ahead of ours */
#define FRESH (7 * 86400)	/* how long an answer without nextUpdate is believed */
enum { DER_ENUMERATED = 0x0a };

const char *revocation_word(enum revocation_state state)
{
	static const char *const words[] = { "good", "revoked", "unknown" };

	return words[state];
}

/* CertID (RFC 6960 section 4.1.1).  SHA-1 names the issuer; nothing is proved by it. */
static int put_id(struct buf *out, const struct cert *cert, const struct cert *issuer, struct err *e)
{
	_cleanup_buf_ struct buf fields = BUF_INIT;
	unsigned char name[MBED_HASH_MAX], key[MBED_HASH_MAX];
	struct signed_cert c, by;

	if (!signed_cert_read(&c, slice_buf(&cert->der)) || !signed_cert_read(&by, slice_buf(&issuer->der)) ||
	    !mbed_hash(MBEDTLS_MD_SHA1, c.issuer, name) || !mbed_hash(MBEDTLS_MD_SHA1, by.public_key, key))
		return err_set(e, ERR_INVALID, "there can be no OCSP request for this certificate");
	der_put_algorithm(&fields, DER_BYTES(MBEDTLS_OID_DIGEST_ALG_SHA1), DER_BYTES("\x05\x00"));
	der_put(&fields, DER_OCTETS, slice(name, SHA1_SIZE));
	der_put(&fields, DER_OCTETS, slice(key, SHA1_SIZE));
	buf_add(&fields, c.serial.data, c.serial.len);
	der_put(out, DER_SEQUENCE, slice_buf(&fields));
	return 0;
}

int ocsp_request(const struct cert *cert, const struct cert *issuer, struct buf *der, struct err *e)
{
	_cleanup_buf_ struct buf id = BUF_INIT, one = BUF_INIT, list = BUF_INIT, body = BUF_INIT;

	if (put_id(&id, cert, issuer, e) < 0)
		return -1;
	der_put(&one, DER_SEQUENCE, slice_buf(&id));
	der_put(&list, DER_SEQUENCE, slice_buf(&one));
	der_put(&body, DER_SEQUENCE, slice_buf(&list));
	der_put(der, DER_SEQUENCE, slice_buf(&body));
	return 0;
}

static int nonsense(struct err *e)
{
	return err_set(e, ERR_PROTOCOL, "this is no OCSP answer that can be read");
}

/* A delegated responder: made by the issuer for this, and valid now. */
static bool may_answer(const struct cert *responder, const struct cert *issuer, int64_t now)
{
	_cleanup_strv_ char **usages = extension_extended_usages(responder);

	return strv_has(usages, "OCSPSigning") && responder->not_before <= now + SLACK && responder->not_after >= now &&
	       cert_signed_by(responder, issuer, NULL) == 0;
}

static int check_signer(const struct signed_thing *s, const struct cert *issuer, int64_t now, struct err *e)
{
	struct slice rest = s->rest, certs, der;

	if (signed_verify(s, slice_buf(&issuer->spki), NULL) == 0)
		return 0;
	if (!der_take(&rest, DER_TAGGED_LIST(0), &certs, NULL) || !der_take(&certs, DER_SEQUENCE, &certs, NULL))
		return err_set(e, ERR_INVALID, "the OCSP answer is not signed by the certificate's issuer");
	while (der_take(&certs, DER_SEQUENCE, NULL, &der)) {
		struct cert responder;
		bool good;

		if (cert_parse(&responder, der, NULL) < 0)
			continue;
		good = may_answer(&responder, issuer, now) && signed_verify(s, slice_buf(&responder.spki), NULL) == 0;
		cert_release(&responder);
		if (good)
			return 0;
	}
	return err_set(e, ERR_INVALID,
		       "the signer of the OCSP answer is not authorised by the certificate's issuer");
}

static bool read_revoked(struct slice in, struct revocation *r)
{
	struct slice reason, number;

	if (!signed_take_time(&in, &r->revoked_at))
		return false;
	if (der_take(&in, DER_TAGGED_LIST(0), &reason, NULL) && der_take(&reason, DER_ENUMERATED, &number, NULL) &&
	    number.len == 1)
		r->reason = signed_reason(*(const unsigned char *)number.data);
	return true;
}

/* CertStatus and the two times of a SingleResponse. */
static bool read_status(struct slice in, struct revocation *r)
{
	struct slice status, next;
	int tag = der_tag(in);

	*r = (struct revocation){ .state = REVOCATION_UNKNOWN };
	if (!der_take(&in, DER_ANY, &status, NULL) || !signed_take_time(&in, &r->this_update))
		return false;
	if (tag == DER_TAGGED(0))
		r->state = REVOCATION_GOOD;
	else if (tag == DER_TAGGED_LIST(1))
		r->state = REVOCATION_REVOKED;
	else if (tag != DER_TAGGED(2))
		return false;
	if (r->state == REVOCATION_REVOKED && !read_revoked(status, r))
		return false;
	r->next_update = r->this_update + FRESH;
	return !der_take(&in, DER_TAGGED_LIST(0), &next, NULL) || signed_take_time(&next, &r->next_update);
}

/* The answer about this certificate among all. */
static int find_answer(struct slice body, const struct cert *cert, const struct cert *issuer, struct revocation *r,
		       struct err *e)
{
	_cleanup_buf_ struct buf wanted = BUF_INIT;
	struct slice list, one, id, ours, hash;

	if (put_id(&wanted, cert, issuer, e) < 0)
		return -1;
	ours = slice_buf(&wanted);
	/* Compared without the hash's parameters, which some write as NULL and some leave out. */
	if (!der_take(&ours, DER_SEQUENCE, &ours, NULL) || !der_take(&ours, DER_SEQUENCE, NULL, NULL))
		return nonsense(e);
	der_take(&body, DER_TAGGED_LIST(0), NULL, NULL);		/* version */
	if (!der_take(&body, DER_ANY, NULL, NULL) || !der_take(&body, DER_TIME, NULL, NULL) ||
	    !der_take(&body, DER_SEQUENCE, &list, NULL))
		return nonsense(e);
	while (der_take(&list, DER_SEQUENCE, &one, NULL)) {
		if (!der_take(&one, DER_SEQUENCE, &id, NULL) || !der_take(&id, DER_SEQUENCE, &hash, NULL) ||
		    !der_take(&hash, DER_OID, &hash, NULL))
			return nonsense(e);
		if (!slice_eq(hash, DER_BYTES(MBEDTLS_OID_DIGEST_ALG_SHA1)) || !slice_eq(id, ours))
			continue;
		return read_status(one, r) ? 0 : nonsense(e);
	}
	return err_set(e, ERR_INVALID, "the OCSP answer is about a different certificate");
}

static int check_fresh(const struct revocation *r, int64_t now, struct err *e)
{
	char text[CLOCK_RFC3339_SIZE];

	if (r->this_update > now + SLACK)
		return err_set(e, ERR_INVALID, "the answer is from the future: %s",
			       clock_rfc3339(text, r->this_update));
	if (r->next_update < now)
		return err_set(e, ERR_INVALID, "the answer was good until %s only",
			       clock_rfc3339(text, r->next_update));
	return 0;
}

/* OCSPResponse: its status, and BasicOCSPResponse inside. */
static int open_response(struct slice der, struct signed_thing *s, struct err *e)
{
	static const char *const words[] = { NULL, "malformed request", "internal error", "try later", NULL,
					     "a signed request is wanted",
					     "unauthorized: it does not know the certificate" };
	struct slice body, status, bytes, oid, basic;
	unsigned char code;

	if (!der_take(&der, DER_SEQUENCE, &body, NULL) || !der_take(&body, DER_ENUMERATED, &status, NULL) ||
	    status.len != 1)
		return nonsense(e);
	code = *(const unsigned char *)status.data;
	if (code)
		return err_set(e, ERR_PROTOCOL, "the OCSP responder refused: %s",
			       code < ARRAY_SIZE(words) && words[code] ? words[code] : "no reason known");
	if (!der_take(&body, DER_TAGGED_LIST(0), &bytes, NULL) || !der_take(&bytes, DER_SEQUENCE, &bytes, NULL) ||
	    !der_take(&bytes, DER_OID, &oid, NULL) || !slice_eq(oid, DER_BYTES(OID_BASIC)) ||
	    !der_take(&bytes, DER_OCTETS, &basic, NULL) || !signed_read(s, basic))
		return nonsense(e);
	return 0;
}

int ocsp_read(struct slice der, const struct cert *cert, const struct cert *issuer, int64_t now, struct revocation *r,
	      struct err *e)
{
	struct signed_thing s;

	if (open_response(der, &s, e) < 0 || find_answer(s.body, cert, issuer, r, e) < 0 ||
	    check_signer(&s, issuer, now, e) < 0)
		return -1;
	return check_fresh(r, now, e);
}
