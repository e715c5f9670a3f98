/*
 * /api/v1/tokens: bearer tokens for automation.
 * Everybody has his own; administrators see all, and make some of nobody's.
 */
#include "base/clock.h"
#include "base/digest.h"
#include "store/event/reader.h"
#include "webui/http/name.h"
#include "webui/http/session.h"
#include "webui/people/person.h"

#define TOKEN_BYTES 32
#define DAYS_MOST 3650

/* Administrators' tokens have no user: they outlive who made them. */
static bool is_mine(const struct request *r, const struct rec_token *token)
{
	return r->visitor.role == ROLE_ADMIN || (*r->visitor.user_id && str_eq(token->user_id, r->visitor.user_id));
}

static json_t *show(struct txn *t, const struct rec_token *token)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	json_t *o = rec_token_json(token);

	json_object_del(o, "id");
	json_put_str(o, "user", token->user_id && rec_user_get(t, &user, token->user_id, NULL) == 0 ? user.name : NULL);
	json_put_bool(o, "expired", token->expires && token->expires <= clock_now());
	return o;
}

struct token_listing {
	const struct request *r;
	struct txn *txn;
	json_t *list;
};

static int list_one(void *arg, void *rec, struct err *e)
{
	struct token_listing *l = arg;

	if (is_mine(l->r, rec))
		json_array_append_new(l->list, show(l->txn, rec));
	return 0;
}

int page_tokens(struct request *r, struct err *e)
{
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	struct token_listing l = { .r = r, .list = json_array() };

	json_object_set_new(answer, "tokens", l.list);
	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	l.txn = t;
	if (record_each(t, &rec_token_type, "", false, list_one, &l, e) < 0)
		return -1;
	return reply_json(r, 200, TAKE(answer));
}

/*
 * For the page of the API.
 */

struct token_choice {
	const struct request *r;
	json_t *names;
	const char *wanted;
	struct rec_token *chosen;
};

/* Without a name, the newest that the visitor made. */
static int offer_one(void *arg, void *rec, struct err *e)
{
	struct rec_token *token = rec;
	struct token_choice *c = arg;
	json_t *one;
	bool better;

	if (!is_mine(c->r, token) || (token->expires && token->expires <= clock_now()))
		return 0;
	one = json_object();
	json_put_str(one, "name", token->name);
	json_array_append_new(c->names, one);
	better = c->wanted ? str_eq(token->name, c->wanted)
			   : str_eq(token->created_by, c->r->visitor.name) &&
				     (!c->chosen->id || token->created >= c->chosen->created);
	if (better) {
		rec_token_release(c->chosen);
		*c->chosen = *token;
		*token = (struct rec_token){ 0 };
	}
	return 0;
}

int admin_choose_token(const struct request *r, struct txn *t, const char *wanted, json_t *names,
		       struct rec_token *chosen, struct err *e)
{
	struct token_choice c = { r, names, wanted && *wanted ? wanted : NULL, chosen };

	return record_each(t, &rec_token_type, "", false, offer_one, &c, e);
}

static int find(struct request *r, struct txn *t, struct rec_token *token, struct err *e)
{
	const char *name = params_get(&r->path, "name");

	if (name_check(name, e) < 0)
		return -1;
	if (rec_token_by_name(t, token, name, e) == 0 && is_mine(r, token))
		return 0;
	return e->kind == ERR_MISSING || token->id ? err_set(e, ERR_MISSING, "there is no token %.100s", name) : -1;
}

int page_token(struct request *r, struct err *e)
{
	_cleanup_(rec_token_release) struct rec_token token = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || find(r, t, &token, e) < 0)
		return -1;
	return reply_json(r, 200, show(t, &token));
}

/*
 * Making one.
 */

static int read_role(struct request *r, struct rec_token *token, const json_t *body, struct err *e)
{
	enum role role;

	if (role_by_word(&role, json_str(body, "role"), e) < 0)
		return -1;
	if (role > r->visitor.role)
		return err_set(e, ERR_DENIED, "a token cannot have a higher role than its creator: %s",
			       role_word(r->visitor.role));
	record_set(&token->role, role_word(role));
	return 0;
}

