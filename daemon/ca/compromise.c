/*
 * A private key that others know (store/key/compromise.h): from the due row, whose id is the digest of the public key,
 * to the end of its use.
 *
 * Every certificate that has it in force, whatever its key is called here, is ordered with a new one at once, and the
 * old version is revoked when it is replaced.  Where that cannot be done, its status and an alert say so.  Left alone
 * is what is itself (to be) revoked for it: whether that is replaced was said with the revocation.  Accounts get
 * another key.
 */
#include "daemon/ca/compromise.h"

#include "base/clock.h"
#include "base/log.h"
#include "pki/cert.h"
#include "pki/csr.h"
#include "pki/revocation/reason.h"
#include "store/cert_plan.h"
#include "store/event/history.h"
#include "store/key/compromise.h"
#include "store/notify/alert.h"

#define KEY_TYPE_INSTEAD "p256" /* of an account, where one like the old one cannot be made; every CA takes it */

struct compromise {
	struct txn *txn;
	const char *digest;
};

/*
 * Certificates.
 */

/* A request that a person has sent meanwhile may be made with another key. */
static bool request_has_key(const struct compromise *c, const struct rec_cert *cert)
{
	_cleanup_csr_ struct csr csr = { 0 };
	_cleanup_free_ char *digest = NULL;

	if (csr_parse(&csr, slice_buf(&cert->csr), NULL) < 0)
		return true;
	digest = spki_digest(slice_buf(&csr.spki));
	return str_eq(digest, c->digest);
}

static bool can_be_ordered(const struct compromise *c, const struct rec_cert *cert)
{
	return !cert->disabled && !cert->imported && cert->account_id && *cert->account_id &&
	       !(cert->own_csr && request_has_key(c, cert));
}

/* Its CA is asked once there is another one; who brings that does not matter. */
static int revoke_when_replaced(struct txn *t, struct rec_cert *cert, struct rec_version *version, struct err *e)
{
	if (!version->order_id || !*version->order_id) /* not ours to revoke */
		return 0;
	cert->revoke_when_replaced = cert->current;
	version->failures = 0;
	record_set(&version->reason, REVOCATION_KEY_COMPROMISE);
	record_set(&version->error, NULL);
	return rec_version_put(t, version, e);
}

static int compromise_tell(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	const char *next = compromise_next(cert);

	log_warn("certificate %s: its private key is compromised", cert->name);
	if (alert_raise_cert(t, ALERT_compromised, cert, e,
			     "A certificate with the same private key was revoked because others know that key. %s",
			     next) < 0)
		return -1;
	return history_add(t,
			   &(struct event_of){ .actor = "engine",
					       .action = "certificate.compromised",
					       .object = cert->id,
					       .name = cert->name },
			   e, "version %lld has a compromised private key. %s", (long long)cert->current, next);
}

/* An order that is set aside is looked at, too: its key may be this one. */
static int order(struct txn *t, struct rec_cert *cert, struct err *e)
{
	return cert->open_order ? cert_plan_at(t, cert, CERT_again, clock_now(), NULL, e) : MIN(cert_wish(t, cert, e),
												0);
}

static int replace_cert(void *arg, void *rec, struct err *e)
{
	const struct compromise *c = arg;
	struct rec_cert *cert = rec;
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);

	if (cert->compromised || cert->not_after <= clock_now())
		return 0;
	if (rec_version_get(c->txn, &version, id, e) < 0)
		return -1;
	cert->compromised = true;
	if (version.revoked || str_eq(version.reason, REVOCATION_KEY_COMPROMISE))
		return rec_cert_put(c->txn, cert, e) < 0 ? -1 : txn_is_large(c->txn);
	if (revoke_when_replaced(c->txn, cert, &version, e) < 0 ||
	    (can_be_ordered(c, cert) && order(c->txn, cert, e) < 0) || compromise_tell(c->txn, cert, e) < 0)
		return -1;
	return rec_cert_put(c->txn, cert, e) < 0 ? -1 : txn_is_large(c->txn);
}

/*
 * Accounts.
 */

static int wish_another_key(struct txn *t, struct rec_account *account, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	enum key_type type;

	if (rec_key_get(t, &key, account->key_id, e) < 0)
		return -1;
	record_set(&account->wish, "rollover");
	record_set(&account->new_key_type, key_type_by_word(key.type, &type, NULL) == 0 && key_type_makeable(type) ?
						   key.type :
						   KEY_TYPE_INSTEAD);
	record_set(&account->error, NULL);
	account->failures = 0;
	return rec_account_put(t, account, e) < 0 ? -1 : agenda_set(t, AGENDA_account, account->id, clock_now(), e);
}

static int replace_account_key(void *arg, void *rec, struct err *e)
{
	const struct compromise *c = arg;
	struct rec_account *account = rec;
	_cleanup_free_ char *digest = jwk_thumbprint(account->jwk ? account->jwk : "");
	bool can = str_eq(account->state, "valid") && !(account->wish && *account->wish);
	const char *next = can ? "Its key is changed now." : "Change its key (account rollover), or deactivate it.";

	if (!str_eq(digest, c->digest) || str_eq(account->state, "deactivated") || str_eq(account->wish, "rollover"))
		return 0;
	if ((can && wish_another_key(c->txn, account, e) < 0) ||
	    alert_raise_account(c->txn, ALERT_compromised, account, e,
				"A certificate with the same private key was revoked because others know that key. %s",
				next) < 0)
		return -1;
	return history_add(c->txn,
			   &(struct event_of){ .actor = "engine",
					       .action = "account.compromised",
					       .object = account->id,
					       .name = account->name },
			   e, "its private key is compromised. %s", next);
}

/* All its certificates are dealt with; else the row stays due, and the next step is a turn later. */
static int finish(struct compromise *c, struct err *e)
{
	if (record_each(c->txn, &rec_account_type, "", false, replace_account_key, c, e) < 0)
		return -1;
	return agenda_delete(c->txn, AGENDA_compromise, c->digest, e);
}

int compromise_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct compromise c = { .digest = row->id };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	c.txn = t;
	if (record_each_with(t, &rec_cert_type, REC_cert_public_key, row->id, replace_cert, &c, e) < 0 ||
	    (!txn_is_large(t) && finish(&c, e) < 0) || txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_wake(g);
	return 0;
}

/*
 * Stores of former programs.
 */

static int note_compromised(void *arg, void *rec, struct err *e)
{
	const struct rec_version *version = rec;
	_cleanup_free_ char *digest = NULL;

	if (!str_eq(version->reason, REVOCATION_KEY_COMPROMISE))
		return 0;
	digest = chain_digest(slice_str(version->chain), NULL);
	return digest ? compromise_add(arg, digest, version, e) : 0;
}

/* What cannot be read is left as it is. */
static int complete(void *arg, struct txn *t, void *rec, struct err *e)
{
	struct rec_cert *cert = rec;
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current), *versions = xasprintf("%s/", cert->id);

	if (!cert->current || cert->public_key || rec_version_get(t, &version, id, NULL) < 0)
		return 0;
	cert->public_key = chain_digest(slice_str(version.chain), NULL);
	if (!cert->public_key)
		return 0;
	if (record_each(t, &rec_version_type, versions, false, note_compromised, t, e) < 0)
		return -1;
	return rec_cert_put(t, cert, e);
}

static int compromise_plan_begin(struct engine *g, struct txn *t, void **arg, struct buf *mark, struct err *e)
{
	buf_add_str(mark, "1");
	return 0;
}

const struct planner compromise_planner = { "compromise", &rec_cert_type, compromise_plan_begin, complete };
