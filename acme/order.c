/*
 * An order, from the first request to the checked chain (RFC 8555 section 7.4).
 *
 * order.def is the table of contents.  Below, each step is a pair in the same order: send_x() asks one thing,
 * recv_x() judges one reply and names the next step.  A step may begin again after a crash, so each send_
 * tolerates that what it asks for has happened already.
 */
#include "acme/order.h"

#include "acme/link.h"
#include "acme/problem.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "pki/cert.h"
#include "pki/identifier.h"

#define POLL_FIRST_MS 250 /* doubles with each pause */
#define POLL_MAX_MS 5000
#define POLL_RETRY_AFTER_MAX 60 /* while polling, a longer Retry-After would only miss the deadline */

#define STEP(name, text, seconds)                                                                                      \
	static int send_##name(struct order *, struct err *);                                                          \
	static enum step recv_##name(struct order *, const struct reply *, struct err *);
#include "acme/order.def"
#undef STEP

static const struct {
	const char *name, *text;
	int seconds;
	int (*send)(struct order *, struct err *);
	enum step (*recv)(struct order *, const struct reply *, struct err *);
} steps[] = {
#define STEP(name, text, seconds) [STEP_##name] = { #name, text, seconds, send_##name, recv_##name },
#include "acme/order.def"
#undef STEP
};

int order_steps(void)
{
	return STEPS;
}

int order_step_index(const char *name)
{
	for (int i = 0; i < STEPS; i++)
		if (str_eq(steps[i].name, name))
			return i;
	return -1;
}

const char *order_step_text(const char *name)
{
	int i = order_step_index(name);

	return i < 0 ? NULL : steps[i].text;
}

const char *order_step_name(const struct order *o)
{
	return steps[o->step].name;
}

/*
 * The machine.
 */

static void order_failed(struct order *);
static void order_done(struct order *);
static int order_enter(struct order *, enum step);
static void order_send(void *);
static void order_late(void *);

/* The only callback: a reply, a time-out or a local completion arrives here. */
static void order_resume(void *arg, const struct reply *r)
{
	struct order *o = arg;
	enum step next = steps[o->step].recv(o, r, &o->err);

	if (next == STEP_FAIL)
		order_failed(o);
	else if (next == STEP_DONE)
		order_done(o);
	else if (next == STEP_AGAIN || order_enter(o, next) == 0)
		timer_start(&o->pause, o->acme->env.loop, o->wait_ms, order_send, o);
}

static void order_send(void *arg)
{
	struct order *o = arg;

	if (steps[o->step].send(o, &o->err) < 0)
		order_failed(o);
	else
		order_describe(o);
}

/* Alone changes the step: logs, saves, arms the deadline. */
static int order_enter(struct order *o, enum step step)
{
	struct acme_env *env = &o->acme->env;

	o->step = step;
	o->at = o->polls = 0;
	o->wait_ms = o->retry_after = 0;
	err_clear(&o->refusal);
	err_clear(&o->trouble);
	order_describe(o);
	log_info("%s: %s", o->names[0], steps[step].text);

	o->limit_ms = ca_patience_ms(o->acme, steps[step].seconds);
	o->deadline = clock_mono_ms() + o->limit_ms;
	timer_stop(&o->late);
	if (o->limit_ms)
		timer_start(&o->late, env->loop, o->limit_ms, order_late, o);
	if (env->save(env->arg, o, &o->err) == 0)
		return 0;
	err_prefix(&o->err, "saving the order");
	order_failed(o);
	return -1;
}

static void order_begin(void *arg)
{
	struct order *o = arg;

	if (order_enter(o, o->step) == 0)
		order_send(o);
}

void order_start(struct order *o)
{
	timer_start(&o->pause, o->acme->env.loop, 0, order_begin, o);
}

