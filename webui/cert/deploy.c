/* The deploy hook of a certificate: what became of it, and the wish to have it run again. */
#include "store/deploy.h"
#include "webui/http/handler.h"

static const char *script_of(const struct request *r, const struct rec_cert *cert)
{
	return deploy_script(cert, r->webui->settings->deploy_hook);
}

json_t *admin_show_deploy(const struct request *r, struct txn *t, const struct rec_cert *cert)
{
	/* Of the version's record, and what they are called here. */
	static const char *const members[][2] = {
		{ "deploy", "state" }, { "deployed", "deployed" }, { "deploy_failures", "failures" },
		{ "deploy_retry_at", "retry_at" }, { "deploy_error", "error" },
	};
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->current);
	_cleanup_json_ json_t *all = NULL;
	json_t *o;

	if (!script_of(r, cert))
		return json_null();
	if (cert->current && rec_version_get(t, &version, id, NULL) < 0)
		return json_null();
	o = json_object();
	json_put_str(o, "script", script_of(r, cert));
	json_put_int(o, "version", cert->current);
	all = rec_version_json(&version);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		json_object_set(o, members[i][1], json_object_get(all, members[i][0]));
	admin_put_steps(r, o, "log", version.deploy_log);
	return o;
}

int page_cert_deploy(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	if (!script_of(r, &cert)) {
		err_set(e, ERR_CONFLICT, "the certificate %s has no deploy hook", cert.name);
		return err_hint(e, "Set hooks.deploy in certera.yaml, or set a deploy hook for this certificate.");
	}
	if (!cert.current)
		return err_set(e, ERR_CONFLICT, "the certificate %s was never issued: there is nothing to deploy",
			       cert.name);
	if (deploy_ask(t, &cert, e) < 0 ||
	    admin_event(r, t, "certificate.deploy", cert.id, cert.name, e, "version %lld to be deployed now",
			(long long)cert.current) < 0)
		return -1;
	answer = admin_show_one_cert(t, &cert);
	json_object_set_new(answer, "deploy", admin_show_deploy(r, t, &cert));
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}
