#include "webui/session.h"

#include <arpa/inet.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "store/agenda.h"
#include "webui/form.h"

#define SECRET_BYTES 32
#define SEEN_EVERY 60		/* seconds: the last request is written down no more often */
#define AGENT_MOST 200
#define BEARER "Bearer "

char *session_id(const char *secret)
{
	unsigned char hash[SHA256_SIZE];

	sha256(secret, strlen(secret), hash);
	return base64url_str(hash, sizeof(hash));
}

static char *random_text(void)
{
	unsigned char bytes[SECRET_BYTES];
	char *text;

	random_bytes(bytes, sizeof(bytes));
	text = base64url_str(bytes, sizeof(bytes));
	wipe(bytes, sizeof(bytes));
	return text;
}

/*
 * Tokens.
 */

const char *session_token(const struct request *r)
{
	const char *header = request_header(r, "Authorization");

	return header && !strncasecmp(header, BEARER, strlen(BEARER)) ? header + strlen(BEARER) : NULL;
}

static bool token_comes_from(const struct rec_token *token, const struct visitor *v)
{
	for (char **text = token->addresses; text && *text; text++) {
		struct cidr network;
		const struct cidr_list one = { &network, 1 };

		if (cidr_parse(&network, *text, NULL) == 0 &&
		    cidr_list_has(&one, (const struct sockaddr *)&v->address.sa))
			return true;
	}
	return !token->addresses;
}

/* Its user is gone or disabled: so is the token. */
static int take_owner(struct visitor *v, struct txn *t, const char *user_id, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	enum role role;

	if (!user_id || !*user_id)
		return 0;
	if (rec_user_get(t, &user, user_id, e) < 0)
		return -1;
	if (user.disabled)
		return err_set(e, ERR_MISSING, "its user is disabled");
	if (role_by_word(&role, user.role, e) < 0)
		return -1;
	v->role = MIN(v->role, role);
	snprintf(v->user_id, sizeof(v->user_id), "%s", user.id);
	return session_limit(v, t, &user, e);
}

static int take_token(struct request *r, struct txn *t, const struct rec_token *token, struct err *e)
{
	struct visitor *v = &r->visitor;

	if ((token->expires && token->expires <= clock_now()) || !token_comes_from(token, v) ||
	    role_by_word(&v->role, token->role, e) < 0 || take_owner(v, t, token->user_id, e) < 0) {
		v->role = ROLE_ANYONE;
		return err_set(e, ERR_AUTH, "the token is not valid (here, or any more)");
	}
	v->scope.only = strv_dup(token->domains);
	v->actions = strv_dup(token->actions);
	snprintf(v->name, sizeof(v->name), "token %s", token->name);
	return 0;
}

static int note_token(struct request *r, const char *id, struct err *e)
{
	_cleanup_(rec_token_release) struct rec_token token = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || rec_token_get(t, &token, id, e) < 0)
		return -1;
	token.used = clock_now();
	record_set(&token.used_from, r->from);
	return rec_token_put(t, &token, e) < 0 ? -1 : txn_commit(TAKE(t), e);
}

