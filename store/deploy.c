#include "store/deploy.h"

#include "base/clock.h"
#include "store/agenda.h"
#include "store/hooks.h"
#include "store/status.h"

const char *deploy_script(const struct rec_cert *cert, const char *configured)
{
	const char *script = cert->deploy_hook && *cert->deploy_hook ? cert->deploy_hook : configured;

	return script && *script && !str_eq(script, HOOKS_NONE) ? script : NULL;
}

/* The version in force as if its hook had never run; state: what it is now. */
static int begin_anew(struct txn *t, struct rec_cert *cert, const char *state, struct err *e)
{
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);

	if (rec_version_get(t, &version, id, e) < 0)
		return -1;
	record_set(&version.deploy, state);
	record_set(&version.deploy_error, NULL);
	version.deploy_failures = 0;
	version.deploy_retry_at = 0;
	cert->deploy_says = DELIVERY_UNKNOWN;
	return rec_version_put(t, &version, e) < 0 ? -1 : rec_cert_put(t, cert, e);
}

int deploy_ask(struct txn *t, struct rec_cert *cert, struct err *e)
{
	return begin_anew(t, cert, "open", e) < 0 ? -1 : agenda_set(t, AGENDA_deploy, cert->id, clock_now(), e);
}

int deploy_forget(struct txn *t, struct rec_cert *cert, struct err *e)
{
	if (cert->current && begin_anew(t, cert, NULL, e) < 0)
		return -1;
	return agenda_delete(t, AGENDA_deploy, cert->id, e);
}
