/* Proving an order's names (RFC 8555 section 7.5): the steps about its authorizations.  o->at walks through them. */
#include "acme/order.h"

#include "acme/link.h"
#include "base/log.h"
#include "base/words.h"
#include "pki/identifier.h"

#define TYPE_MAX 40	/* bytes of a challenge's type that are kept */
#define TYPES_MAX 10

int order_read_authz(struct order *o, const struct reply *r, struct err *e)
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

void order_note_proved(struct order *o, const struct reply *r)
{
	struct err ignored = { 0 };

	if (order_read_authz(o, r, &ignored) < 0)
		order_set_authz(o, 0);
	for (size_t i = 0; i < o->authzs; i++)
		o->authz[i].state = AUTHZ_VALID;
}

/* The one it is at. */
static struct authz *here(struct order *o)
{
	return o->at < o->authzs ? &o->authz[o->at] : NULL;
}

/* Moves on to the first authorization from here that is so.  NULL: there is none (left). */
static struct authz *walk(struct order *o, bool (*so)(const struct authz *))
{
	while (o->at < o->authzs && !so(&o->authz[o->at]))
		o->at++;
	return here(o);
}

static bool any_undecided(const struct order *o)
{
	for (size_t i = 0; i < o->authzs; i++)
		if (authz_is_undecided(&o->authz[i]))
			return true;
	return false;
}

/*
 * authz: reads each authorization: which name, proved already or not, which challenges.
 */

/* The name of the order that it is for: its own, or the wildcard of a CA that does not mark those.  NULL: none. */
static const char *ordered_name(const struct order *o, const struct authz *z)
{
	const char *wildcard = NULL;

	for (char *const *name = o->names; *name; name++) {
		if (str_eq(*name, z->name))
			return *name;
		if (identifier_is_wildcard(*name) && str_eq(identifier_base(*name), z->name))
			wildcard = *name;
	}
	return wildcard;
}

/* The CA lists authorizations in its own order. */
static const char *wanted_type(const struct order *o, const char *name)
{
	for (size_t i = 0; o->challenges && o->names[i]; i++)
		if (str_eq(o->names[i], name))
			return o->challenges[i];
	return CHALLENGE_DEFAULT;
}

/*
 * A CA may list others (RFC 8555 section 7.1.3); proved already, they do not concern us.  Nothing is proved for them.
 */
static int read_other(struct authz *z, const struct reply *r, struct err *e)
{
	if (authz_judge(z, r, e) < 0)
		return -1;
	if (!authz_is_undecided(z))
		return 0;
	err_set(e, ERR_PROTOCOL, "%s: the CA wants %s proved, which was not ordered", r->url, z->name);
	return err_hint(e,
			"Nothing was published for that name. Check that the directory URL of the account is the one "
			"of your CA.");
}

/* For people, who choose one. */
static void note_offered(struct order *o, const json_t *authz)
{
	const json_t *challenge;
	size_t i;

	json_array_foreach (json_object_get(authz, "challenges"), i, challenge) {
		_cleanup_free_ char *type =
			words_line(json_str(challenge, "type") ? json_str(challenge, "type") : "", TYPE_MAX);

		if (type && *type && strv_len(o->offered) < TYPES_MAX && !strv_has(o->offered, type))
			strv_add(&o->offered, type);
	}
}

static int read_authz(const struct order *o, struct authz *z, const struct reply *r, struct err *e)
{
	const char *name;

	if (authz_read_name(z, r, e) < 0)
		return -1;
	name = ordered_name(o, z);
	if (!name)
		return read_other(z, r, e);
	order_set(&z->name, name);
	order_set(&z->type, wanted_type(o, name));
	return authz_read(z, r, e);
}

void order_send_authz(struct order *o)
{
	order_post_as_get(o, here(o)->url);
}

