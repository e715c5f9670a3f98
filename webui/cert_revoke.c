/*
 * POST /api/v1/certificates/NAME/revoke: the wish to have one version revoked.  The engine asks the CA; with "replace",
 * when another version is in force and those who fetched the old one have had the time to fetch that.
 */
#include "base/clock.h"
#include "pki/revocation.h"
#include "store/agenda.h"
#include "webui/admin.h"

static int read_number(const json_t *body, const struct rec_cert *cert, int64_t *number, struct err *e)
{
	const char *text = json_str(body, "version");
	char *end;

	if (!text && !cert->current)
		return err_set(e, ERR_CONFLICT, "the certificate %s has not been issued yet", cert->name);
	if (!text) {
		*number = cert->current;
		return 0;
	}
	*number = strtoll(text, &end, 10);
	if (*end || end == text || *number < 1 || *number > cert->newest)
		return body_at("version", err_set(e, ERR_INVALID, "the certificate %s has no version \"%.20s\"",
						  cert->name, text), e);
	return 0;
}

static int read_wish(struct request *r, struct txn *t, const struct rec_cert *cert, struct rec_version *version,
		     bool *replace, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	const char *reason = body && json_str(body, "reason") ? json_str(body, "reason") : "unspecified";
	_cleanup_free_ char *id = NULL;
	int64_t number = 0;

	if (!body || read_number(body, cert, &number, e) < 0)
		return -1;
	id = record_child_id(cert->id, number);
	if (rec_version_get(t, version, id, e) < 0)
		return err_prefix(e, "version %lld", (long long)number);
	if (revocation_number(reason) < 0)
		return body_at("reason", err_set(e, ERR_INVALID, "\"%.40s\" is no reason; it is one of %s", reason,
						 revocation_words()), e);
	if (version->revoked)
		return err_set(e, ERR_CONFLICT, "version %lld of %s is revoked already", (long long)number, cert->name);
	if (version->not_after <= clock_now())
		return err_set(e, ERR_CONFLICT, "version %lld of %s has expired; nobody trusts it any more",
			       (long long)number, cert->name);
	version->by_key = json_bool(body, "by_key", false);
	if (version->by_key && (!version->key_id || !*version->key_id))
		return body_at("by_key", err_set(e, ERR_CONFLICT,
						 "the key of this certificate is not here: it was issued to a request "
						 "of yours"), e);
	record_set(&version->reason, reason);
	record_set(&version->error, NULL);
	version->failures = 0;
	version->replaced = version->revoke_by = 0;
	*replace = json_bool(body, "replace", false);
	if (*replace && number != cert->current)
		return err_set(e, ERR_CONFLICT, "version %lld of %s is not in force: it is replaced already",
			       (long long)number, cert->name);
	return 0;
}

/* Can another one be ordered now? */
static int check_replaceable(const struct rec_cert *cert, bool key_is_known, struct err *e)
{
	if (cert->disabled) {
		err_set(e, ERR_CONFLICT, "the certificate %s is switched off, so it cannot be replaced", cert->name);
		return err_hint(e, "Enable it first, or revoke it without replacing it.");
	}
	if (cert->imported || !cert->account_id || !*cert->account_id) {
		err_set(e, ERR_CONFLICT, "the certificate %s was imported: it is not ordered here", cert->name);
		return err_hint(e, "Import its successor first.");
	}
	if (cert->own_csr && key_is_known) {
		err_set(e, ERR_CONFLICT,
			"the replacement of %s would have the key that is compromised: it is its owner's", cert->name);
		return err_hint(e, "Send a request with another key (certeractl cert csr), order it, "
				   "then revoke the old version.");
	}
	if (!cert->open_order)
		return 0;
	err_set(e, ERR_CONFLICT, "an order of %s is under way", cert->name);
	return err_hint(e, "Try again when it has ended.");
}

/* The replacement first; what follows from it is in the transaction that puts it in force (store/version.c). */
static int order_replacement(struct txn *t, struct rec_cert *cert, const struct rec_version *version, struct err *e)
{
	bool key_is_known = str_eq(version->reason, REVOCATION_KEY_COMPROMISE);

	if (check_replaceable(cert, key_is_known, e) < 0)
		return -1;
	cert->wanted = true;
	cert->rekey |= key_is_known;
	cert->revoke_when_replaced = cert->current;
	return rec_cert_put(t, cert, e) < 0 ? -1 : agenda_set(t, AGENDA_issue, cert->id, clock_now(), e);
}

static int revoke_now(struct txn *t, struct rec_cert *cert, const struct rec_version *version, int64_t number,
		      struct err *e)
{
	if (cert->revoke_when_replaced == number) {
		cert->revoke_when_replaced = 0;
		if (rec_cert_put(t, cert, e) < 0)
			return -1;
	}
	return agenda_set(t, AGENDA_revoke, version->id, clock_now(), e);
}

int page_cert_revoke(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	bool replace = false;
	int64_t number;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    read_wish(r, t, &cert, &version, &replace, e) < 0)
		return -1;
	number = strtoll(strchr(version.id, '/') + 1, NULL, 10);
	if ((replace ? order_replacement(t, &cert, &version, e) : revoke_now(t, &cert, &version, number, e)) < 0 ||
	    rec_version_put(t, &version, e) < 0 ||
	    admin_event(r, t, "certificate.revoke", cert.id, cert.name, e, "serial %s is to be revoked%s: %s",
			version.serial, replace ? " when it is replaced" : "", version.reason) < 0)
		return -1;
	answer = rec_version_json(&version);
	json_object_del(answer, "chain");
	json_put_str(answer, "certificate", cert.name);
	json_put_bool(answer, "staging", cert.staging);
	json_put_int(answer, "number", number);
	if (replace)
		json_object_set_new(answer, "replacement", admin_show_one_cert(t, &cert));
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}
