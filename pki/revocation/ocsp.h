/*
 * Is a certificate revoked?  OCSP (RFC 6960) and CRLs (RFC 5280 section 5): questions, answers, and whether to believe
 * them.  This room has that and the reasons.
 */
#ifndef PKI_REVOCATION_OCSP_H
#define PKI_REVOCATION_OCSP_H

#include "pki/cert.h"

enum revocation_state { REVOCATION_GOOD, REVOCATION_REVOKED, REVOCATION_UNKNOWN };
const char *revocation_word(enum revocation_state);	/* "good" */

struct revocation {
	enum revocation_state state;
	int64_t this_update, next_update;	/* unix seconds; next_update is never 0 */
	int64_t revoked_at;			/* 0: not revoked */
	const char *reason;			/* RFC 5280's word, "keyCompromise"; NULL: not revoked, or none given */
};

/* An OCSP request for one certificate (its DER, to be sent by POST). */
int ocsp_request(const struct cert *, const struct cert *issuer, struct buf *der, struct err *);
/*
 * Judges a response: signed by the issuer or by a responder the issuer made, about this certificate, fresh at `now`.
 * -1: not to be believed; ERR_PROTOCOL for what is no such answer.
 */
int ocsp_read(struct slice der, const struct cert *, const struct cert *issuer, int64_t now, struct revocation *,
	      struct err *);
/*
 * Looks a certificate up in a CRL signed by its issuer and fresh at `now`.  url: where it was fetched; the CRL must be
 * the one for there if it says where it is for (issuingDistributionPoint).
 */
int crl_read(struct slice der, const struct cert *, const struct cert *issuer, const char *url, int64_t now,
	     struct revocation *, struct err *);

#endif