static int find_token(struct request *r, const char *secret, struct err *e)
{
	_cleanup_(rec_token_release) struct rec_token token = { 0 };
	_cleanup_free_ char *id = session_id(secret);
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_token_get(t, &token, id, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_AUTH, "the token is not valid (here, or any more)") : -1;
	if (take_token(r, t, &token, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	return token.used + SEEN_EVERY <= clock_now() ? note_token(r, id, e) : 0;
}

/*
 * Sessions.
 */

/* The value of our cookie; owned, NULL: there is none. */
static char *read_cookie(const struct request *r)
{
	const char *header = request_header(r, "Cookie");
	_cleanup_strv_ char **part = strv_split(header ? header : "", "; ");

	for (char **p = part; p && *p; p++)
		if (str_starts(*p, SESSION_COOKIE "="))
			return xstrdup(*p + strlen(SESSION_COOKIE "="));
	return NULL;
}

int session_limit(struct visitor *v, struct txn *t, const struct rec_user *user, struct err *e)
{
	_cleanup_(rec_plan_release) struct rec_plan plan = { 0 };

	record_set(&v->scope.user_id, user->id);
	if (str_eq(user->role, "admin") || !user->plan_id || !*user->plan_id)
		return 0;
	v->scope.own = true;
	if (rec_plan_get(t, &plan, user->plan_id, e) < 0)
		return err_prefix(e, "the plan of %s", user->name);
	v->scope.plan = strv_dup(plan.domains);
	v->scope.most = plan.certificates;
	return 0;
}

static bool is_over(const struct request *r, const struct rec_session *session, int64_t now)
{
	const struct webui_settings *s = r->webui->settings;

	return session->seen + s->session_idle <= now || session->created + s->session_most <= now;
}

static int take_session(struct request *r, struct txn *t, const struct rec_session *session, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	struct visitor *v = &r->visitor;

	if (rec_user_get(t, &user, session->user_id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (user.disabled)
		return 0;
	if (role_by_word(&v->role, user.role, e) < 0 || session_limit(v, t, &user, e) < 0) {
		v->role = ROLE_ANYONE;
		return -1;
	}
	v->must_change = user.must_change;
	v->has_app = user.totp;
	snprintf(v->name, sizeof(v->name), "%s", user.name);
	snprintf(v->user, sizeof(v->user), "%s", user.name);
	snprintf(v->user_id, sizeof(v->user_id), "%s", user.id);
	snprintf(v->session, sizeof(v->session), "%s", session->id);
	snprintf(v->csrf, sizeof(v->csrf), "%s", session->csrf);
	if (session->proof_until > clock_now())
		snprintf(v->proof, sizeof(v->proof), "%s", session->proof);
	return 0;
}

static int note_session(struct request *r, const char *id, struct err *e)
{
	_cleanup_(rec_session_release) struct rec_session session = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_session_get(t, &session, id, e) < 0)	/* it was ended just now */
		return e->kind == ERR_MISSING ? 0 : -1;
	session.seen = clock_now();
	return rec_session_put(t, &session, e) < 0 ? -1 : txn_commit(TAKE(t), e);
}

static int find_session(struct request *r, struct err *e)
{
	_cleanup_(rec_session_release) struct rec_session session = { 0 };
	_cleanup_wipe_ char *cookie = read_cookie(r);
	_cleanup_free_ char *id = cookie ? session_id(cookie) : NULL;
	_cleanup_txn_ struct txn *t = NULL;
	int64_t now = clock_now();

	if (!id)
		return 0;
	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_session_get(t, &session, id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	if (is_over(r, &session, now))
		return 0;
	if (take_session(r, t, &session, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	return session.seen + MIN(SEEN_EVERY, r->webui->settings->session_idle / 3) <= now ? note_session(r, id, e) : 0;
}

int session_find(struct request *r, struct err *e)
{
	const char *token = session_token(r);
	int found;

	if (r->visitor.admin)
		return 0;
	found = token ? find_token(r, token, e) : find_session(r, e);
	if (!found)
		err_clear(e);
	return found;
}

/*
 * Forms.
 */

static int forged(struct err *e)
{
	err_set(e, ERR_DENIED, "this request does not come from a page of this session");
	err_code(e, "csrf");
	return err_hint(e, "The page may be too old: load it again.");
}

/* What browsers say about where a request comes from; others say nothing. */
static bool is_from_elsewhere(const struct request *r)
{
	const char *site = request_header(r, "Sec-Fetch-Site"), *origin = request_header(r, "Origin");
	const char *host = request_header(r, "Host");

	if (site)
		return strcmp(site, "same-origin") && strcmp(site, "none");
	return origin && (!str_starts(origin, "https://") || !host || strcasecmp(origin + strlen("https://"), host));
}

static bool has_csrf(const struct request *r)
{
	const char *header = request_header(r, "X-CSRF-Token"), *shown = header ? header : form_text(r, "_csrf");
	size_t len = strlen(r->visitor.csrf);

	return shown && strlen(shown) == len && same_secret(shown, r->visitor.csrf, len);
}

int session_check_form(struct request *r, struct err *e)
{
	if (r->visitor.admin || r->visitor.bearer)
		return 0;
	return is_from_elsewhere(r) || (*r->visitor.session && !has_csrf(r)) ? forged(e) : 0;
}

/*
 * Beginning and ending.
 */

static void set_cookie(struct request *r, const char *value, const char *more)
{
	_cleanup_wipe_ char *cookie = xasprintf(SESSION_COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s",
						value, more);

	reply_header(r, "Set-Cookie", cookie);
}

void session_forget_cookie(struct request *r)
{
	set_cookie(r, "", "; Max-Age=0");
}

int session_begin(struct request *r, struct txn *t, const struct rec_user *user, struct slice proof, struct err *e)
{
	_cleanup_(rec_session_release) struct rec_session session = { .created = clock_now() };
	const char *agent = request_header(r, "User-Agent");
	_cleanup_wipe_ char *cookie = random_text();

	session.id = session_id(cookie);
	session.csrf = random_text();
	session.agent = xstrndup(agent ? agent : "", AGENT_MOST);
	session.seen = session.created;
	record_set(&session.user_id, user->id);
	record_set(&session.address, r->from);
	record_set(&session.proof, proof.data);
	session.proof_until = session.created + KEEPER_PROOF_SECONDS;
	if (rec_session_put(t, &session, e) < 0 ||
	    agenda_set(t, AGENDA_session, session.id, session.created + r->webui->settings->session_most, e) < 0)
		return -1;
	snprintf(r->visitor.csrf, sizeof(r->visitor.csrf), "%s", session.csrf);
	set_cookie(r, cookie, "");
	return 0;
}

int session_confirm(struct txn *t, const char *id, struct slice proof, struct err *e)
{
	_cleanup_(rec_session_release) struct rec_session session = { 0 };

	if (rec_session_get(t, &session, id, e) < 0)
		return -1;
	record_set(&session.proof, proof.data);
	session.proof_until = clock_now() + KEEPER_PROOF_SECONDS;
	return rec_session_put(t, &session, e);
}

int session_end(struct txn *t, const char *id, struct err *e)
{
	return agenda_delete(t, AGENDA_session, id, e) < 0 ? -1 : rec_session_delete(t, id, e);
}

struct of_user {
	const char *user_id, *but;
	char **ids;
};

static int collect(void *arg, void *rec, struct err *e)
{
	const struct rec_session *session = rec;
	struct of_user *of = arg;

	if (str_eq(session->user_id, of->user_id) && !str_eq(session->id, of->but))
		strv_add(&of->ids, session->id);
	return 0;
}

int session_end_all(struct txn *t, const char *user_id, const char *but, struct err *e)
{
	struct of_user of = { user_id, but, NULL };
	int result = record_each(t, &rec_session_type, "", false, collect, &of, e);

	for (size_t i = 0; !result && i < strv_len(of.ids); i++)
		result = session_end(t, of.ids[i], e);
	strv_free(of.ids);
	return result;
}

struct listing {
	const struct request *r;
	const char *user_id;
	json_t *list;
};

static int list_one(void *arg, void *rec, struct err *e)
{
	const struct rec_session *session = rec;
	struct listing *l = arg;
	json_t *o;

	if (!str_eq(session->user_id, l->user_id) || is_over(l->r, session, clock_now()))
		return 0;
	o = rec_session_json(session);
	json_put_bool(o, "current", str_eq(session->id, l->r->visitor.session));
	json_array_append_new(l->list, o);
	return 0;
}

json_t *session_list(struct request *r, struct txn *t, const char *user_id, struct err *e)
{
	struct listing l = { r, user_id, json_array() };

	if (record_each(t, &rec_session_type, "", false, list_one, &l, e) == 0)
		return l.list;
	json_decref(l.list);
	return NULL;
}