/* "90": days from now; or a date (RFC 3339). */
static int read_expiry(struct rec_token *token, const json_t *body, struct err *e)
{
	const char *text = json_str(body, "expires");
	char *end = NULL;
	int64_t days = text ? strtoll(text, &end, 10) : 0;

	if (!text)
		return 0;
	if (*text && !*end && days > 0 && days <= DAYS_MOST)
		token->expires = clock_now() + days * 86400;
	else if (clock_parse_rfc3339(text, &token->expires) < 0 || token->expires <= clock_now())
		return err_set(e, ERR_INVALID, "\"expires\" is a number of days up to %d, "
					       "or a time to come like 2030-01-31T00:00:00Z", DAYS_MOST);
	return 0;
}

static int read_addresses(struct rec_token *token, const json_t *body, struct err *e)
{
	struct cidr network;

	token->addresses = json_strv(body, "addresses");
	for (char **a = token->addresses; a && *a; a++)
		if (cidr_parse(&network, *a, e) < 0)
			return -1;
	return 0;
}

static char *make_secret(void)
{
	_cleanup_wipe_ char *text = random_text(TOKEN_BYTES);

	return xasprintf(TOKEN_PREFIX "%s", text);
}

static int read_actions(struct rec_token *token, const json_t *body, struct err *e)
{
	token->actions = json_strv(body, "actions");
	for (char **action = token->actions; action && *action; action++) {
		if (gate_is_action(*action))
			continue;
		err_set(e, ERR_INVALID, "there is no action \"%.40s\"", *action);
		return err_hint(e, "Actions are read, create, change, delete, and the last word of an API path that is "
				   "posted to, such as issue or revoke.");
	}
	return 0;
}

static int read_token(struct request *r, struct rec_token *token, const json_t *body, struct err *e)
{
	const char *name = json_str(body, "name");

	if (body_at("name", name_check(name, e), e) < 0 || body_at("role", read_role(r, token, body, e), e) < 0 ||
	    body_at("expires", read_expiry(token, body, e), e) < 0 ||
	    body_at("addresses", read_addresses(token, body, e), e) < 0 ||
	    body_at("actions", read_actions(token, body, e), e) < 0 ||
	    person_read_domains(body, &token->domains, e) < 0)
		return -1;
	if (token->domains && str_eq(token->role, role_word(ROLE_ADMIN))) {
		err_set(e, ERR_INVALID, "a token of an administrator cannot be limited to domains: "
					"with channels and users, it could reach everything");
		err_hint(e, "The role operator can do everything with certificates.");
		return err_field(e, "role");
	}
	record_set(&token->name, name);
	record_set(&token->created_by, r->visitor.name);
	if (r->visitor.role != ROLE_ADMIN)
		record_set(&token->user_id, r->visitor.user_id);
	token->created = clock_now();
	return 0;
}

int page_token_add(struct request *r, struct err *e)
{
	_cleanup_(rec_token_release) struct rec_token token = { 0 };
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_wipe_ char *secret = make_secret();
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_txn_ struct txn *t = NULL;

	if (!body || admin_confirmed(r, e) < 0 || read_token(r, &token, body, e) < 0)
		return -1;
	token.id = sha256_text(secret);
	if (admin_write(r, &t, e) < 0 || rec_token_put(t, &token, e) < 0 ||
	    admin_event(r, t, "token.added", token.id, token.name, e, "with the role %s", token.role) < 0)
		return -1;
	answer = show(t, &token);
	json_put_str(answer, "token", secret);
	return admin_commit(r, TAKE(t), false, e) < 0 ? -1 : reply_json(r, 201, TAKE(answer));
}

int page_token_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_token_release) struct rec_token token = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *whose = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || find(r, t, &token, e) < 0)
		return -1;
	whose = xasprintf("token %s", token.name);	/* as visitors with it are called */
	if (reader_forget(t, whose, e) < 0 ||
	    rec_token_delete(t, token.id, e) < 0 ||
	    admin_event(r, t, "token.removed", token.id, token.name, e, "the token no longer works") < 0 ||
	    admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	return reply_json(r, 200, rec_token_json(&token));
}