enum step order_recv_authz(struct order *o, const struct reply *r, struct err *e)
{
	if (r->err)
		return step_failed(o, r, e);
	note_offered(o, r->json);
	if (read_authz(o, here(o), r, e) < 0)
		return STEP_FAIL;
	if (++o->at < o->authzs)
		return step_again(o);
	return any_undecided(o) ? STEP_publish : STEP_csr;
}

/*
 * publish: all answers are being served before the CA is told of the first.
 */

static void published(void *arg, const struct slice *nothing, const struct err *err)
{
	order_resume(arg, &(struct reply){ .err = err });
}

void order_send_publish(struct order *o)
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
}

enum step order_recv_publish(struct order *o, const struct reply *r, struct err *e)
{
	return r->err ? step_failed(o, r, e) : STEP_answer;
}

/*
 * answer: tells the CA of each open one.  What it refuses may have been answered in an earlier life;
 * the authorization knows.
 */

void order_send_answer(struct order *o)
{
	struct authz *z = walk(o, authz_is_open);

	if (!z)
		order_turn(o);
	else if (err_is_set(&o->refusal))
		order_post_as_get(o, z->url);
	else
		order_post(o, NULL, z->challenge, "{}", NULL);
}

enum step order_recv_answer(struct order *o, const struct reply *r, struct err *e)
{
	struct authz *z = here(o);
	bool looking = err_is_set(&o->refusal);

	if (r->err && (looking || !r->status))
		return step_failed(o, r, e);
	if (!z)
		return STEP_validate;
	if (r->err && r->status / 100 != 2) {
		o->refusal = *r->err;
		return step_again(o);
	}
	if (looking && authz_awaits_answer(z, r->json)) {
		step_refused(o, e);
		err_prefix(e, "%s", z->name);
		return STEP_FAIL;
	}
	err_clear(&o->refusal);
	authz_told(z);
	return step_again(o);
}

/*
 * validate: asks after each undecided authorization in turn, round after round.  One whose answer the CA has forgotten
 * is open again, and the CA is told once more.
 */

void order_send_validate(struct order *o)
{
	struct authz *z = walk(o, authz_is_undecided);

	if (!z)
		order_turn(o);
	else if (authz_is_open(z))
		order_post(o, NULL, z->challenge, "{}", NULL);
	else
		order_post_as_get(o, z->url);
}

/* Told once more.  If the CA does not want to hear it, it may well be looking; what it finds says so. */
static enum step told_again(struct order *o, struct authz *z, const struct reply *r)
{
	log_info("%s: Certera told the CA again that the answer is ready%s%s", z->name, r->err ? ": " : "",
		 r->err ? r->err->message : "");
	authz_told(z);
	return step_again(o);
}

static enum step judge_validation(struct order *o, struct authz *z, const struct reply *r, struct err *e)
{
	if (authz_judge(z, r, e) < 0)
		return STEP_FAIL;
	if (authz_is_undecided(z))
		authz_trouble(z, r->json, &o->trouble);
	else
		err_clear(&o->trouble);
	if (authz_is_undecided(z) && authz_has_forgotten(z, r->json, step_forgets_ms(o))) {
		z->state = AUTHZ_OPEN;
		return step_again(o);
	}
	o->retry_after = MAX(o->retry_after, r->retry_after);
	o->at++;
	return step_again(o);
}

enum step order_recv_validate(struct order *o, const struct reply *r, struct err *e)
{
	struct authz *z = here(o);
	int64_t retry_after = o->retry_after;

	if (z && authz_is_open(z) && r->status)
		return told_again(o, z, r);
	if (r->err) {
		step_failed(o, r, e);
		if (z)
			err_prefix(e, "%s", z->name);
		return STEP_FAIL;
	}
	if (z)
		return judge_validation(o, z, r, e);
	if (!any_undecided(o))
		return STEP_csr;
	o->at = 0;
	o->retry_after = 0;
	return step_poll_again(o, retry_after);
}
