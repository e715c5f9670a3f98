/*
 * Applying for a certificate (RFC 8555 section 7.4): the steps about the order itself, from asking for it to the
 * checked chain.  Between neworder and csr, order_prove.c proves its names.
 */
#include "acme/order.h"

#include "acme/link.h"
#include "acme/problem.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "pki/cert.h"
#include "pki/identifier.h"

/*
 * Reading orders (section 7.1.3).
 */

static enum step order_invalid(const struct order *o, const struct reply *r, struct err *e)
{
	const json_t *error = json_object_get(r->json, "error");

	if (problem_is(error)) {
		problem_read(error, (int)json_int(error, "status", 0), e, "%s: the order is invalid", r->url);
	} else if (err_is_set(&o->refusal)) {
		*e = o->refusal;
	} else {
		err_set(e, ERR_CA, "%s: the order is invalid, and the CA does not say why", r->url);
		problem_code(e, PROBLEM_ORDER_GONE);
	}
	return STEP_FAIL;
}

/* Where an order stands.  What is neither known nor ready is taken for pending. */
static enum step step_by_status(struct order *o, const struct reply *r, struct err *e)
{
	const char *status = json_str(r->json, "status");
	const char *certificate = json_str(r->json, "certificate");

	if (!status) {
		err_set(e, ERR_PROTOCOL, "%s: the order has no status", r->url);
		return STEP_FAIL;
	}
	if (str_eq(status, "invalid"))
		return order_invalid(o, r, e);
	if (str_eq(status, "ready"))
		return STEP_csr;
	if (str_eq(status, "processing"))
		return STEP_issue;
	if (!str_eq(status, "valid"))
		return STEP_authz;
	if (!link_usable(certificate))
		return STEP_issue; /* valid, but not yet to be had */
	order_set(&o->certificate, certificate);
	return STEP_download;
}

/*
 * neworder: asks for an order, or for the one it has.
 */

static char *order_payload(const struct order *o)
{
	_cleanup_json_ json_t *payload = json_object();
	json_t *identifiers = json_array();

	for (char **name = o->names; *name; name++) {
		json_t *id = json_object();

		json_put_str(id, "type", identifier_is_ip(*name) ? "ip" : "dns");
		json_put_str(id, "value", *name);
		json_array_append_new(identifiers, id);
	}
	json_object_set_new(payload, "identifiers", identifiers);
	if (o->profile)
		json_put_str(payload, "profile", o->profile);
	if (o->replaces && acme_offers(o->acme, "renewalInfo"))
		json_put_str(payload, "replaces", o->replaces);
	return json_write(payload);
}

/* What may be in an order depends on what the CA offers: true once that is known. */
static bool offers_known(struct order *o)
{
	return !o->replaces || o->polls++ || !order_awaits_ca(o);
}

static void turn_came(void *arg, const struct slice *nothing, const struct err *err)
{
	struct order *o = arg;

	if (err) {
		order_resume(o, &(struct reply){ .err = err });
		return;
	}
	o->its_turn = true;
	order_again(o);
}

static void ask_for_turn(struct order *o)
{
	struct acme_env *env = &o->acme->env;

	timer_stop(&o->late);
	env->turn(env->arg, o, ticket_answer, ticket_new(&o->ticket, turn_came, o));
}

void order_send_neworder(struct order *o)
{
	if (o->url) {
		order_post_as_get(o, o->url);
	} else if (!o->its_turn && o->acme->env.turn) {
		ask_for_turn(o);
	} else if (offers_known(o)) {
		_cleanup_free_ char *payload = order_payload(o);

		order_post(o, "newOrder", NULL, payload, NULL);
	}
}

/*
 * Refused, perhaps only because of the certificate it is said to replace (RFC 9773 section 5), then without that: CAs
 * have many words for it.
 */
static bool try_unmarked(struct order *o, const struct reply *r)
{
	const char *code = r->err->code;
	enum problem_about about = problem_about(code);
	bool about_us = about == ABOUT_ACCOUNT || about == ABOUT_LIMIT || str_eq(code, PROBLEM_PAUSED);
	bool about_ca = r->status < 400 || r->status == 503 || str_eq(code, "badNonce");

	if (o->url || !o->replaces || about_us || about_ca)
		return false;
	log_info("%s: %s; ordering again without saying what it replaces", o->names[0], r->err->message);
	free(TAKE(o->replaces));
	return true;
}

/* "unauthorized" may be about anything later on, but here it is about who asks (RFC 8555 section 7.3.6). */
static enum step refused_order(struct order *o, const struct reply *r, struct err *e)
{
	step_failed(o, r, e);
	if (str_eq(e->code, "unauthorized"))
		err_hint(e, "The CA no longer takes orders from this account. "
			    "See the message of the CA, or register a new account.");
	return STEP_FAIL;
}

enum step order_recv_neworder(struct order *o, const struct reply *r, struct err *e)
{
	const char *finalize = json_str(r->json, "finalize");
	enum step next;

	if (r->err && !o->url && r->status == 201 && link_usable(r->location)) {
		o->url = xstrdup(r->location); /* made, but its description was garbled on the way */
		return STEP_neworder;
	}
	if (r->err)
		return try_unmarked(o, r) ? step_again(o) : refused_order(o, r, e);
	if (!o->url && !link_usable(r->location)) {
		err_set(e, ERR_PROTOCOL, "%s: the answer has no Location with the order's URL", r->url);
		return STEP_FAIL;
	}
	if (!o->url)
		o->url = xstrdup(r->location);

