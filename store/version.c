#include "store/version.h"

#include "base/clock.h"
#include "base/digest.h"
#include "pki/cert.h"
#include "store/agenda.h"
#include "store/key/compromise.h"
#include "store/status.h"

#define FIRST_ASKED 600  /* seconds: responders of CAs know a new certificate only after a while */
#define FIRST_LOOKED 300 /* seconds: its servers have to load it first */

/* Its row is there before anybody can forget it; the wishes are in the record of the version. */
static int revoke_replaced(struct txn *t, struct rec_cert *cert, struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->revoke_when_replaced);
	struct err why = { 0 };

	cert->revoke_when_replaced = 0;
	if (rec_version_get(t, &version, id, &why) < 0) {
		if (e)
			*e = why;
		return why.kind == ERR_MISSING ? 0 : -1;
	}
	if (version.revoked)
		return 0;
	version.replaced = clock_now();
	return rec_version_put(t, &version, e) < 0 ? -1 : agenda_set(t, AGENDA_revoke, id, version.replaced, e);
}

int version_in_force(struct txn *t, struct rec_cert *cert, struct err *e)
{
	int64_t wait = cert->imported || cert->revocation_asked ? 0 : FIRST_ASKED + (int64_t)random_below(FIRST_ASKED);
	int known = compromise_known(t, cert->public_key, e);

	cert->deploy_says = cert->live_says = DELIVERY_UNKNOWN;
	cert->compromised = false;
	if (known < 0 || (known && agenda_set(t, AGENDA_compromise, cert->public_key, clock_now(), e) < 0))
		return -1;
	if (cert->revoke_when_replaced && cert->revoke_when_replaced != cert->current &&
	    revoke_replaced(t, cert, e) < 0)
		return -1;
	if (agenda_set(t, AGENDA_expiry, cert->id, clock_now(), e) < 0 ||
	    agenda_set(t, AGENDA_live, cert->id, clock_now() + FIRST_LOOKED, e) < 0)
		return -1;
	return agenda_set(t, AGENDA_revocation, cert->id, clock_now() + wait, e);
}

void version_make(struct rec_version *version, struct rec_cert *cert, const struct cert *leaf, const char *chain)
{
	_cleanup_free_ char *id = record_child_id(cert->id, ++cert->newest);

	record_set(&version->id, id);
	record_set(&version->chain, chain);
	strv_free(version->names);
	version->names = strv_dup(leaf->names);
	record_set(&version->serial, leaf->serial);
	record_set(&version->fingerprint, leaf->fingerprint);
	record_set(&version->issuer, cert_issuer(leaf));
	version->not_before = leaf->not_before;
	version->not_after = leaf->not_after;
	version->issued = clock_now();
}

static int name_issuer(void *arg, struct txn *t, void *rec, struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	struct rec_cert *cert = rec;
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);

	if (cert->current && rec_version_get(t, &version, id, e) < 0) {
		if (e->kind != ERR_MISSING)
			return -1;
		err_clear(e);
	}
	record_set(&cert->issuer, version.issuer);
	return rec_cert_put(t, cert, e);
}

int versions_name_issuers(struct store *s, struct err *e)
{
	return record_each_in_steps(s, &rec_cert_type, name_issuer, NULL, e);
}
