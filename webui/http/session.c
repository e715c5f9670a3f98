#include "webui/http/session.h"

#include <arpa/inet.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/words.h"
#include "store/agenda.h"
#include "webui/gate/confirmed.h"
#include "webui/http/noted.h"
#include "webui/http/reply.h"
#include "webui/page/shown.h"

#define SECRET_BYTES 32
#define SEEN_EVERY 60		/* seconds: the last request is written down no more often */
#define NOTED_MS 10000		/* until that is durable, if nothing else is written */
#define AGENT_MOST 200
#define SESSIONS_MOST 200	/* of a user; one more ends the one that was used longest ago */
#define BEARER "Bearer "

/* What is noted of a session or token, and how it is called between nodes. */
struct session_use {
	const char *word;
	int (*put)(struct txn *, const char *id, const char *from, struct err *);
};

/*
 * That somebody was here.  The request neither waits for it nor fails with it: the disk may be full, the thing noted
 * just removed.
 */
static void write_note(struct webui *w, const struct session_use *use, const char *id, const char *from)
{
	struct store *store = w->env->store;
	uint64_t seen = store_seen(store);
	struct err e = { 0 };
	struct txn *t;

	store_task(store, 0);
	if (store_write(store, &t, &e) == 0) {
		if (use->put(t, id, from, &e) == 0)
			txn_commit_within(TAKE(t), NOTED_MS, &e);
		txn_abort(t);
	}
	if (err_is_set(&e))
		log_debug("the last use of a session or token is not noted: %s", e.message);
	store_task(store, seen);
}

static void note(struct request *r, const struct session_use *use, const char *id)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "note", use->word, "id", id, "from", r->from);

	if (noted_elsewhere(r->webui, o) == WEBUI_NOTE_HERE)
		write_note(r->webui, use, id, r->from);
}

/*
 * Tokens.
 */

const char *session_token(const struct request *r)
{
	const char *header = request_header(r, HTTP_authorization);

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

static int no_such_token(struct err *e)
{
	return err_set(e, ERR_AUTH, "the token is invalid, expired, or not allowed from this address");
}

static int take_token(struct request *r, struct txn *t, const struct rec_token *token, struct err *e)
{
	struct visitor *v = &r->visitor;

	if ((token->expires && token->expires <= clock_now()) || !token_comes_from(token, v) ||
	    role_by_word(&v->role, token->role, e) < 0 || take_owner(v, t, token->user_id, e) < 0) {
		v->role = ROLE_ANYONE;
		return no_such_token(e);
	}
	v->scope.only = strv_dup(token->domains);
	v->actions = strv_dup(token->actions);
	snprintf(v->name, sizeof(v->name), "token %s", token->name);
	return 0;
}

static int put_token_use(struct txn *t, const char *id, const char *from, struct err *e)
{
	_cleanup_(rec_token_release) struct rec_token token = { 0 };

	if (rec_token_get(t, &token, id, e) < 0)
		return -1;
	token.used = clock_now();
	record_set(&token.used_from, from);
	return rec_token_put(t, &token, e);
}

static const struct session_use token_use = { "token", put_token_use };

static int find_token(struct request *r, const char *secret, struct err *e)
{
	_cleanup_(rec_token_release) struct rec_token token = { 0 };
	_cleanup_free_ char *id = sha256_text(secret);
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_token_get(t, &token, id, e) < 0)
		return e->kind == ERR_MISSING ? no_such_token(e) : -1;
	if (take_token(r, t, &token, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	if (token.used + SEEN_EVERY <= clock_now())
		note(r, &token_use, id);
	return 0;
}

/*
 * Sessions.
 */

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
	confirmed_find(session->id, v->proof);
	return 0;
}

static int put_session_seen(struct txn *t, const char *id, const char *from, struct err *e)
{
	_cleanup_(rec_session_release) struct rec_session session = { 0 };

	if (rec_session_get(t, &session, id, e) < 0)
		return -1;
	session.seen = clock_now();
	return rec_session_put(t, &session, e);
}

static const struct session_use session_use = { "session", put_session_seen };

static int find_session(struct request *r, struct err *e)
{
	_cleanup_(rec_session_release) struct rec_session session = { 0 };
	_cleanup_wipe_ char *cookie = request_cookie(r, SESSION_COOKIE);
	_cleanup_free_ char *id = cookie ? sha256_text(cookie) : NULL;
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
	if (session.seen + MIN(SEEN_EVERY, r->webui->settings->session_idle / 3) <= now)
		note(r, &session_use, id);
	return 0;
}

void session_noted(struct webui *w, const json_t *note)
{
	static const struct session_use *const uses[] = { &token_use, &session_use };
	const char *id = json_str(note, "id"), *from = json_str(note, "from");

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (id && from && str_eq(json_str(note, "note"), uses[i]->word))
			write_note(w, uses[i], id, from);
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
 * Beginning and ending.
 */

void session_forget_cookie(struct request *r)
{
	reply_forget_cookie(r, SESSION_COOKIE);
}

struct crowd {
	const char *user_id;
	int count;
	char *oldest;		/* the id of the one that was used longest ago */
	int64_t seen;
};

static int count_one(void *arg, void *rec, struct err *e)
{
	struct rec_session *session = rec;
	struct crowd *c = arg;

	if (!str_eq(session->user_id, c->user_id))
		return 0;
	c->count++;
	if (c->oldest && session->seen >= c->seen)
		return 0;
	free(c->oldest);
	c->oldest = TAKE(session->id);
	c->seen = session->seen;
	return 0;
}

/* So that all of a user's can end in one transaction. */
static int make_room(struct txn *t, const char *user_id, struct err *e)
{
	struct crowd c = { .user_id = user_id };
	int failed = record_each(t, &rec_session_type, "", false, count_one, &c, e);

	if (!failed && c.count >= SESSIONS_MOST)
		failed = session_end(t, c.oldest, e);
	free(c.oldest);
	return failed;
}

int session_begin(struct request *r, struct txn *t, const struct rec_user *user, struct slice proof, struct err *e)
{
	_cleanup_(rec_session_release) struct rec_session session = { .created = clock_now() };
	const char *agent = request_header(r, HTTP_user_agent);
	_cleanup_wipe_ char *cookie = random_text(SECRET_BYTES);

	session.id = sha256_text(cookie);
	session.csrf = random_text(SECRET_BYTES);
	session.agent = words_line(agent ? agent : "", AGENT_MOST);
	session.seen = session.created;
	record_set(&session.user_id, user->id);
	record_set(&session.address, r->from);
	if (make_room(t, user->id, e) < 0 || rec_session_put(t, &session, e) < 0 ||
	    agenda_set(t, AGENDA_session, session.id, session.created + r->webui->settings->session_most, e) < 0)
		return -1;
	confirmed_begin(session.id, proof);
	snprintf(r->visitor.csrf, sizeof(r->visitor.csrf), "%s", session.csrf);
	reply_cookie(r, SESSION_COOKIE, cookie, 0);
	return 0;
}

int session_end(struct txn *t, const char *id, struct err *e)
{
	confirmed_end(id);
	shown_forget(id);
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
