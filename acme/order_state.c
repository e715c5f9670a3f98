/* What an order remembers: its beginning, its saved form, its end. */
#include "acme/order.h"

#include "acme/account.h"
#include "base/encode.h"
#include "pki/key.h"

static const char *const authz_states[AUTHZ_STATES] = {
	[AUTHZ_OPEN] = "open",
	[AUTHZ_ANSWERED] = "answered",
	[AUTHZ_VALID] = "valid",
};

struct order *order_new(struct acme *a, const struct order_params *q, void *owner)
{
	struct order *o = xcalloc(1, sizeof(*o));

	o->acme = a;
	o->owner = owner;
	o->account = account_copy(&q->account);
	o->thumbprint = jwk_thumbprint(q->account.jwk);
	o->names = strv_dup(q->names);
	o->challenges = strv_dup(q->challenges);
	buf_add(&o->spki, q->spki.data, q->spki.len);
	o->replaces = q->replaces ? xstrdup(q->replaces) : NULL;
	o->profile = q->profile ? xstrdup(q->profile) : NULL;
	o->preferred_chain = q->preferred_chain ? xstrdup(q->preferred_chain) : NULL;
	order_describe(o);
	return o;
}

void order_set(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

void order_set_authz(struct order *o, size_t count)
{
	for (size_t i = 0; i < o->authzs; i++)
		authz_release(&o->authz[i]);
	free(o->authz);
	o->authz = count ? xcalloc(count, sizeof(*o->authz)) : NULL;
	o->authzs = count;
}

void order_stop(struct order *o)
{
	post_cancel(&o->post);
	ticket_tear(&o->ticket);
	ca_unwait(o->acme, &o->waiter);
	timer_stop(&o->late);
	timer_stop(&o->pause);
}

void order_free(struct order *o)
{
	if (!o)
		return;
	order_stop(o);
	order_set_authz(o, 0);
	account_release(&o->account);
	free(o->thumbprint);
	strv_free(o->names);
	strv_free(o->challenges);
	buf_release(&o->spki);
	free(o->replaces);
	free(o->profile);
	free(o->preferred_chain);
	free(o->url);
	free(o->finalize);
	free(o->certificate);
	buf_release(&o->csr);
	free(o->chain);
	strv_free(o->alternates);
	strv_free(o->offered);
	free(o);
}

void *order_owner(const struct order *o)
{
	return o->owner;
}

bool order_chain_missed(const struct order *o)
{
	return o->chain_missed;
}

const char *order_url(const struct order *o)
{
	return o->url;
}

char *const *order_offered(const struct order *o)
{
	return o->offered;
}

char **order_authorizations(const struct order *o)
{
	char **urls = NULL;

	for (size_t i = 0; i < o->authzs; i++)
		strv_add(&urls, o->authz[i].url);
	return urls;
}

bool order_goes_on(const struct order *o, const struct err *why)
{
	if (!o->url || !o->intact)
		return false;
	if (*why->code)
		return problem_policy(why->code) == PROBLEM_RETRY || problem_policy(why->code) == PROBLEM_WAIT;
	return why->kind == ERR_NETWORK || why->kind == ERR_TIMEOUT;
}

bool order_waits(const struct order *o)
{
	return o->step == STEP_publish || o->step == STEP_validate || o->step == STEP_issue;
}

bool order_asks_first(const struct order *o)
{
	return o->step == STEP_neworder && !o->url;
}

bool order_ran_out(const struct order *o)
{
	return o->ran_out;
}

/* The saved form. */

char *order_save(const struct order *o)
{
	_cleanup_json_ json_t *state = json_object();
	json_t *list = json_array();

	json_put_str(state, "step", order_step_name(o));
	json_put_str(state, "url", o->url);
	json_put_str(state, "finalize", o->finalize);
	json_put_str(state, "certificate", o->certificate);
	json_object_set_new(state, "authorizations", list);
	for (size_t i = 0; i < o->authzs; i++) {
		const struct authz *z = &o->authz[i];
		json_t *item = json_object();

		json_put_str(item, "state", authz_states[z->state]);
		json_put_str(item, "url", z->url);
		json_put_str(item, "name", z->name);
		json_put_str(item, "type", z->type);
		json_put_str(item, "challenge", z->challenge);
		json_put_str(item, "token", z->token);
		json_array_append_new(list, item);
	}
	return json_write(state);
}

static char *load_str(const json_t *obj, const char *key)
{
	const char *s = json_str(obj, key);

	return s ? xstrdup(s) : NULL;
}

static int load_authz(struct authz *z, const json_t *item, enum step step, struct err *e)
{
	const char *state = json_str(item, "state");
	size_t i = 0;

	while (i < AUTHZ_STATES && !str_eq(state, authz_states[i]))
		i++;
	if (i == AUTHZ_STATES)
		return err_set(e, ERR_STORAGE, "an authorization's state is \"%s\"", state ? state : "missing");
	z->state = (enum authz_state)i;
	z->url = load_str(item, "url");
	z->name = load_str(item, "name");
	z->type = load_str(item, "type");
	z->challenge = load_str(item, "challenge");
	z->token = load_str(item, "token");
	if (!z->url)
		return err_set(e, ERR_STORAGE, "an authorization has no URL");
	if (step > STEP_authz && z->state != AUTHZ_VALID &&
	    !(z->name && z->type && z->challenge && z->token && base64url_is(z->token)))
		return err_set(e, ERR_STORAGE, "the authorization %s has no challenge", z->url);
	return 0;
}

/* Has it what its step takes for granted? */
static int check_loaded(const struct order *o, struct err *e)
{
	if (o->step > STEP_neworder && !o->url)
		return err_set(e, ERR_STORAGE, "the order's URL is missing");
	if (o->step >= STEP_authz && o->step <= STEP_validate && !o->authzs)
		return err_set(e, ERR_STORAGE, "the authorizations are missing");
	if (o->step > STEP_neworder && o->step <= STEP_finalize && !o->finalize)
		return err_set(e, ERR_STORAGE, "the URL to finalize the order is missing");
	if (o->step == STEP_download && !o->certificate)
		return err_set(e, ERR_STORAGE, "the certificate's URL is missing");
	return 0;
}

static int load(struct order *o, const json_t *state, struct err *e)
{
	const char *word = json_str(state, "step");
	const json_t *list = json_object_get(state, "authorizations"), *item;
	int step = word ? order_step_index(word) : -1;
	size_t i;

	if (step < 0)
		return err_set(e, ERR_STORAGE, "there is no step \"%s\"", word ? word : "");
	o->step = (enum step)step;
	o->url = load_str(state, "url");
	o->finalize = load_str(state, "finalize");
	o->certificate = load_str(state, "certificate");
	order_set_authz(o, json_array_size(list));
	json_array_foreach (list, i, item)
		if (load_authz(&o->authz[i], item, o->step, e) < 0)
			return -1;
	return check_loaded(o, e);
}

struct order *order_load(struct acme *a, const struct order_params *q, void *owner, const char *text, struct err *e)
{
	_cleanup_json_ json_t *state = json_read(text, strlen(text), e);
	struct order *o;

	if (!state) {
		err_prefix(e, "reading a saved order");
		return NULL;
	}
	o = order_new(a, q, owner);
	if (load(o, state, e) < 0) {
		err_prefix(e, "reading a saved order");
		order_free(o);
		return NULL;
	}
	order_describe(o);
	return o;
}

/* What a person sees. */

/* The steps that walk through the authorizations say which one they are at. */
static bool step_walks(enum step step)
{
	return step == STEP_authz || step == STEP_answer || step == STEP_validate;
}

void order_describe(struct order *o)
{
	const char *text = order_step_text(order_step_name(o));
	const char *name = o->at < o->authzs ? o->authz[o->at].name : NULL;
	struct buf line = BUF_INIT;

	if (step_walks(o->step) && o->at == o->authzs)
		return; /* between two rounds; the last one named still holds */
	buf_add_str(&line, text);
	if (step_walks(o->step) && name)
		buf_addf(&line, ": %s", name);
	if (step_walks(o->step) && o->authzs > 1)
		buf_addf(&line, " (%zu of %zu)", o->at + 1, o->authzs);
	snprintf(o->activity, sizeof(o->activity), "%s", buf_str(&line));
	buf_release(&line);
}

const char *order_activity(const struct order *o)
{
	return o->activity;
}
