/*
 * Another account orders a certificate from now on: at another CA, or in production after it was tried with staging.
 */
#include "store/cert_plan.h"
#include "webui/http/handler.h"
#include "webui/http/name.h"

int admin_check_orders(const struct rec_account *account, struct err *e)
{
	if (!str_eq(account->state, "deactivated"))
		return 0;
	err_set(e, ERR_CONFLICT, "the account %s is deactivated, so nothing can be ordered from it", account->name);
	return err_hint(e, "Choose a different account of this CA, or add one.");
}

static int check_account(struct txn *t, const struct rec_cert *cert, const struct rec_account *account, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert other = { 0 };

	if (admin_check_orders(account, e) < 0)
		return -1;
	if (account->staging && !cert->staging) {
		err_set(e, ERR_CONFLICT, "the account %s is for testing only, and %s is in production", account->name,
			cert->name);
		return err_hint(e, "To try something, add a certificate of the same name with that account.");
	}
	if (admin_check_profile(account, cert->profile, e) < 0)
		return -1;
	if (account->staging == cert->staging)
		return 0;
	if (rec_cert_by_name(t, &other, cert->name, false, e) == 0) {
		err_set(e, ERR_CONFLICT, "there is a certificate %s in production already", cert->name);
		return err_hint(e, "Change the certificate in production instead.");
	}
	if (e->kind != ERR_MISSING)
		return -1;
	err_clear(e);
	return 0;
}

/* What staging issued is nothing for the world: it is out of force, and in production nothing has been tried yet. */
static int leave_staging(struct txn *t, struct rec_cert *cert, struct err *e)
{
	cert->staging = false;
	cert->tests = cert->newest;
	cert->current = 0;
	record_set(&cert->issuer, NULL);
	cert->not_before = cert->not_after = cert->renew_at = cert->revoked = 0;
	cert->ari_start = cert->ari_end = cert->patient_until = cert->hurried = cert->issued = 0;
	record_set(&cert->ari_explanation, NULL);
	record_set(&cert->fallback_id, NULL);
	record_set(&cert->error, NULL);
	return cert_plan(t, cert, CERT_afresh, e);
}

int admin_set_account(struct txn *t, struct rec_cert *cert, const char *name, bool *changed, bool *order,
		      struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };

	if (name_check(name, e) < 0)
		return -1;
	if (rec_account_by_name(t, &account, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_CONFLICT, "there is no account %s", name) : -1;
	if (str_eq(account.id, cert->account_id))
		return 0;
	if (check_account(t, cert, &account, e) < 0)
		return -1;
	*changed = true;
	if (account.staging != cert->staging && leave_staging(t, cert, e) < 0)
		return -1;
	record_set(&cert->account_id, account.id);
	/* What the other account had to wait for is nothing to this one. */
	if (cert->waits_for && *cert->waits_for && cert_plan(t, cert, CERT_released, e) < 0)
		return -1;
	if (str_eq(cert->fallback_id, account.id))
		record_set(&cert->fallback_id, NULL);
	/* One that is well is renewed by it when it is time. */
	*order = !cert->imported && (!cert->current || cert->failures);
	return 0;
}