/* The deadline: the step ends with the best explanation there is. */
static void order_late(void *arg)
{
	struct order *o = arg;
	const struct err *why = post_trouble(o->post);
	struct err err;

	if (!why && err_is_set(&o->trouble))
		why = &o->trouble;
	if (why) {
		err = *why;
		err_prefix(&err, "not done within %d seconds", o->limit_ms / 1000);
	} else {
		err_set(&err, ERR_TIMEOUT, "not done within %d seconds", o->limit_ms / 1000);
	}
	order_stop(o);
	order_resume(o, &(struct reply){ .err = &err });
}

static void order_failed(struct order *o)
{
	struct acme_env *env = &o->acme->env;
	struct err err = o->err; /* done() may free the order */

	order_stop(o);
	err_prefix(&err, "%s", steps[o->step].text);
	env->done(env->arg, o, NULL, &err);
}

static void order_done(struct order *o)
{
	struct acme_env *env = &o->acme->env;
	_cleanup_free_ char *chain = TAKE(o->chain);

	order_stop(o);
	env->done(env->arg, o, chain, NULL);
}

/*
 * What send_x() may ask: the CA, or nobody.
 */

static int order_post(struct order *o, const char *resource, const char *url, const char *payload, const char *accept)
{
	struct post_request q = {
		.account = &o->account,
		.resource = resource,
		.url = url,
		.payload = payload,
		.accept = accept,
		.deadline = o->deadline,
	};

	post_start(&o->post, o->acme, &q, order_resume, o);
	return 0;
}

static int post_as_get(struct order *o, const char *url)
{
	return order_post(o, NULL, url, "", NULL);
}

static void order_turned(void *arg)
{
	order_resume(arg, &(struct reply){ 0 });
}

/* Nobody: recv_x() gets an empty reply. */
static int order_turn(struct order *o)
{
	timer_start(&o->pause, o->acme->env.loop, 0, order_turned, o);
	return 0;
}

/*
 * What recv_x() may answer, besides the next step.
 */

static enum step again(struct order *o)
{
	o->wait_ms = 0;
	return STEP_AGAIN;
}

/* Again after Retry-After, or else a growing pause. */
static enum step poll_again(struct order *o, int64_t retry_after)
{
	int64_t ms = MIN(POLL_FIRST_MS << MIN(o->polls, 10u), POLL_MAX_MS);

	if (retry_after)
		ms = MAX(POLL_FIRST_MS, MIN(retry_after - clock_now(), POLL_RETRY_AFTER_MAX) * 1000);
	o->polls++;
	o->wait_ms = ms;
	return STEP_AGAIN;
}

/* What the CA gave us a URL for and does not know any more is gone, and the order with it. */
static enum step failed(struct order *o, const struct reply *r, struct err *e)
{
	*e = *r->err;
	o->intact = true;
	if (r->status == 404 && o->url && problem_policy(e->code) != PROBLEM_PERSON)
		problem_code(e, PROBLEM_ORDER_GONE);
	return STEP_FAIL;
}

/* What the CA refused before had not happened, as we have seen since. */
static enum step refused(struct order *o, struct err *e)
{
	*e = o->refusal;
	o->intact = true;
	return STEP_FAIL;
}

/*
 * Reading orders (RFC 8555 section 7.1.3) and walking through their authorizations.
 */

static void replace(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

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
	replace(&o->certificate, certificate);
	return STEP_download;
}

static int read_authz_urls(struct order *o, const struct reply *r, struct err *e)
{
	const json_t *list = json_object_get(r->json, "authorizations"), *url;
	size_t count = json_array_size(list), i;

	if (!count || count > ORDER_AUTHZ_MAX)
		return err_set(e, ERR_PROTOCOL, "%s: the order lists %zu authorizations; 1 to %d make sense", r->url,
			       count, ORDER_AUTHZ_MAX);
	order_set_authz(o, count);
	json_array_foreach (list, i, url) {
		if (!link_usable(json_string_value(url)))
			return err_set(e, ERR_PROTOCOL, "%s: an authorization of the order is no https URL", r->url);
		o->authz[i].url = xstrdup(json_string_value(url));
	}
	return 0;
}

