#include "acme/account.h"

#include "acme/ca.h"
#include "acme/jws.h"
#include "acme/link.h"
#include "acme/post.h"
#include "acme/problem.h"
#include "acme/ticket.h"
#include "base/clock.h"
#include "base/log.h"

#define REGISTER_SECONDS 60

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

struct acme_account account_copy(const struct acme_account *a)
{
	return (struct acme_account){
		.key = copy(a->key),
		.jwk = copy(a->jwk),
		.alg = copy(a->alg),
		.kid = copy(a->kid),
		.key_changed = a->key_changed,
	};
}

void account_release(struct acme_account *a)
{
	free((char *)a->key);
	free((char *)a->jwk);
	free((char *)a->alg);
	free((char *)a->kid);
	*a = (struct acme_account){ 0 };
}

/* A registration: directory, binding (if there is one), newAccount. */

struct acme_register {
	struct acme *acme;
	void (*done)(void *arg, const struct acme_registered *, const struct err *);
	void *arg;

	struct acme_account account; /* all owned */
	char **contact;
	bool terms_agreed, only_existing;
	char *eab_kid, *eab_key, *eab_alg;

	struct ca_waiter waiter;
	struct timer turn, deadline;
	struct ticket *ticket;
	struct post *post;
	int64_t deadline_ms;
	char *eab_input; /* of the binding's JWS, while it is signed */
	json_t *binding; /* the finished binding; NULL: none */
	struct err err;
	bool over; /* the callback runs */
};

static void register_begin(void *);
static void register_late(void *);
static void directory_settled(void *, const struct err *);

struct acme_register *acme_register_start(struct acme *a, const struct acme_registration *q,
					  void (*done)(void *, const struct acme_registered *, const struct err *),
					  void *arg)
{
	struct acme_register *r = xmalloc(sizeof(*r));

	*r = (struct acme_register){
		.acme = a,
		.done = done,
		.arg = arg,
		.account = account_copy(&q->account),
		.contact = strv_dup(q->contact),
		.terms_agreed = q->terms_agreed,
		.eab_kid = copy(q->eab_kid),
		.eab_key = copy(q->eab_key),
		.eab_alg = xstrdup(q->eab_alg && *q->eab_alg ? q->eab_alg : "HS256"),
		.only_existing = q->only_existing,
		.waiter = { .fn = directory_settled, .arg = r },
		.deadline_ms = clock_mono_ms() + ca_patience_ms(a, REGISTER_SECONDS),
	};
	free((char *)TAKE(r->account.kid)); /* this is the one request that jwk signs */
	timer_start(&r->turn, a->env.loop, 0, register_begin, r);
	timer_start(&r->deadline, a->env.loop, ca_patience_ms(a, REGISTER_SECONDS), register_late, r);
	return r;
}

/* Lets go of all that could still call back. */
static void register_detach(struct acme_register *r)
{
	ca_unwait(r->acme, &r->waiter);
	timer_stop(&r->turn);
	timer_stop(&r->deadline);
	ticket_tear(&r->ticket);
	post_cancel(&r->post);
}

static void register_free(struct acme_register *r)
{
	account_release(&r->account);
	strv_free(r->contact);
	free(r->eab_kid);
	free(r->eab_key);
	free(r->eab_alg);
	free(r->eab_input);
	json_decref(r->binding);
	free(r);
}

void acme_register_cancel(struct acme_register *r)
{
	if (!r || r->over)
		return;
	register_detach(r);
	register_free(r);
}

static void register_end(struct acme_register *r, const struct acme_registered *registered)
{
	register_detach(r);
	r->over = true;
	r->done(r->arg, registered, registered ? NULL : &r->err);
	register_free(r);
}

static void register_failed(void *arg)
{
	struct acme_register *r = arg;

	err_prefix(&r->err, "registering the account");
	problem_of_account(&r->err);
	register_end(r, NULL);
}

static void register_late(void *arg)
{
	struct acme_register *r = arg;
	const struct err *trouble = post_trouble(r->post);

	if (trouble)
		r->err = *trouble;
	else
		err_set(&r->err, ERR_TIMEOUT, "%s: not done within %d seconds", r->acme->url,
			ca_patience_ms(r->acme, REGISTER_SECONDS) / 1000);
	register_failed(r);
}

/* What the CA asks for before it takes anybody. */
static int check_meta(const struct acme_register *r, const json_t *meta, struct err *e)
{
	const char *terms = json_str(meta, "termsOfService");

	if (r->only_existing)
		return 0;
	if (terms && !r->terms_agreed) {
		err_set(e, ERR_INVALID, "%s: nobody agreed to this CA's terms of service", r->acme->url);
		problem_code(e, "userActionRequired");
		err_detail(e, "%s", terms);
		return err_hint(e, "Read the terms of service at %s and agree to them.", terms);
	}
	if (json_bool(meta, "externalAccountRequired", false) && !r->eab_kid) {
		err_set(e, ERR_INVALID, "%s: this CA takes no account without an external account binding",
			r->acme->url);
		return problem_code(e, "externalAccountRequired");
	}
	return 0;
}

