/*
 * POST /api/v1/certificates/NAME/hooks: the scripts of one certificate, for its DNS records and for deploying, in place
 * of the configured ones.  An empty text takes its own away.  All but "propagation" is for administrators (api.def).
 *
 *	seal()	the environments, one after the other: only the keeper opens them again
 *	finish()	all is put at once
 */
#include "base/clock.h"
#include "store/agenda.h"
#include "store/cert_plan.h"
#include "store/deploy.h"
#include "store/hooks.h"
#include "store/status.h"
#include "webui/cert/challenge.h"
#include "webui/http/handler.h"

enum { ENVIRONMENT_DNS, ENVIRONMENT_DEPLOY, ENVIRONMENTS };

struct hooks_change {
	json_t *body;
	char *id;
	char *environment[ENVIRONMENTS];	/* until it is sealed */
	struct buf sealed[ENVIRONMENTS];
	int sealing;
};

static const char *const environment_member[] = { "hook_environment", "deploy_environment" };

static void hooks_release(void *state)
{
	struct hooks_change *h = state;

	cleanup_body(&h->body);
	free(h->id);
	for (int i = 0; i < ENVIRONMENTS; i++) {
		wipe_free(h->environment[i]);
		buf_release(&h->sealed[i]);
	}
}

static int read_propagation(const json_t *body, struct rec_cert *cert, struct err *e)
{
	const char *word = json_str(body, "propagation");

	if (word && !str_eq(word, "on") && !str_eq(word, "off"))
		return err_set(e, ERR_INVALID, "\"propagation\" is on or off, not \"%.40s\"", word);
	if (word)
		cert->no_propagation = str_eq(word, "off");
	return 0;
}

/* What they kept from succeeding is tried again now. */
static int go_on(const struct request *r, struct txn *t, struct rec_cert *cert, struct err *e)
{
	if (cert->failures && cert_plan_at(t, cert, CERT_again, clock_now(), NULL, e) < 0)
		return -1;
	return cert->deploy_says == DELIVERY_FAILED && deploy_script(cert, r->webui->settings->deploy_hook) ?
		       deploy_ask(t, cert, e) : 0;
}

/* Which members it has, as a sentence for the audit log; they are the visitor's choice now. */
static char *take_choice(const struct request *r, const json_t *body, struct rec_cert *cert)
{
	unsigned chosen = json_bool(body, "confirm", false) ? HOOKS_ALL : 0;
	struct buf said = BUF_INIT;
	const char *member;
	json_t *value;

	json_object_foreach ((json_t *)body, member, value) {
		buf_addf(&said, "%s%s", said.len ? ", " : "", member);
		chosen |= hooks_member(member);
	}
	if (chosen)
		hooks_choose(cert, chosen, r->visitor.name);
	return buf_detach(&said);
}

static int put(struct request *r, struct hooks_change *h, struct txn *t, struct rec_cert *cert, struct err *e)
{
	struct buf *environment[] = { &cert->hook_environment, &cert->deploy_environment };
	bool unconfirmed = cert->hooks == HOOKS_UNCONFIRMED;
	_cleanup_free_ char *said = NULL;

	if (proof_read_scripts(cert, h->body, e) < 0 || read_propagation(h->body, cert, e) < 0)
		return -1;
	for (int i = 0; i < ENVIRONMENTS; i++)
		if (json_object_get(h->body, environment_member[i]))
			record_set_blob(environment[i], slice_buf(&h->sealed[i]));
	said = take_choice(r, h->body, cert);
	if (rec_cert_put(t, cert, e) < 0 ||
	    (unconfirmed && cert->hooks != HOOKS_UNCONFIRMED && go_on(r, t, cert, e) < 0) ||
	    (!deploy_script(cert, r->webui->settings->deploy_hook) && deploy_forget(t, cert, e) < 0))
		return -1;
	return admin_event(r, t, "certificate.hooks", cert->id, cert->name, e, "changed: %s", said);
}

static int finish(struct request *r, struct hooks_change *h, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (admin_write(r, &t, e) < 0 || rec_cert_get(t, &cert, h->id, e) < 0 ||
	    put(r, h, t, &cert, e) < 0)
		return -1;
	answer = admin_show_one_cert(t, &cert);
	json_object_set_new(answer, "deploy", admin_show_deploy(r, t, &cert));
	return admin_commit_reply(r, TAKE(t), true, 200, answer, e);
}

static int seal(struct request *r, struct hooks_change *h, struct err *e);

static int sealed(struct request *r, const struct slice *field, struct err *e)
{
	struct hooks_change *h = r->state;

	buf_add(&h->sealed[h->sealing++], field[0].data, field[0].len);
	return seal(r, h, e);
}

static int seal(struct request *r, struct hooks_change *h, struct err *e)
{
	while (h->sealing < ENVIRONMENTS && !h->environment[h->sealing])
		h->sealing++;
	if (h->sealing == ENVIRONMENTS)
		return finish(r, h, e);
	return REQUEST_ASK(r, seal, -1, sealed, slice_str("config"), slice_str(h->id),
			   slice_str(h->environment[h->sealing]));
}

int page_cert_hooks(struct request *r, struct err *e)
{
	const struct webui_settings *settings = r->webui->settings;
	char *const *const configured[] = { settings->hook_variables, settings->deploy_variables };
	struct hooks_change *h = request_state(r, sizeof(*h), hooks_release);
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	h->body = body_read(r, e);
	if (!h->body)
		return -1;
	if (!json_object_size(h->body))
		return err_set(e, ERR_INVALID, "nothing to change");
	for (int i = 0; i < ENVIRONMENTS; i++)
		if (proof_read_environment(h->body, environment_member[i], configured[i], &h->environment[i], e) < 0)
			return -1;
	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	h->id = xstrdup(cert.id);
	txn_abort(TAKE(t));
	return seal(r, h, e);
}