/* All is proved already, in earlier orders: which authorizations that are is kept, but not needed. */
static void note_proved(struct order *o, const struct reply *r)
{
	struct err ignored = { 0 };

	if (read_authz_urls(o, r, &ignored) < 0)
		order_set_authz(o, 0);
	for (size_t i = 0; i < o->authzs; i++)
		o->authz[i].state = AUTHZ_VALID;
}

/* Moves on to the first authorization from here that is so.  NULL: there is none (left). */
static struct authz *walk(struct order *o, bool (*so)(const struct authz *))
{
	while (o->at < o->authzs && !so(&o->authz[o->at]))
		o->at++;
	return o->at < o->authzs ? &o->authz[o->at] : NULL;
}

/* The one it is at. */
static struct authz *here(struct order *o)
{
	return o->at < o->authzs ? &o->authz[o->at] : NULL;
}

static bool any_undecided(const struct order *o)
{
	for (size_t i = 0; i < o->authzs; i++)
		if (authz_is_undecided(&o->authz[i]))
			return true;
	return false;
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

/* The directory is here, or cannot be had; if so, the request itself will say why. */
static void directory_settled(void *arg, const struct err *err)
{
	struct order *o = arg;

	timer_start(&o->pause, o->acme->env.loop, 0, order_send, o);
}

/* What may be in an order depends on what the CA offers: true once that is known. */
static bool offers_known(struct order *o)
{
	o->waiter.fn = directory_settled;
	o->waiter.arg = o;
	return !o->replaces || o->polls++ || ca_ready(o->acme, &o->waiter);
}

static int send_neworder(struct order *o, struct err *e)
{
	_cleanup_free_ char *payload = NULL;

	if (o->url)
		return post_as_get(o, o->url);
	if (!offers_known(o))
		return 0;
	payload = order_payload(o);
	return order_post(o, "newOrder", NULL, payload, NULL);
}

/* Refused, perhaps only because of the certificate it is said to replace (RFC 9773 section 5): then without that. */
static bool try_unmarked(struct order *o, const struct reply *r)
{
	static const char *const perhaps[] = { "alreadyReplaced", "malformed", "serverInternal" };	/* Pebble says the last */
	bool refused = r->status == 404;

	for (size_t i = 0; i < ARRAY_SIZE(perhaps); i++)
		refused |= str_eq(r->err->code, perhaps[i]);
	if (o->url || !o->replaces || !refused)
		return false;
	log_info("%s: %s; ordering again without saying what it replaces", o->names[0], r->err->message);
	free(TAKE(o->replaces));
	return true;
}

/* "unauthorized" is about names later on, but here it is about who asks (RFC 8555 section 7.3.6). */
static enum step refused_order(struct order *o, const struct reply *r, struct err *e)
{
	failed(o, r, e);
	if (str_eq(e->code, "unauthorized"))
		err_hint(e, "The CA takes no orders from this account (any more). See its detail, or register a new one.");
	return STEP_FAIL;
}

static enum step recv_neworder(struct order *o, const struct reply *r, struct err *e)
{
	const char *finalize = json_str(r->json, "finalize");
	enum step next;

	if (r->err && !o->url && r->status == 201 && link_usable(r->location)) {
		o->url = xstrdup(r->location); /* made, but its description was garbled on the way */
		return STEP_neworder;
	}
	if (r->err)
		return try_unmarked(o, r) ? again(o) : refused_order(o, r, e);
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
	replace(&o->finalize, finalize);
	if (next == STEP_csr)
		note_proved(o, r);
	if (next == STEP_authz && read_authz_urls(o, r, e) < 0)
		return STEP_FAIL;
	return next;
}

/*
 * authz: reads each authorization: which name, proved already or not, which challenges.
 */

/* The CA lists authorizations in its own order. */
static const char *wanted_type(const struct order *o, const char *name)
{
	for (size_t i = 0; o->challenges && o->names[i]; i++)
		if (str_eq(o->names[i], name))
			return o->challenges[i];
	return CHALLENGE_DEFAULT;
}

static int send_authz(struct order *o, struct err *e)
{
	return post_as_get(o, here(o)->url);
}

static enum step recv_authz(struct order *o, const struct reply *r, struct err *e)
{
	struct authz *z = here(o);

	if (r->err)
		return failed(o, r, e);
	if (authz_read_name(z, r, e) < 0)
		return STEP_FAIL;
	replace(&z->type, wanted_type(o, z->name));
	if (authz_read(z, r, e) < 0)
		return STEP_FAIL;
	if (++o->at < o->authzs)
		return again(o);
	return any_undecided(o) ? STEP_publish : STEP_csr;
}

/*
 * publish: all answers are being served before the CA is told of the first.
 */

static void published(void *arg, const struct slice *nothing, const struct err *err)
{
	order_resume(arg, &(struct reply){ .err = err });
}

static int send_publish(struct order *o, struct err *e)
{
	struct acme_env *env = &o->acme->env;
	_cleanup_free_ struct acme_answer *answers = xcalloc(o->authzs, sizeof(*answers));
	_cleanup_strv_ char **key_auths = NULL;
	size_t count = 0;

	for (struct authz *z = o->authz; z < o->authz + o->authzs; z++) {
		_cleanup_free_ char *key_auth = NULL;

		if (!authz_is_undecided(z))
			continue;
		key_auth = xasprintf("%s.%s", z->token, o->thumbprint);
		strv_add(&key_auths, key_auth);
		answers[count++] = (struct acme_answer){ .type = z->type, .name = z->name, .token = z->token };
	}
	for (size_t i = 0; i < count; i++)
		answers[i].key_auth = key_auths[i];
	env->publish(env->arg, o, answers, count, ticket_answer, ticket_new(&o->ticket, published, o));
	return 0;
}

static enum step recv_publish(struct order *o, const struct reply *r, struct err *e)
{
	return r->err ? failed(o, r, e) : STEP_answer;
}

/*
 * answer: tells the CA of each open one.  What it refuses may have been answered in an earlier life;
 * the authorization knows.
 */

static int send_answer(struct order *o, struct err *e)
{
	struct authz *z = walk(o, authz_is_open);

	if (!z)
		return order_turn(o);
	if (err_is_set(&o->refusal))
		return post_as_get(o, z->url);
	return order_post(o, NULL, z->challenge, "{}", NULL);
}

static enum step recv_answer(struct order *o, const struct reply *r, struct err *e)
{
	struct authz *z = here(o);
	bool looking = err_is_set(&o->refusal);

	if (r->err && (looking || !r->status))
		return failed(o, r, e);
	if (!z)
		return STEP_validate;
	if (r->err) {
		o->refusal = *r->err;
		return again(o);
	}
	if (looking && authz_awaits_answer(z, r->json)) {
		refused(o, e);
		err_prefix(e, "%s", z->name);
		return STEP_FAIL;
	}
	err_clear(&o->refusal);
	z->state = AUTHZ_ANSWERED;
	return again(o);
}

/*
 * validate: asks after each undecided authorization in turn, round after round.
 */

static int send_validate(struct order *o, struct err *e)
{
	struct authz *z = walk(o, authz_is_undecided);

	return z ? post_as_get(o, z->url) : order_turn(o);
}

static enum step recv_validate(struct order *o, const struct reply *r, struct err *e)
{
	struct authz *z = here(o);
	int64_t retry_after = o->retry_after;

	if (r->err) {
		failed(o, r, e);
		if (z)
			err_prefix(e, "%s", z->name);
		return STEP_FAIL;
	}
	if (z) {
		if (authz_judge(z, r, e) < 0)
			return STEP_FAIL;
		if (authz_is_undecided(z))
			authz_trouble(z, r->json, &o->trouble);
		else
			err_clear(&o->trouble);
		o->retry_after = MAX(o->retry_after, r->retry_after);
		o->at++;
		return again(o);
	}
	if (!any_undecided(o))
		return STEP_csr;
	o->at = 0;
	o->retry_after = 0;
	return poll_again(o, retry_after);
}

/*
 * csr: has the certificate request made.
 */

static void csr_made(void *arg, const struct slice *der, const struct err *err)
{
	order_resume(arg, &(struct reply){ .err = err, .body = err ? slice(NULL, 0) : *der });
}

static int send_csr(struct order *o, struct err *e)
{
	struct acme_env *env = &o->acme->env;

	env->csr(env->arg, o, ticket_answer, ticket_new(&o->ticket, csr_made, o));
	return 0;
}

static enum step recv_csr(struct order *o, const struct reply *r, struct err *e)
{
	if (r->err)
		return failed(o, r, e);
	buf_clear(&o->csr);
	buf_add(&o->csr, r->body.data, r->body.len);
	return STEP_finalize;
}

/*
 * finalize: sends it.  What the CA refuses may have been accepted in an earlier life; the order knows.
 */

static int send_finalize(struct order *o, struct err *e)
{
	_cleanup_free_ char *csr = NULL, *payload = NULL;

	if (!o->csr.len || err_is_set(&o->refusal))
		return post_as_get(o, o->url);
	csr = base64url_str(o->csr.data, o->csr.len);
	payload = xasprintf("{\"csr\":\"%s\"}", csr);
	return order_post(o, NULL, o->finalize, payload, NULL);
}

static enum step recv_finalize(struct order *o, const struct reply *r, struct err *e)
{
	bool looking = !o->csr.len || err_is_set(&o->refusal);
	enum step next;

	if (r->err && (looking || !r->status))
		return failed(o, r, e);
	if (r->err) {
		o->refusal = o->trouble = *r->err;
		return again(o);
	}
	next = step_by_status(o, r, e);
	if (next > STEP_finalize)
		return next;
	if (!o->csr.len) /* in an earlier life: a request has to be made first, or more proved */
		return next == STEP_csr ? STEP_csr : STEP_neworder;
	if (!looking)
		return STEP_issue; /* accepted; its status lags behind */
	if (!str_eq(o->refusal.code, "orderNotReady"))
		return refused(o, e);
	err_clear(&o->refusal);
	return poll_again(o, r->retry_after);
}

/*
 * issue: asks until the certificate can be had.
 */

static int send_issue(struct order *o, struct err *e)
{
	return post_as_get(o, o->url);
}

static enum step recv_issue(struct order *o, const struct reply *r, struct err *e)
{
	enum step next;

	if (r->err)
		return failed(o, r, e);
	next = step_by_status(o, r, e);
	if (next == STEP_download || next == STEP_FAIL)
		return next;
	return poll_again(o, r->retry_after);
}

/*
 * download: the chain, checked, without the root.  If another is preferred, the alternates are looked through for it.
 */

static bool self_signed(const struct cert *c)
{
	return str_eq(c->subject, c->issuer);
}

static int send_download(struct order *o, struct err *e)
{
	const char *url = o->at ? o->alternates[o->at - 1] : o->certificate;

	return order_post(o, NULL, url, "", "application/pem-certificate-chain");
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

static enum step recv_download(struct order *o, const struct reply *r, struct err *e)
{
	bool first = !o->at, preferred = false;
	_cleanup_free_ char *chain = r->err ? NULL : read_chain(o, r, &preferred, e);

	if (first && r->err)
		return failed(o, r, e);
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
		return again(o);
	}
	log_warn("%s: the CA offers no chain to \"%s\"; its own choice is used", o->names[0], o->preferred_chain);
	return STEP_DONE;
}