static void register_bind(struct acme_register *);
static void register_bound(void *, const struct slice *, const struct err *);
static void register_send(struct acme_register *);
static void register_replied(void *, const struct reply *);

static void register_begin(void *arg)
{
	struct acme_register *r = arg;

	if (!ca_ready(r->acme, &r->waiter))
		return; /* directory_settled() goes on */
	if (check_meta(r, ca_meta(r->acme), &r->err) < 0)
		register_failed(r);
	else if (r->eab_kid && !r->only_existing)
		register_bind(r);
	else
		register_send(r);
}

static void directory_settled(void *arg, const struct err *err)
{
	struct acme_register *r = arg;

	if (err)
		r->err = *err;
	timer_start(&r->turn, r->acme->env.loop, 0, err ? register_failed : register_begin, r);
}

/* The binding is a JWS of our public key by the CA's MAC key (RFC 8555 section 7.3.4). */
static void register_bind(struct acme_register *r)
{
	struct acme_env *env = &r->acme->env;
	struct jws_header header = { .alg = r->eab_alg, .kid = r->eab_kid, .url = ca_url(r->acme, "newAccount") };

	r->eab_input = jws_input(&header, r->account.jwk, &r->err);
	if (!r->eab_input) {
		register_failed(r);
		return;
	}
	env->hmac(env->arg, r->eab_key, r->eab_alg, slice_str(r->eab_input), ticket_answer,
		  ticket_new(&r->ticket, register_bound, r));
}

static void register_bound(void *arg, const struct slice *mac, const struct err *err)
{
	struct acme_register *r = arg;
	_cleanup_free_ char *jws = NULL;

	if (!err) {
		jws = jws_flat(r->eab_input, *mac);
		r->binding = json_read(jws, strlen(jws), &r->err);
	} else {
		r->err = *err;
	}
	if (r->binding) {
		register_send(r);
		return;
	}
	err_prefix(&r->err, "signing the external account binding");
	register_failed(r);
}

static void register_send(struct acme_register *r)
{
	_cleanup_json_ json_t *body = json_object();
	_cleanup_free_ char *payload = NULL;

	if (r->only_existing)
		json_put_bool(body, "onlyReturnExisting", true);
	else if (r->terms_agreed)
		json_put_bool(body, "termsOfServiceAgreed", true);
	if (r->contact && !r->only_existing)
		json_put_strv(body, "contact", r->contact);
	if (r->binding)
		json_object_set(body, "externalAccountBinding", r->binding);
	payload = json_write(body);

	struct post_request q = {
		.account = &r->account,
		.resource = "newAccount",
		.payload = payload,
		.deadline = r->deadline_ms,
	};
	post_start(&r->post, r->acme, &q, register_replied, r);
}

static int read_account(const struct reply *reply, struct acme_registered *registered, struct err *e)
{
	const char *status = json_str(reply->json, "status");

	if (reply->err) {
		*e = *reply->err;
		return -1;
	}
	if (status && !str_eq(status, "valid")) {
		err_set(e, ERR_CA, "%s: the account of this key is %s", reply->url, status);
		return err_hint(e, "The CA does not revive accounts. Register a new one with a new key.");
	}
	if (!link_usable(reply->location))
		return err_set(e, ERR_PROTOCOL, "%s: the answer has no Location with the account's URL", reply->url);
	registered->kid = reply->location;
	registered->existing = reply->status == 200;
	registered->account = reply->json;
	return 0;
}

/* Few CAs say that the binding is what they refuse. */
static void blame_binding(struct err *e)
{
	static const char *const codes[] = {
		"unauthorized", "malformed", "externalAccountRequired", "badSignatureAlgorithm",
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (str_eq(e->code, codes[i]))
			err_hint(e, "Check the key identifier (kid) and the MAC key of the external account binding. "
				    "Copy both from the CA again; some CAs take each pair only once.");
}

static void register_replied(void *arg, const struct reply *reply)
{
	struct acme_register *r = arg;
	struct acme_registered registered = { .terms = json_str(ca_meta(r->acme), "termsOfService") };

	if (read_account(reply, &registered, &r->err) < 0) {
		if (r->binding)
			blame_binding(&r->err);
		if (r->only_existing && str_eq(r->err.code, "accountDoesNotExist"))
			err_hint(&r->err, "The CA has no account with this key. Give the key of one that it has, or "
					  "add a new account.");
		register_failed(r);
		return;
	}
	log_info("%s: the account is %s%s", r->acme->url, registered.kid, registered.existing ? ", known before" : "");
	register_end(r, &registered);
}
