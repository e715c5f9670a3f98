/* Which private key an order is for: one that is there, a new one, or a person's own. */
#include "daemon/order/issue_type.h"

#include "base/log.h"
#include "daemon/order/attempt.h"
#include "daemon/order/resume.h"
#include "pki/csr.h"
#include "store/cert_plan.h"
#include "store/key/compromise.h"
#include "store/key/sharing.h"
#include "store/key/version.h"

/* The public key of the request that a person sent. */
int issue_read_own_csr(struct issue *is, struct err *e)
{
	_cleanup_csr_ struct csr csr = { 0 };

	if (csr_parse(&csr, slice_buf(&is->cert.csr), e) < 0)
		return err_prefix(e, "the request that was sent for it");
	record_set_blob(&is->key.spki, slice_buf(&csr.spki));
	return 0;
}

int issue_read_key(struct issue *is, struct txn *t, const char *key_id, int64_t version, struct err *e)
{
	_cleanup_free_ char *id = record_child_id(key_id, version);

	return rec_key_version_get(t, &is->key, id, e);
}

/* 1: others know its private key; 0: nothing of that is known. */
static int is_compromised(struct txn *t, const struct rec_key_version *version, struct err *e)
{
	_cleanup_free_ char *digest = spki_digest(slice_buf(&version->spki));

	return compromise_known(t, digest, e);
}

/* Is the newest generation one that this order may not have? */
static int newest_is_spoilt(struct txn *t, const struct rec_cert *cert, const struct rec_key *key, struct err *e)
{
	_cleanup_(rec_key_version_release) struct rec_key_version newest = { 0 };
	_cleanup_free_ char *id = record_child_id(key->id, key->newest);

	if (cert->new_key && !str_eq(key->type, cert->key_type))
		return 1;
	return rec_key_version_get(t, &newest, id, e) < 0 ? -1 : is_compromised(t, &newest, e);
}

/* Does the order need a generation of the key that is not there yet?  1: yes. */
int issue_needs_new_key(struct txn *t, const struct rec_cert *cert, const struct rec_key *key, struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->newest);	/* also after rolling back */
	int spoilt = newest_is_spoilt(t, cert, key, e), kept = 0;

	if (spoilt || !cert->newest)
		return spoilt;
	if (!cert->rekey)
		kept = sharing_keeps_key(t, cert, e);
	if (kept || rec_version_get(t, &version, id, e) < 0)
		return kept > 0 ? 0 : -1;
	/* One made for another that shares it, or for an attempt that failed, is new to this certificate. */
	return str_eq(version.key_id, key->id) && version.key_version >= key->newest;
}

/* The keeper has made the next version of the key: save it, unless another that shares the key was faster. */
static int add_key_version(struct issue *is, struct txn *t, const struct keeper_answer *a, struct err *e)
{
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	int needed;

	if (rec_key_get(t, &key, is->cert.key_id, e) < 0)
		return -1;
	needed = issue_needs_new_key(t, &is->cert, &key, e);
	if (needed <= 0)
		return needed < 0 ? -1 : issue_read_key(is, t, key.id, key.newest, e);
	record_set(&key.type, is->cert.key_type);
	return key_version_add(t, &key, key.type, a->field[0], a->field[1], &is->key, e);
}

int issue_save_key(struct issue *is, const struct keeper_answer *a, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(is->job.engine->store, &t, e) < 0 || add_key_version(is, t, a, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

int issue_check_own_csr(struct issue *is, struct txn *t, struct err *e)
{
	int known = issue_read_own_csr(is, e) < 0 ? -1 : is_compromised(t, &is->key, e);

	if (known <= 0)
		return known;
	err_set(e, ERR_CONFLICT, "the private key of the request that was sent for it is compromised");
	return err_hint(e, "Make a request with a new key, and set it for the certificate %s.", is->cert.name);
}

int issue_read_key_of_order(struct issue *is, struct txn *t, const struct rec_order *order, struct err *e)
{
	return is->cert.own_csr ? issue_read_own_csr(is, e)
				: issue_read_key(is, t, order->key_id, order->key_version, e);
}

/* 1: its order, if there is one, may go on; 0: it is closed, because others know the key that it is for. */
int issue_give_up_compromised(struct issue *is, struct txn *t, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(is->cert.id, is->cert.open_order), *problem = NULL;
	struct err why = { 0 };
	int known;

	if (!is->cert.open_order)
		return 1;
	if (rec_order_get(t, &order, id, e) < 0 || issue_read_key_of_order(is, t, &order, e) < 0)
		return -1;
	known = is_compromised(t, &is->key, e);
	if (known <= 0)
		return known < 0 ? -1 : 1;
	err_set(&why, ERR_CONFLICT, "the private key of this order is compromised, so a new order takes its place");
	problem = error_text(&why);
	record_set(&order.error, problem);
	log_info("certificate %s: the order: %s", is->cert.name, why.message);
	return resume_close(t, &order, "replaced", e) < 0 || cert_plan(t, &is->cert, CERT_closed, e) < 0 ||
	       cert_plan(t, &is->cert, CERT_wished, e) < 0 ? -1 : 0;
}

/* What was learned since the order began counts: this is the last moment at which the key can be another. */
int issue_check_key(struct issue *is, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	int known = store_read(is->job.engine->store, &t, e) < 0 ? -1 : is_compromised(t, &is->key, e);

	if (known <= 0)
		return known;
	err_set(e, ERR_CONFLICT, "the private key that it is ordered for has been compromised meanwhile");
	return err_code(e, ATTEMPT_COMPROMISED);
}
