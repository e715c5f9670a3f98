/*
 * POST /api/v1/certificates/NAME/revoke: the wish to have one version revoked.  The engine asks the CA; with "replace",
 * when another version is in force and those who fetched the old one have had the time to fetch that.
 */
#include "base/clock.h"
#include "pki/cert.h"
#include "pki/revocation/reason.h"
#include "store/agenda.h"
#include "store/cert_plan.h"
#include "store/key/compromise.h"
#include "webui/http/handler.h"

#define ALL_MOST 200	/* versions of one request: they are put in one transaction */

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

/* An account that may ask for it; with by_key it only says at which CA. */
static int find_account(struct txn *t, const char *name, struct rec_version *version, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };

	if (rec_account_by_name(t, &account, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_CONFLICT, "there is no account %.100s", name) : -1;
	if (!version->by_key && (!account.kid || !*account.kid || str_eq(account.state, "deactivated")))
		return err_set(e, ERR_CONFLICT,
			       "the account %s is not registered at its CA, so it cannot ask for anything",
			       account.name);
	record_set(&version->revoke_account, account.id);
	return 0;
}

/* Who signs: the account that ordered it, another one, or its own key. */
static int read_signer(struct txn *t, const json_t *body, int64_t number, const char *cert_name,
		       struct rec_version *version, struct err *e)
{
	const char *name = json_str(body, "account");

	version->by_key = json_bool(body, "by_key", false);
	if (version->by_key && (!version->key_id || !*version->key_id))
		return body_at("by_key", err_set(e, ERR_CONFLICT,
						 "the key of this certificate is not here: it was issued to a request "
						 "of yours"), e);
	record_set(&version->revoke_account, NULL);
	if (name)
		return body_at("account", find_account(t, name, version, e), e);
	if (!version->imported)
		return 0;
	err_set(e, ERR_INVALID, "version %lld of %s was imported: name an account at the CA that issued it",
		(long long)number, cert_name);
	err_hint(e, "That account asks for it; if the certificate's own key signs instead, "
		    "the account only says which CA it is.");
	return body_at("account", -1, e);
}

/* Is there anything to revoke?  If not, e says why. */
static bool may_revoke(const struct rec_version *version, int64_t number, const char *name, struct err *e)
{
	bool over = version->not_after <= clock_now();

	if (version->revoked)
		err_set(e, ERR_CONFLICT, "version %lld of %s is revoked already", (long long)number, name);
	else if (over)
		err_set(e, ERR_CONFLICT, "version %lld of %s has expired; no client trusts it", (long long)number,
			name);
	return !version->revoked && !over;
}

static int read_reason(const json_t *body, const char **reason, struct err *e)
{
	*reason = json_str(body, "reason") ? json_str(body, "reason") : "unspecified";
	if (revocation_number(*reason) >= 0)
		return 0;
	return body_at("reason", err_set(e, ERR_INVALID, "\"%.40s\" is no reason; it is one of %s", *reason,
					 revocation_words()), e);
}

static int read_wish(struct txn *t, const json_t *body, const struct rec_cert *cert, int64_t number,
		     struct rec_version *version, struct err *e)
{
	const char *reason;

	if (read_reason(body, &reason, e) < 0 || read_signer(t, body, number, cert->name, version, e) < 0)
		return -1;
	record_set(&version->reason, reason);
	record_set(&version->error, NULL);
	version->failures = 0;
	version->replaced = version->revoke_by = 0;
	return 0;
}

static int get_version(struct txn *t, const struct rec_cert *cert, int64_t number, struct rec_version *version,
		       struct err *e)
{
	_cleanup_free_ char *id = record_child_id(cert->id, number);

	return rec_version_get(t, version, id, e) < 0 ? err_prefix(e, "version %lld", (long long)number) : 0;
}

/* Can another one be ordered now? */
static int check_replaceable(const struct rec_cert *cert, bool key_is_known, struct err *e)
{
	if (cert->disabled) {
		err_set(e, ERR_CONFLICT, "the certificate %s is disabled, so it cannot be replaced", cert->name);
		return err_hint(e, "Enable it first, or revoke it without replacing it.");
	}
	if (cert->imported || !cert->account_id || !*cert->account_id) {
		err_set(e, ERR_CONFLICT, "the certificate %s was imported: Certera does not order it", cert->name);
		return err_hint(e, "Import the next version first.");
	}
	if (cert->own_csr && key_is_known) {
		err_set(e, ERR_CONFLICT,
			"the replacement of %s would have the key that is compromised: it is its owner's", cert->name);
		return err_hint(e, "Send a request with a new key, order it, "
				   "then revoke the old version.");
	}
	if (!cert->open_order)
		return 0;
	err_set(e, ERR_CONFLICT, "an order of %s is in progress", cert->name);
	return err_hint(e, "Try again when the order has ended.");
}

