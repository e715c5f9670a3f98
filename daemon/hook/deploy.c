/*
 * The deploy hook: a script of the operator's hears that another version of a certificate is in force.
 *
 *	deploy_due()	which script, and which version?
 *	deploy_opened()	the certificate's own environment, sealed until now
 *	deploy_start()		the chain as files in a directory made for this, the rest as environment
 *	deploy_finish()	how it ended, with the version; if it failed, the next attempt
 *
 * The private key is not in what it gets: the keeper gives keys to API keys and to local administrators only, and so
 * a script has it fetched (certera-fetch where it is needed) or, on this machine, exports it.
 */
#include "daemon/hook/deploy.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "pki/cert.h"
#include "store/deploy.h"
#include "store/event/history.h"
#include "store/hooks.h"
#include "store/record/steps.h"
#include "store/status.h"

#include "daemon/engine/order_log.h"
#include "daemon/engine/retry.h"
#include "daemon/hook/hook.h"
#include "daemon/hook/hook_script.h"

struct deploy {
	struct job job;
	struct rec_cert cert;
	struct rec_version version;
	struct rec_key key;
	char *script;
	char *directory;	/* of the files; NULL: not made */
	struct keeper_question *question;
	struct hook *hook;
	struct timer timer;
	struct err refusal;
};

/*
 * The files: public, yet nobody else's business.
 */

static int write_file(const char *directory, const char *name, struct slice text, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len)
		return err_errno(e, ERR_INTERNAL, "writing %s for the deploy hook", path);
	return 0;
}

static int write_part(const char *directory, const char *name, const struct chain *chain, size_t from, size_t to,
		      struct err *e)
{
	_cleanup_buf_ struct buf pem = BUF_INIT;

	chain_pem(chain, from, to, &pem);
	return write_file(directory, name, slice_buf(&pem), e);
}

/* The group is that of the directory above: whom scripts run as (daemon/process/state.c). */
static int make_directory(const char *path, struct err *e)
{
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return err_errno(e, ERR_INTERNAL, "making %s for the deploy hook", path);
	return 0;
}

/* Named by the certificate, so what a crash leaves is used, and removed, by the next attempt. */
static int write_files(struct deploy *d, struct err *e)
{
	_cleanup_free_ char *parent = xasprintf("%s/deploy", d->job.engine->config->server_state_directory);
	_cleanup_chain_ struct chain chain = { 0 };

	if (chain_parse(&chain, slice_str(d->version.chain), e) < 0 || make_directory(parent, e) < 0)
		return -1;
	d->directory = xasprintf("%s/%s", parent, d->cert.id);
	if (make_directory(d->directory, e) < 0 || write_part(d->directory, "cert.pem", &chain, 0, 1, e) < 0 ||
	    write_part(d->directory, "chain.pem", &chain, 1, chain.count, e) < 0)
		return -1;
	return write_part(d->directory, "fullchain.pem", &chain, 0, chain.count, e);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	if (remove(path) < 0)
		log_warn("removing %s: %s", path, strerror(errno));
	return 0;
}

