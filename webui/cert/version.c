/* What is done with the versions of a certificate: putting one in force again, replacing one by a new key. */
#include "base/clock.h"
#include "pki/cert.h"
#include "store/agenda.h"
#include "store/cert_plan.h"
#include "store/deploy.h"
#include "store/key/compromise.h"
#include "store/version.h"
#include "webui/http/handler.h"
#include "webui/order/dry.h"

static int check_version(const struct rec_cert *cert, const struct rec_version *version, int64_t n, struct err *e)
{
	char text[CLOCK_RFC3339_SIZE];

	if (n == cert->current)
		return err_set(e, ERR_CONFLICT, "version %lld of %s is in force already", (long long)n, cert->name);
	if (n <= cert->tests)
		return err_set(e, ERR_CONFLICT, "version %lld of %s is of the staging CA it was tried with",
			       (long long)n, cert->name);
	if (version->revoked)
		return err_set(e, ERR_CONFLICT, "version %lld of %s is revoked", (long long)n, cert->name);
	if (version->imported && (!version->key_id || !*version->key_id) && !cert->no_key)
		return err_set(e, ERR_CONFLICT, "version %lld of %s was imported without its private key", (long long)n,
			       cert->name);
	if (version->not_after <= clock_now())
		return err_set(e, ERR_CONFLICT, "version %lld of %s has expired at %s", (long long)n, cert->name,
			       clock_rfc3339(text, version->not_after));
	return 0;
}

/*
 * An import changed what is ordered: names, kind of key, and that nothing is.  With a version that we ordered, that is
 * as it was.
 */
static int undo_import(const struct request *r, struct txn *t, struct rec_cert *cert, struct rec_key *key,
		       const struct rec_version *version, struct err *e)
{
	_cleanup_free_ char *id = record_child_id(key->id ? key->id : "", version->key_version);
	_cleanup_(rec_key_version_release) struct rec_key_version material = { 0 };
	enum key_type type;

	if (!cert->imported || version->imported || !cert->account_id || !*cert->account_id)
		return 0;
	if (key->id) {
		if (rec_key_version_get(t, &material, id, e) < 0 || spki_type(slice_buf(&material.spki), &type, e) < 0)
			return -1;
		record_set(&key->type, key_type_word(type));
		record_set(&cert->key_type, key->type);
	}
	admin_take_names(r, cert, strv_dup(version->names));
	cert->site = admin_is_site(r, cert->names) && key->id;
	cert->imported = false;
	return 0;
}

/* Its renewal is planned, but not later than a third of the older version's life before its end. */
static int plan(struct txn *t, struct rec_cert *cert, bool was_imported, struct err *e)
{
	int64_t latest = cert->not_after - (cert->not_after - cert->not_before) / 3;

	if (cert->imported || (!was_imported && (!cert->renew_at || cert->renew_at <= latest)))
		return 0;
	cert->renew_at = latest;
	return cert_plan(t, cert, CERT_replanned, e);
}

static int put_in_force(struct request *r, struct txn *t, struct rec_cert *cert, const struct rec_version *version,
			int64_t n, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	int64_t before = cert->current;
	bool ours = version->key_id && *version->key_id, imported = cert->imported;

	if (ours && rec_key_get(t, &key, version->key_id, e) < 0)
		return err_prefix(e, "the key of version %lld", (long long)n);
	key.current = version->key_version;
	cert->revoked = 0;
	strv_free(cert->dropped);
	cert->dropped = NULL;
	cert->current = n;
	free(cert->public_key);
	cert->public_key = chain_digest(slice_str(version->chain), e);
	if (!cert->public_key || compromise_refuse(t, cert->public_key, e) < 0)
		return err_prefix(e, "version %lld", (long long)n);
	cert->issued = version->issued;
	cert->not_before = version->not_before;
	cert->not_after = version->not_after;
	record_set(&cert->issuer, version->issuer);
	if (undo_import(r, t, cert, &key, version, e) < 0 || version_in_force(t, cert, e) < 0 ||
	    plan(t, cert, imported, e) < 0 || (ours && rec_key_put(t, &key, e) < 0) ||
	    rec_cert_put(t, cert, e) < 0 || (cert->site && agenda_set(t, AGENDA_site, cert->id, clock_now(), e) < 0) ||
	    (deploy_script(cert, r->webui->settings->deploy_hook) && deploy_ask(t, cert, e) < 0))
		return -1;
	return admin_event(r, t, "certificate.rolled_back", cert->id, cert->name, e,
			   "version %lld is in force again, instead of %lld", (long long)n, (long long)before);
}

int page_cert_rollback(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	const char *number = params_get(&r->path, "version");
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *id = NULL;
	int64_t n = strtoll(number, NULL, 10), former;
	json_t *answer;

	if (admin_write(r, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	former = cert.current;
	if (n <= 0 || n > cert.newest)
		return err_set(e, ERR_MISSING, "the certificate %s has no version %.20s", cert.name, number);
	id = record_child_id(cert.id, n);
	if (rec_version_get(t, &version, id, e) < 0 || check_version(&cert, &version, n, e) < 0 ||
	    put_in_force(r, t, &cert, &version, n, e) < 0 || admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	answer = admin_show_cert(&cert, NULL, NULL);
	json_put_int(answer, "former", former);
	return reply_json(r, 200, answer);
}

int page_cert_reissue(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	bool dry;

	if (dry_read(r, &dry, e) < 0 || store_write(r->webui->env->store, &t, e) < 0 ||
	    admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	if (cert.disabled || !cert.account_id || !*cert.account_id) {
		err_set(e, ERR_CONFLICT, "the certificate %s is %s", cert.name,
			cert.disabled ? "disabled" : "imported: Certera does not order it");
		return err_hint(e, cert.disabled ? "Enable the certificate first." : "Import the next version.");
	}
	if (cert.own_csr)
		return err_set(e, ERR_CONFLICT, "the owner holds the key of %s: send a new request instead",
			       cert.name);
	if (cert.no_key)
		return err_set(e, ERR_CONFLICT,
			       "the certificate %s was imported without its private key: Certera only tracks it",
			       cert.name);
	if (cert.open_order)
		return err_set(e, ERR_CONFLICT, "an order of %s is in progress: try again when it has ended",
			       cert.name);
	cert.rekey = true;
	cert.imported = false;
	if (dry)
		return dry_reply(r, t, &cert, "key", true, e);
	if (cert_wish(t, &cert, e) < 0 ||
	    admin_event(r, t, "certificate.reissue", cert.id, cert.name, e, "to be ordered now, with a new key") < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 202, admin_show_cert(&cert, NULL, NULL));
}
