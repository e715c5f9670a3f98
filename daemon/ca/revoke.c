/*
 * Revoking one version of a certificate: from the due row of the agenda to the CA's word for it.
 *
 * One that is revoked because another has replaced it waits until all who fetched it have fetched that one, or until
 * its time of grace is over.
 */
#include "daemon/ca/revoke.h"

#include "base/clock.h"
#include "base/log.h"
#include "pki/cert.h"
#include "store/event/history.h"
#include "store/notify/alert.h"

#include "daemon/ca/ca.h"
#include "daemon/engine/retry.h"

#define LOOK_AGAIN 15	/* seconds, at most: has everybody fetched the replacement? */

struct revoke_revocation {
	struct job job;
	struct rec_version version;	/* as of the begin; reread before it is changed */
	struct rec_account account;
	struct acme_request *acme;
};

static void revocation_free(struct revoke_revocation *r)
{
	acme_request_cancel(r->acme);
	rec_version_release(&r->version);
	rec_account_release(&r->account);
	free(r);
}

static void revocation_cancel(struct job *job)
{
	revocation_free((struct revoke_revocation *)job);
}

static int note_event(struct txn *t, const struct rec_cert *cert, bool done, struct err *e,
		      const struct rec_version *version, const char *how)
{
	return history_add(t,
			   &(struct event_of){
				   .actor = "engine",
				   .object = cert->id,
				   .name = cert->name,
				   .action = done ? "certificate.revoked" : "certificate.not-revoked",
				   .subclass = history_subclass(done ? EVENT_close_successful : EVENT_close_failed) },
			   e, "version %lld, serial %s: %s", (long long)record_child_number(version->id),
			   version->serial, how);
}

/* The CA has confirmed it. */
static int revoked(struct txn *t, struct rec_cert *cert, struct rec_version *version, struct err *e)
{
	if (!version->revoked)
		version->revoked = clock_now();
	version->failures = 0;
	record_set(&version->error, NULL);
	if (record_child_number(version->id) == cert->current)
		cert->revoked = version->revoked;
	if (rec_version_put(t, version, e) < 0 || rec_cert_put(t, cert, e) < 0 ||
	    agenda_delete(t, AGENDA_revoke, version->id, e) < 0 ||
	    alert_raise_cert(t, ALERT_revoked, cert, e, "Version %lld, serial %s, as we asked for: %s.",
			     (long long)record_child_number(version->id), version->serial, version->reason) < 0)
		return -1;
	log_info("certificate %s: serial %s is revoked", cert->name, version->serial);
	return note_event(t, cert, true, e, version, version->reason);
}

static int not_revoked(struct txn *t, const struct rec_cert *cert, struct rec_version *version, const struct err *why,
		       struct err *e)
{
	_cleanup_free_ char *problem = error_text(why), *said = alert_sentences(why);
	int64_t again = retry_at(++version->failures, why, clock_now());

	log_warn("certificate %s: %s", cert->name, why->message);
	record_set(&version->error, problem);
	if (rec_version_put(t, version, e) < 0 ||
	    (retry_may_help(why) ? agenda_set(t, AGENDA_revoke, version->id, again, e)
			       : agenda_delete(t, AGENDA_revoke, version->id, e)) < 0)
		return -1;
	if ((version->failures == 1 || !retry_may_help(why)) &&
	    alert_raise_cert(t, ALERT_unrevoked, cert, e, "Version %lld, serial %s: %s",
			     (long long)record_child_number(version->id), version->serial, said) < 0)
		return -1;
	return note_event(t, cert, false, e, version, why->message);
}

static int revoke_drop_row(struct txn *taken, const char *id, struct err *e)
{
	_cleanup_txn_ struct txn *t = taken;

	return agenda_delete(t, AGENDA_revoke, id, e) < 0 ? -1 : txn_commit(TAKE(t), e);
}

