/* /api/v1/certificates/NAME/revocation: what its CA says of the version in force, and the wish to ask it now. */
#include "base/clock.h"
#include "store/agenda.h"
#include "webui/http/handler.h"

/* NULL: the word says all. */
static const char *sentence(const struct rec_version *version)
{
	const char *state = version->state;

	if (version->revoked && !str_eq(state, "revoked"))
		return "It is revoked; the last answer of its CA is older than the revocation.";
	if (!state || !*state)
		return "The CA has not been asked yet.";
	if (str_eq(state, "none"))
		return "It names neither an OCSP responder nor a CRL: nobody can be asked.";
	if (str_eq(state, "unknown"))
		return "The responder of its CA does not know it.";
	return NULL;
}

void admin_put_revocation(json_t *o, struct txn *t, const struct rec_cert *cert)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);
	_cleanup_json_ json_t *all = NULL;
	json_t *shown = json_object();
	int64_t due;

	json_object_set_new(o, "revocation", shown);
	if (!cert->current || rec_version_get(t, &version, id, NULL) < 0)
		return;
	all = rec_version_json(&version);
	json_put_int(shown, "version", cert->current);
	json_put_str(shown, "state", version.state && *version.state ? version.state : NULL);
	json_put_str(shown, "text", sentence(&version));
	json_put_time(shown, "revoked", version.revoked);
	json_put_str(shown, "reason", version.reason && *version.reason ? version.reason : NULL);
	json_put_time(shown, "asked", version.state_time);
	json_put_time(shown, "until", version.state_until);
	json_put_str(shown, "from", version.state_from);
	json_object_set(shown, "error", json_object_get(all, "trouble"));
	json_put_bool(shown, "asking", cert->revocation_asked);
	json_put_time(shown, "next", agenda_due(t, AGENDA_revocation, cert->id, &due, NULL) > 0 ? due : 0);
}

static json_t *show(struct txn *t, const struct rec_cert *cert)
{
	json_t *o = json_object();

	json_put_str(o, "name", cert->name);
	json_put_bool(o, "staging", cert->staging);
	admin_put_revocation(o, t, cert);
	return o;
}

int page_cert_revocation(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	return reply_json(r, 200, show(t, &cert));
}

int page_cert_revocation_ask(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	char text[CLOCK_RFC3339_SIZE];
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	if (!cert.current)
		return err_set(e, ERR_CONFLICT, "the certificate %s has not been issued yet", cert.name);
	if (cert.not_after <= clock_now())
		return err_set(e, ERR_CONFLICT, "the certificate %s has expired at %s: CAs no longer report its status",
			       cert.name, clock_rfc3339(text, cert.not_after));
	cert.revocation_asked = true;
	if (rec_cert_put(t, &cert, e) < 0 || agenda_set(t, AGENDA_revocation, cert.id, clock_now(), e) < 0)
		return -1;
	answer = show(t, &cert);
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}
