/* /api/v1/hooks: dry runs. */
#include "base/clock.h"
#include "base/digest.h"
#include "pki/identifier.h"
#include "store/agenda.h"
#include "store/hooks.h"
#include "webui/http/handler.h"
#include "webui/http/name.h"

#define VALUE_BYTES 32

/* NAME is a certificate, whose hooks are tried, or a domain name, for the configured ones. */
static int choose_subject(struct request *r, struct txn *t, struct rec_trial *trial, struct err *e)
{
	const char *name = params_get(&r->path, "name");
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_free_ char *normal = NULL;

	if (name_check(name, NULL) == 0 && admin_find_cert(r, t, &cert, e) == 0) {
		if (hooks_check_dns(&cert, e) < 0)
			return -1;
		record_set(&trial->cert_id, cert.id);
		record_set(&trial->subject, identifier_base(cert.names[0]));
		return 0;
	}
	normal = identifier_normal(name, e);
	if (!normal)
		return err_prefix(e, "there is no certificate %.100s, and as a domain name", name);
	if (identifier_is_ip(normal))
		return err_set(e, ERR_INVALID, "%s is an address; DNS records are set for names", normal);
	record_set(&trial->subject, identifier_base(normal));
	return scope_check_names(&r->visitor.scope, (char *const[]){ normal, NULL }, e);
}

static json_t *show(const struct request *r, struct txn *t, const struct rec_trial *trial)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	json_t *o = rec_trial_json(trial);

	if (trial->cert_id && rec_cert_get(t, &cert, trial->cert_id, NULL) == 0) {
		json_put_str(o, "certificate", cert.name);
		json_put_bool(o, "staging", cert.staging);
	}
	admin_put_steps(r, o, "log", trial->log);
	return o;
}

int page_hook_test(struct request *r, struct err *e)
{
	_cleanup_(rec_trial_release) struct rec_trial trial = { .created = clock_now() };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	trial.id = random_hex(16);
	trial.value = random_hex(VALUE_BYTES);
	record_set(&trial.state, "open");
	if (store_write(r->webui->env->store, &t, e) < 0 || choose_subject(r, t, &trial, e) < 0 ||
	    rec_trial_put(t, &trial, e) < 0 || agenda_set(t, AGENDA_trial, trial.id, trial.created, e) < 0 ||
	    admin_event(r, t, "hook.test", trial.id, trial.subject, e, "hooks are tried for %s", trial.subject) < 0)
		return -1;
	answer = show(r, t, &trial);
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}

static int no_trial(struct err *e)
{
	return err_set(e, ERR_MISSING, "this trial does not exist");
}

static bool is_in_scope(const struct request *r, struct txn *t, const struct rec_trial *trial)
{
	const struct scope *scope = &r->visitor.scope;

	return trial->cert_id ? scope_has_id(scope, t, trial->cert_id) :
				scope_check_names(scope, (char *const[]){ trial->subject, NULL }, NULL) == 0;
}

int page_hook_trial(struct request *r, struct err *e)
{
	_cleanup_(rec_trial_release) struct rec_trial trial = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_trial_get(t, &trial, params_get(&r->path, "id"), e) < 0)
		return e->kind == ERR_MISSING ? no_trial(e) : -1;
	if (!is_in_scope(r, t, &trial))
		return no_trial(e);
	return reply_json(r, 200, show(r, t, &trial));
}