static int revoke_finish(struct engine *g, const char *version_id, const struct err *why, struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_free_ char *cert_id = record_parent_id(version_id);
	_cleanup_txn_ struct txn *t = NULL;
	bool is_done = !why || str_eq(why->code, "alreadyRevoked");

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if (rec_version_get(t, &version, version_id, e) < 0 || rec_cert_get(t, &cert, cert_id, e) < 0)
		return e->kind == ERR_MISSING ? revoke_drop_row(TAKE(t), version_id, e) : -1;	/* deleted meanwhile */
	if ((is_done ? revoked(t, &cert, &version, e) : not_revoked(t, &cert, &version, why, e)) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void revocation_done(void *arg, const json_t *answer, const struct err *why)
{
	struct revoke_revocation *r = arg;
	struct err e = { 0 };

	r->acme = NULL;
	if (revoke_finish(r->job.engine, r->job.id, why, &e) < 0)
		engine_hold(r->job.engine, &e);
	engine_end(&r->job);
	revocation_free(r);
}

/* The one that was named, or that ordered it: which may not be the one that will order the next. */
static int find_account(struct revoke_revocation *r, struct txn *t, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	const char *named = r->version.revoke_account;

	if (named && *named)
		return rec_account_get(t, &r->account, named, e) < 0 ? err_prefix(e, "the account that was named") : 0;
	if (rec_order_get(t, &order, r->version.order_id, e) < 0 ||
	    rec_account_get(t, &r->account, order.account_id, e) < 0)
		return err_prefix(e, "the account that ordered it");
	return 0;
}

static int find_signer(struct revoke_revocation *r, struct txn *t, struct acme_account *who, struct err *e)
{
	_cleanup_free_ char *key = record_child_id(r->version.key_id, r->version.key_version);

	if (r->version.by_key)
		return ca_key(r->job.engine, t, key, who, e) < 0 ? err_prefix(e, "the certificate's key") : 0;
	if (!r->account.kid || !*r->account.kid)
		return err_set(e, ERR_CONFLICT, "the account %s is not registered at the CA", r->account.name);
	return ca_account(r->job.engine, t, &r->account, who, e);
}

static int revoke_start(struct revoke_revocation *r, struct txn *t, struct err *e)
{
	_cleanup_chain_ struct chain chain = { 0 };
	struct acme_account who = { 0 };

	if (find_account(r, t, e) < 0 || find_signer(r, t, &who, e) < 0 ||
	    chain_parse(&chain, slice_str(r->version.chain), e) < 0)
		return err_prefix(e, "revoking the certificate");
	r->acme = acme_revoke_start(ca_client(r->job.engine, &r->account), &who, slice_buf(&chain.cert[0].der),
				    r->version.reason, revocation_done, r);
	return 0;
}

struct users {
	int64_t version;
	bool any;
};

static int look_at_user(void *arg, void *rec, struct err *e)
{
	const struct rec_consumer *consumer = rec;
	struct users *users = arg;

	users->any |= consumer->version == users->version;
	return 0;
}

/* A deploy hook that has still to deliver what is in force now. */
static bool is_being_deployed(struct txn *t, const char *cert_id)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_version_release) struct rec_version now = { 0 };
	_cleanup_free_ char *id = NULL;

	if (rec_cert_get(t, &cert, cert_id, NULL) < 0)
		return false;
	id = record_child_id(cert_id, cert.current);
	return rec_version_get(t, &now, id, NULL) == 0 && (str_eq(now.deploy, "open") || str_eq(now.deploy, "failed"));
}

/* Has an API key fetched it, or the deploy hook delivered it, and nothing newer since?  1: yes. */
static int is_in_use(struct txn *t, const struct rec_version *version, struct err *e)
{
	_cleanup_free_ char *cert_id = record_parent_id(version->id), *children = xasprintf("%s/", cert_id);
	struct users users = { .version = record_child_number(version->id) };

	if (str_eq(version->deploy, "done") && is_being_deployed(t, cert_id))
		return 1;
	return record_each(t, &rec_consumer_type, children, false, look_at_user, &users, e) < 0 ? -1 : users.any;
}

/* Looks again soon.  Returns 1 if it waits. */
static int wait_for_consumers(struct engine *g, const char *version_id, struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	int64_t grace = g->config->revocation_grace, now = clock_now();
	_cleanup_txn_ struct txn *t = NULL;
	int in_use;

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if (rec_version_get(t, &version, version_id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (!version.replaced || version.replaced + grace <= now)
		return 0;
	in_use = is_in_use(t, &version, e);
	if (in_use <= 0)
		return in_use;
	version.revoke_by = version.replaced + grace;
	if (rec_version_put(t, &version, e) < 0 ||
	    agenda_set(t, AGENDA_revoke, version_id, MIN(version.revoke_by, now + MAX(1, MIN(LOOK_AGAIN, grace / 60))),
		       e) < 0)
		return -1;
	if (txn_commit(TAKE(t), e) < 0)
		return -1;
	engine_wake(g);
	return 1;
}

int revoke_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct revoke_revocation *r = xcalloc(1, sizeof(*r));
	_cleanup_txn_ struct txn *t = NULL;
	struct err why = { 0 };
	int failed = wait_for_consumers(g, row->id, e);

	if (failed)
		return revocation_free(r), MIN(failed, 0);
	engine_begin(g, &r->job, row, revocation_cancel);
	if (store_read(g->store, &t, &why) == 0 && rec_version_get(t, &r->version, row->id, &why) == 0 &&
	    revoke_start(r, t, &why) == 0)
		return 0;

	txn_abort(TAKE(t));
	if (why.kind == ERR_STORAGE) {
		*e = why;
		failed = -1;
	} else {
		failed = revoke_finish(g, row->id, &why, e);
	}
	engine_end(&r->job);
	revocation_free(r);
	return failed;
}
