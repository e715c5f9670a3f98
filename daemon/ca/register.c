/* Registering an account at its CA: from the due row of the agenda to the account URL. */
#include "daemon/ca/register.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/event/history.h"
#include "store/notify/alert.h"

#include "daemon/ca/account.h"
#include "daemon/ca/ca.h"
#include "daemon/ca/offers.h"
#include "daemon/engine/retry.h"

struct registration {
	struct job job;
	struct rec_account account;	/* as of the begin; reread before it is changed */
	struct acme_register *acme;
};

static void registration_free(struct registration *r)
{
	if (r->acme)
		acme_register_cancel(r->acme);
	rec_account_release(&r->account);
	free(r);
}

static void registration_cancel(struct job *job)
{
	registration_free((struct registration *)job);
}

static int registered(struct registration *r, struct txn *t, struct rec_account *account,
		      const struct acme_registered *got, struct err *e)
{
	record_set(&account->kid, got->kid);
	record_set(&account->terms, got->terms);
	record_set(&account->state, "valid");
	record_set(&account->error, NULL);
	account->failures = 0;
	offers_read(account, ca_client(r->job.engine, account));
	if (rec_account_put(t, account, e) < 0 || agenda_delete(t, AGENDA_register, account->id, e) < 0 ||
	    account_release_certs(t, account->id, ACCOUNT_FAILED, e) < 0)
		return -1;
	log_info("account %s: %s at %s", account->name, got->existing ? "found" : "registered", account->directory);
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "account.registered",
						 .object = account->id,
						  .name = account->name },
			   e, "%s as %s", got->existing ? "found by its key" : "registered", got->kid);
}

static int not_registered(struct txn *t, struct rec_account *account, const struct err *why, struct err *e)
{
	_cleanup_free_ char *problem = error_text(why), *said = alert_sentences(why);
	int64_t again = retry_at(++account->failures, why, clock_now());
	char when[CLOCK_RFC3339_SIZE];

	record_set(&account->state, "failed");
	record_set(&account->error, problem);
	log_warn("account %s: %s (tried again at %s)", account->name, why->message, clock_rfc3339(when, again));
	if (rec_account_put(t, account, e) < 0 || agenda_set(t, AGENDA_register, account->id, again, e) < 0 ||
	    (account->failures == 1 &&
	     alert_raise_account(t, ALERT_account, account, e, "It cannot be registered: %s", said) < 0))
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "account.failed", .object = account->id,
						  .name = account->name },
			   e, "%s", why->message);
}

/* Was it corrected meanwhile?  Then this was the answer to another question, and the row is due again. */
static bool was_corrected(const struct rec_account *asked, const struct rec_account *now)
{
	_cleanup_json_ json_t *before = rec_account_json(asked), *after = rec_account_json(now);

	return !json_equal(before, after) || !slice_eq(slice_buf(&asked->eab_key), slice_buf(&now->eab_key));
}

static int register_finish(struct registration *r, const struct acme_registered *got, const struct err *why,
			   struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->job.engine->store, &t, e) < 0)
		return -1;
	if (rec_account_get(t, &account, r->account.id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (was_corrected(&r->account, &account))
		return 0;
	if ((why ? not_registered(t, &account, why, e) : registered(r, t, &account, got, e)) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void registration_done(void *arg, const struct acme_registered *got, const struct err *why)
{
	struct registration *r = arg;
	struct err e = { 0 };

	r->acme = NULL;
	if (register_finish(r, got, why, &e) < 0)
		engine_hold(r->job.engine, &e);
	engine_end(&r->job);
	registration_free(r);
}

static int register_start(struct registration *r, struct txn *t, struct err *e)
{
	const struct rec_account *account = &r->account;
	struct acme_registration want = {
		.contact = account->contact,
		.terms_agreed = account->terms_agreed,
		.eab_kid = account->eab_kid && *account->eab_kid ? account->eab_kid : NULL,
		.eab_alg = account->eab_alg,
		.only_existing = account->only_existing,
	};

	ca_forget_account(r->job.engine, account->id);	/* it may have been corrected */
	if (ca_account(r->job.engine, t, account, &want.account, e) < 0)
		return -1;
	want.account.kid = NULL;
	want.eab_key = want.eab_kid ? want.account.key : NULL;
	r->acme = acme_register_start(ca_client(r->job.engine, account), &want, registration_done, r);
	return 0;
}

static int register_drop_row(struct engine *g, const struct agenda_row *row, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(g->store, &t, e) < 0 || agenda_delete(t, row->kind, row->id, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

int register_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct registration *r = xcalloc(1, sizeof(*r));
	_cleanup_txn_ struct txn *t = NULL;
	struct err why = { 0 };
	int failed;

	engine_begin(g, &r->job, row, registration_cancel);
	if (store_read(g->store, &t, &why) == 0 && rec_account_get(t, &r->account, row->id, &why) == 0 &&
	    register_start(r, t, &why) == 0)
		return 0;

	txn_abort(TAKE(t));
	if (why.kind == ERR_STORAGE) {
		*e = why;
		failed = -1;
	} else if (!r->account.id) {	/* deleted */
		failed = register_drop_row(g, row, e);
	} else {
		failed = register_finish(r, NULL, &why, e);
	}
	engine_end(&r->job);
	registration_free(r);
	return failed;
}