static void deploy_free(struct deploy *d)
{
	timer_stop(&d->timer);
	if (d->question)
		keeper_cancel(d->question);
	if (d->hook)
		hook_cancel(d->hook);
	if (d->directory)
		nftw(d->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(d->directory);
	free(d->script);
	rec_cert_release(&d->cert);
	rec_version_release(&d->version);
	rec_key_release(&d->key);
	free(d);
}

static void deploy_cancel(struct job *job)
{
	deploy_free((struct deploy *)job);
}

/*
 * How it ended.
 */

static void note_end(struct rec_version *v, const struct deploy *d, const struct hook_end *end)
{
	_cleanup_free_ char *problem = end->err ? error_text(end->err) : NULL;
	_cleanup_strv_ char **lines = hook_lines(d->script, end->output);
	char *sentence[] = { end->err ? (char *)end->err->message : "it is deployed", NULL };

	strv_free(v->deploy_log);	/* of the last attempt alone: there may be many */
	v->deploy_log = NULL;
	steps_add(&v->deploy_log, STEPS_PRINTED, lines);
	steps_add(&v->deploy_log, STEPS_OURS, sentence);
	record_set(&v->deploy, end->err ? "failed" : "done");
	record_set(&v->deploy_error, problem);
	v->deploy_failures = end->err ? v->deploy_failures + 1 : 0;
	v->deploy_retry_at = end->err ? retry_at(v->deploy_failures, end->err, clock_now()) : 0;
	v->deployed = end->err ? 0 : clock_now();
}

/* Another version may be in force by now: it is the next. */
static int deploy_plan_next(struct txn *t, const struct rec_cert *cert, const struct rec_version *v,
			    const struct deploy *d,
		     struct err *e)
{
	if (cert->current != record_child_number(d->version.id))
		return agenda_set(t, AGENDA_deploy, cert->id, clock_now(), e);
	return v->deploy_retry_at ? agenda_set(t, AGENDA_deploy, cert->id, v->deploy_retry_at, e) :
				    agenda_delete(t, AGENDA_deploy, cert->id, e);
}

static int deploy_tell(struct txn *t, const struct deploy *d, const struct rec_version *v, const struct hook_end *end,
		struct err *e)
{
	struct event_of of = { .actor = "engine", .action = end->err ? "certificate.deploy_failed" :
								       "certificate.deployed",
			       .object = d->cert.id, .name = d->cert.name };
	char when[CLOCK_RFC3339_SIZE];

	if (!end->err)
		return history_add(t, &of, e, "version %lld deployed by %s",
				   (long long)record_child_number(d->version.id), d->script);
	log_warn("certificate %s: deploying version %lld: %s (tried again at %s)", d->cert.name,
		 (long long)record_child_number(d->version.id), end->err->message, clock_rfc3339(when,
												 v->deploy_retry_at));
	return history_add(t, &of, e, "deploying version %lld: %s", (long long)record_child_number(d->version.id),
			   end->err->message);
}

static int deploy_finish(struct deploy *d, const struct hook_end *end, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_version_release) struct rec_version version = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(d->job.engine->store, &t, e) < 0)
		return -1;
	if (rec_cert_get(t, &cert, d->cert.id, e) < 0 || rec_version_get(t, &version, d->version.id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;	/* removed meanwhile, with its row */
	note_end(&version, d, end);
	if (cert.current == record_child_number(d->version.id))
		cert.deploy_says = end->err ? DELIVERY_FAILED : DELIVERY_DONE;
	if (rec_cert_put(t, &cert, e) < 0 || rec_version_put(t, &version, e) < 0 ||
	    deploy_plan_next(t, &cert, &version, d, e) < 0 || deploy_tell(t, d, &version, end, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void deploy_ended(void *arg, const struct hook_end *end)
{
	struct deploy *d = arg;
	struct err e = { 0 };

	d->hook = NULL;
	if (deploy_finish(d, end, &e) < 0)
		engine_hold(d->job.engine, &e);
	engine_end(&d->job);
	deploy_free(d);
}

static void deploy_refused(void *arg)
{
	struct deploy *d = arg;

	deploy_ended(d, &(struct hook_end){ .err = &d->refusal, .output = "" });
}

static void deploy_refuse(struct deploy *d)
{
	timer_start(&d->timer, d->job.engine->loop, 0, deploy_refused, d);
}

/*
 * What it is told.
 */

static void put(char ***environment, const char *name, const char *value)
{
	_cleanup_free_ char *line = xasprintf("%s=%s", name, value ? value : "");

	hook_put_line(environment, line);
}

static void put_number(char ***environment, const char *name, int64_t value)
{
	_cleanup_free_ char *text = xasprintf("%lld", (long long)value);

	put(environment, name, text);
}

static void put_file(char ***environment, const char *name, const struct deploy *d, const char *file)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", d->directory, file);

	put(environment, name, path);
}

/* certera.yaml(5) lists them, at hooks.deploy. */
static void put_words(const struct deploy *d, char ***environment)
{
	const struct rec_version *v = &d->version;
	_cleanup_buf_ struct buf names = BUF_INIT;
	char from[CLOCK_RFC3339_SIZE], until[CLOCK_RFC3339_SIZE];

	for (size_t i = 0; i < strv_len(v->names); i++)
		buf_addf(&names, "%s%s", i ? " " : "", v->names[i]);
	put(environment, "CERTERA_ACTION", "deploy");
	put(environment, "CERTERA_NAME", d->cert.name);
	put(environment, "CERTERA_NAMES", buf_str(&names));
	put(environment, "CERTERA_STAGING", d->cert.staging ? "true" : "false");
	put_number(environment, "CERTERA_VERSION", record_child_number(d->version.id));
	put(environment, "CERTERA_FINGERPRINT", v->fingerprint);
	put(environment, "CERTERA_SERIAL", v->serial);
	put(environment, "CERTERA_ISSUER", v->issuer);
	put(environment, "CERTERA_NOT_BEFORE", clock_rfc3339(from, v->not_before));
	put(environment, "CERTERA_NOT_AFTER", clock_rfc3339(until, v->not_after));
	put(environment, "CERTERA_KEY", d->key.name);
	put_number(environment, "CERTERA_ATTEMPT", v->deploy_failures + 1);
	put_file(environment, "CERTERA_CERT_FILE", d, "cert.pem");
	put_file(environment, "CERTERA_CHAIN_FILE", d, "chain.pem");
	put_file(environment, "CERTERA_FULLCHAIN_FILE", d, "fullchain.pem");
	put(environment, "RENEWED_DOMAINS", buf_str(&names));	/* certbot's names of these */
	put(environment, "RENEWED_LINEAGE", d->directory);
}

/* own: the certificate's lines, or NULL. */
static int deploy_start(struct deploy *d, const char *own, struct err *e)
{
	const struct config *config = d->job.engine->config;
	_cleanup_strv_ char **environment = NULL, **secrets = NULL;
	int failed = hooks_check_deploy(&d->cert, e) < 0 || write_files(d, e) < 0 ||
		     hook_environment(config->hooks_deploy_environment, own, &environment, &secrets, e) < 0;

	if (!failed) {
		put_words(d, &environment);
		d->hook = hook_start(d->job.engine->hooks, &(struct hook_call){
			.script = d->script, .environment = environment,
			.secrets = secrets, .timeout = config->hooks_deploy_timeout,
			.at_once = (int)config->hooks_at_once,
		}, deploy_ended, d);
	}
	hook_wipe_lines(environment);
	hook_wipe_lines(secrets);
	return failed ? -1 : 0;
}

static void deploy_opened(void *arg, const struct keeper_answer *a)
{
	struct deploy *d = arg;

	d->question = NULL;
	if (a->err && str_eq(a->err->code, KEEPER_DIED)) {	/* no failure of the hook: its row stays due */
		engine_hold(d->job.engine, a->err);
		engine_end(&d->job);
		deploy_free(d);
	} else if (a->err) {
		d->refusal = *a->err;
		err_prefix(&d->refusal, "opening the environment of its deploy hook");
		deploy_refuse(d);
	} else if (deploy_start(d, a->field[0].data, &d->refusal) < 0) {
		deploy_refuse(d);
	}
}

/* Reads what is to be deployed.  1: go on; 0: nothing is (any more), and the row is dealt with. */
static int deploy_look_up(struct deploy *d, struct txn *t, const char *cert_id, const char *configured, struct err *e)
{
	_cleanup_free_ char *id = NULL;
	const char *script;

	if (rec_cert_get(t, &d->cert, cert_id, e) < 0)
		return e->kind == ERR_MISSING ? agenda_delete(t, AGENDA_deploy, cert_id, e) : -1;
	script = deploy_script(&d->cert, configured);
	if (!script)
		return deploy_forget(t, &d->cert, e);
	if (!d->cert.current || d->cert.not_after <= clock_now())
		return agenda_delete(t, AGENDA_deploy, cert_id, e);
	id = record_child_id(cert_id, d->cert.current);
	if (rec_version_get(t, &d->version, id, e) < 0)
		return -1;
	if (d->version.key_id && *d->version.key_id && rec_key_get(t, &d->key, d->version.key_id, e) < 0 &&
	    e->kind != ERR_MISSING)
		return -1;
	err_clear(e);
	d->script = xstrdup(script);
	return 1;
}

int deploy_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct deploy *d = xcalloc(1, sizeof(*d));
	_cleanup_txn_ struct txn *t = NULL;
	int go = store_write(g->store, &t, e);

	if (go == 0)
		go = deploy_look_up(d, t, row->id, g->config->hooks_deploy, e);
	if (go == 0)
		go = txn_commit(TAKE(t), e);
	if (go <= 0)
		return deploy_free(d), go;
	txn_abort(TAKE(t));	/* nothing was written */
	engine_begin(g, &d->job, row, deploy_cancel);
	log_info("certificate %s: deploying version %lld by %s", d->cert.name, (long long)d->cert.current, d->script);
	if (d->cert.deploy_environment.len)
		d->question = KEEPER_ASK(g->keeper, open, -1, deploy_opened, d, slice_str(d->cert.id),
					 slice_buf(&d->cert.deploy_environment));
	else if (deploy_start(d, NULL, &d->refusal) < 0)
		deploy_refuse(d);
	return 0;
}