/* The replacement first; what follows from it is in the transaction that puts it in force (store/version.c). */
static int order_replacement(struct txn *t, struct rec_cert *cert, const struct rec_version *version, struct err *e)
{
	bool key_is_known = str_eq(version->reason, REVOCATION_KEY_COMPROMISE);

	if (check_replaceable(cert, key_is_known, e) < 0)
		return -1;
	cert->rekey |= key_is_known;
	cert->revoke_when_replaced = cert->current;
	return MIN(cert_wish(t, cert, e), 0);
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

/* Whoever knows the key knows it wherever it is used. */
static int spread(struct request *r, struct txn *t, const struct rec_cert *cert, const struct rec_version *version,
		  json_t *answer, struct err *e)
{
	_cleanup_free_ char *digest = chain_digest(slice_str(version->chain), e);

	if (!digest || compromise_add(t, digest, version, e) < 0)
		return -1;
	return admin_put_others(answer, "same_key", r, t, cert, REC_cert_public_key, digest, e);
}

static json_t *show(struct txn *t, const struct rec_cert *cert, const struct rec_version *version, int64_t number,
		    bool replace)
{
	json_t *answer = rec_version_json(version);

	json_object_del(answer, "chain");
	json_put_str(answer, "certificate", cert->name);
	json_put_bool(answer, "staging", cert->staging);
	json_put_int(answer, "number", number);
	if (replace)
		json_object_set_new(answer, "replacement", admin_show_one_cert(t, cert));
	return answer;
}

static int put_wish(struct request *r, struct txn *t, const struct rec_cert *cert, struct rec_version *version,
		    bool replace, struct err *e)
{
	if (rec_version_put(t, version, e) < 0)
		return -1;
	return admin_event(r, t, "certificate.revoke", cert->id, cert->name, e, "serial %s is to be revoked%s: %s",
			   version->serial, replace ? " when it is replaced" : "", version->reason);
}

static int revoke_one(struct request *r, struct txn *t, const json_t *body, struct rec_cert *cert, json_t **answer,
		      struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	bool replace = json_bool(body, "replace", false);
	int64_t number = 0;

	if (read_number(body, cert, &number, e) < 0 || get_version(t, cert, number, &version, e) < 0 ||
	    !may_revoke(&version, number, cert->name, e) || read_wish(t, body, cert, number, &version, e) < 0)
		return -1;
	if (replace && number != cert->current)
		return err_set(e, ERR_CONFLICT, "version %lld of %s is not in force: it is replaced already",
			       (long long)number, cert->name);
	if ((replace ? order_replacement(t, cert, &version, e) : revoke_now(t, cert, &version, number, e)) < 0 ||
	    put_wish(r, t, cert, &version, replace, e) < 0)
		return -1;
	*answer = show(t, cert, &version, number, replace);
	return str_eq(version.reason, REVOCATION_KEY_COMPROMISE) ? spread(r, t, cert, &version, *answer, e) : 0;
}

/* The newest first: *answer is what is shown of that, with the numbers of all. */
static int add_version(struct request *r, struct txn *t, const json_t *body, struct rec_cert *cert, int64_t number,
		       json_t **answer, json_t *numbers, struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_json_ json_t *one = NULL;
	struct err none = { 0 };

	if (get_version(t, cert, number, &version, e) < 0)
		return -1;
	if (!may_revoke(&version, number, cert->name, &none))
		return 0;
	if (json_array_size(numbers) == ALL_MOST)
		return err_set(e, ERR_LIMIT,
			       "%s has more than %d versions to revoke: revoke some by their number first", cert->name,
			       ALL_MOST);
	if (read_wish(t, body, cert, number, &version, e) < 0 || revoke_now(t, cert, &version, number, e) < 0 ||
	    put_wish(r, t, cert, &version, false, e) < 0)
		return -1;
	one = show(t, cert, &version, number, false);
	json_array_append_new(numbers, json_integer(number));
	if (str_eq(version.reason, REVOCATION_KEY_COMPROMISE) && spread(r, t, cert, &version, one, e) < 0)
		return -1;
	if (!*answer)
		*answer = TAKE(one);
	return 0;
}

static int revoke_all(struct request *r, struct txn *t, const json_t *body, struct rec_cert *cert, json_t **answer,
		      struct err *e)
{
	json_t *numbers = json_array();
	int result = 0;

	if (json_str(body, "version") || json_bool(body, "replace", false))
		result = body_at("all",
				 err_set(e, ERR_INVALID, "\"all\" goes with neither \"version\" nor \"replace\""), e);
	for (int64_t n = cert->newest; n > 0 && !result; n--)
		result = add_version(r, t, body, cert, n, answer, numbers, e);
	if (!result && !*answer)
		result = err_set(e, ERR_CONFLICT, "%s has no version that is valid and not revoked", cert->name);
	if (result)
		return json_decref(numbers), -1;
	json_object_set_new(*answer, "numbers", numbers);
	return 0;
}

int page_cert_revoke(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_json_ json_t *answer = NULL;

	if (!body || store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    (json_bool(body, "all", false) ? revoke_all(r, t, body, &cert, &answer, e) :
					     revoke_one(r, t, body, &cert, &answer, e)) < 0)
		return -1;
	return admin_commit_reply(r, TAKE(t), true, 202, TAKE(answer), e);
}