	next = step_by_status(o, r, e);
	if (next > STEP_csr)
		return next; /* far enough to need neither of these */
	if (!link_usable(finalize)) {
		err_set(e, ERR_PROTOCOL, "%s: the order has no https URL to finalize it", r->url);
		return STEP_FAIL;
	}
	order_set(&o->finalize, finalize);
	if (next == STEP_csr)
		order_note_proved(o, r);
	if (next == STEP_authz && order_read_authz(o, r, e) < 0)
		return STEP_FAIL;
	return next;
}

/*
 * csr: has the certificate request made.
 */

static void csr_made(void *arg, const struct slice *der, const struct err *err)
{
	order_resume(arg, &(struct reply){ .err = err, .body = err ? slice(NULL, 0) : *der });
}

void order_send_csr(struct order *o)
{
	struct acme_env *env = &o->acme->env;

	env->csr(env->arg, o, ticket_answer, ticket_new(&o->ticket, csr_made, o));
}

enum step order_recv_csr(struct order *o, const struct reply *r, struct err *e)
{
	if (r->err)
		return step_failed(o, r, e);
	buf_clear(&o->csr);
	buf_add(&o->csr, r->body.data, r->body.len);
	return STEP_finalize;
}

/*
 * finalize: sends it.  What the CA refuses may have been accepted in an earlier life; the order knows.
 */

void order_send_finalize(struct order *o)
{
	_cleanup_free_ char *csr = NULL, *payload = NULL;

	if (!o->csr.len || err_is_set(&o->refusal)) {
		order_post_as_get(o, o->url);
		return;
	}
	csr = base64url_str(o->csr.data, o->csr.len);
	payload = xasprintf("{\"csr\":\"%s\"}", csr);
	order_post(o, NULL, o->finalize, payload, NULL);
}

enum step order_recv_finalize(struct order *o, const struct reply *r, struct err *e)
{
	bool looking = !o->csr.len || err_is_set(&o->refusal);
	enum step next;

	if (r->err && (looking || !r->status))
		return step_failed(o, r, e);
	if (r->err) {
		o->refusal = o->trouble = *r->err;
		return step_again(o);
	}
	next = step_by_status(o, r, e);
	if (next > STEP_finalize)
		return next;
	if (!o->csr.len) /* in an earlier life: a request has to be made first, or more proved */
		return next == STEP_csr ? STEP_csr : STEP_neworder;
	if (!looking)
		return STEP_issue; /* accepted; its status lags behind */
	if (!str_eq(o->refusal.code, "orderNotReady"))
		return step_refused(o, e);
	err_clear(&o->refusal);
	return step_poll_again(o, r->retry_after);
}

/*
 * issue: asks until the certificate can be had.
 */

/*
 * The order is ready, still or again: the CA has lost the request.  Once in a life, as the time of steps begins anew.
 */
static bool has_forgotten(const struct order *o)
{
	bool taken_up = !o->csr.len;
	int64_t began = o->deadline - o->limit_ms;

	return !o->finalized_again && (taken_up || clock_mono_ms() >= began + step_forgets_ms(o));
}

void order_send_issue(struct order *o)
{
	order_post_as_get(o, o->url);
}

enum step order_recv_issue(struct order *o, const struct reply *r, struct err *e)
{
	enum step next;

	if (r->err)
		return step_failed(o, r, e);
	next = step_by_status(o, r, e);
	if (next == STEP_download || next == STEP_FAIL)
		return next;
	if (next == STEP_csr && has_forgotten(o)) {
		o->finalized_again = true;
		return STEP_csr;
	}
	return step_poll_again(o, r->retry_after);
}

/*
 * download: the chain, checked, without the root.  If another is preferred, the alternates are looked through for it.
 */

static bool self_signed(const struct cert *c)
{
	return str_eq(c->subject, c->issuer);
}

void order_send_download(struct order *o)
{
	const char *url = o->at ? o->alternates[o->at - 1] : o->certificate;

	order_post(o, NULL, url, "", "application/pem-certificate-chain");
}

/* Owned; NULL: it is not acceptable. */
static char *read_chain(const struct order *o, const struct reply *r, bool *preferred, struct err *e)
{
	_cleanup_chain_ struct chain chain = { 0 };
	struct buf pem = BUF_INIT;
	size_t count;

	if (chain_parse(&chain, r->body, e) < 0 ||
	    chain_check(&chain, slice_buf(&o->spki), o->names, clock_now(), e) < 0) {
		err_prefix(e, "%s", r->url);
		return NULL;
	}
	*preferred = !o->preferred_chain || chain_leads_to(&chain, o->preferred_chain);
	for (count = chain.count; count > 1 && self_signed(&chain.cert[count - 1]);)
		count--;
	chain_pem(&chain, 0, count, &pem);
	return buf_detach(&pem);
}

static void read_alternates(struct order *o, const struct reply *r)
{
	char *url;

	strv_free(TAKE(o->alternates));
	for (size_t i = 0; i < ORDER_CHAINS_MAX && (url = link_find(r->http, r->url, "alternate", i)); i++) {
		strv_add(&o->alternates, url);
		free(url);
	}
}

enum step order_recv_download(struct order *o, const struct reply *r, struct err *e)
{
	bool first = !o->at, preferred = false;
	_cleanup_free_ char *chain = r->err ? NULL : read_chain(o, r, &preferred, e);

	if (first && r->err)
		return step_failed(o, r, e);
	if (first && !chain)
		return STEP_FAIL;
	if (first || preferred) {
		free(o->chain);
		o->chain = TAKE(chain);
	}
	if (preferred)
		return STEP_DONE;
	if (first)
		read_alternates(o, r);
	if (o->at < strv_len(o->alternates)) {
		o->at++;
		return step_again(o);
	}
	o->chain_missed = true;
	log_warn("%s: the CA offers no chain to \"%s\"; the CA's default chain is used", o->names[0],
		 o->preferred_chain);
	return STEP_DONE;
}
