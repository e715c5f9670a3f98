#include "store/key/compromise.h"

#include "base/clock.h"
#include "store/agenda.h"

int compromise_known(struct txn *t, const char *digest, struct err *e)
{
	struct slice value;

	return digest && *digest ? txn_get(t, TABLE_compromise, slice_str(digest), &value, e) : 0;
}

int compromise_refuse(struct txn *t, const char *digest, struct err *e)
{
	int known = compromise_known(t, digest, e);

	if (known <= 0)
		return known;
	err_set(e, ERR_CONFLICT, "its private key is compromised: a certificate with this key was revoked for that");
	return err_hint(e, "Use a new key: a compromised one is never used again.");
}

int compromise_add(struct txn *t, const char *digest, const struct rec_version *version, struct err *e)
{
	_cleanup_(rec_compromise_release) struct rec_compromise c = { .since = clock_now() };
	int known = compromise_known(t, digest, e);

	record_set(&c.id, digest);
	record_set(&c.version_id, version->id);
	record_set(&c.serial, version->serial);
	if (known < 0 || (!known && rec_compromise_put(t, &c, e) < 0))
		return -1;
	return agenda_set(t, AGENDA_compromise, digest, clock_now(), e);
}

const char *compromise_next(const struct rec_cert *cert)
{
	if (cert->imported)
		return "The certificate was imported, so Certera cannot replace it: import the next version, with a "
		       "new key.";
	if (cert->own_csr)
		return "The owner holds the key: send a certificate request made with a new key.";
	if (cert->disabled)
		return "The certificate is disabled, so Certera does not replace it: enable it, or stop using it.";
	return "Certera orders the certificate with a new key. If the order fails, read the last error.";
}
