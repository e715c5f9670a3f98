/* /api/v1/sign-in, /api/v1/sign-out, /api/v1/me/confirm: who it is. */
#include "base/clock.h"
#include "store/event/history.h"
#include "store/notify/alert.h"
#include "webui/gate/confirmed.h"
#include "webui/http/name.h"
#include "webui/http/session.h"
#include "webui/page/form.h"
#include "webui/people/lockout.h"
#include "webui/people/person.h"
#include "webui/people/setup.h"
#include "webui/people/sign_in.h"

#define CODE_COOKIE "__Host-certera-code"

struct signing {
	struct rec_user user;
	char *name;
	bool known;		/* there is such a user, who may sign in */
	int (*go_on)(struct request *, struct err *);	/* once it is confirmed who it is */
};

static void signing_release(void *state)
{
	struct signing *s = state;

	rec_user_release(&s->user);
	free(s->name);
}

static int add_event(const struct request *r, struct txn *t, const struct signing *s, const char *actor,
		     const char *action, const char *said, struct err *e)
{
	const struct event_of event = {
		.actor = actor, .address = r->from, .action = action, .object = s->user.id, .name = s->name,
	};

	return history_add(t, &event, e, "%s", said);
}

typedef int tell_fn(struct request *, struct txn *, const char *user_id, const char *name, struct err *);

/* The same words whatever it was. */
static int refused(struct request *r, const struct signing *s, tell_fn *tell, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 ||
	    add_event(r, t, s, "nobody", "user.refused", "name, password or code was wrong", e) < 0 ||
	    tell(r, t, s->user.id, s->name, e) < 0 || admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return err_set(e, ERR_AUTH, "the name, password or code is wrong");
}

/*
 * Signing in.
 */

/* Only from another address than the last time: who signs in every day is not to be told so every day. */
static int tell_if_new(struct request *r, struct txn *t, const struct rec_user *user, struct err *e)
{
	_cleanup_json_ json_t *facts = NULL;

	if (str_eq(user->signed_in_from, r->from))
		return 0;
	facts = json_pack("{s:s, s:s}", "user", user->name, "from", r->from);
	return alert_raise(t, ALERT_login, &(struct alert_of){ .object = user->id, .name = user->name, .facts = facts,
							       .owner_id = user->id },
			   e, "%s, as %s, from %s%s%s.", user->name, user->role, r->from,
			   user->signed_in_from ? "; last from " : "",
			   user->signed_in_from ? user->signed_in_from : "");
}

static int let_in(struct request *r, struct signing *s, const struct slice *field, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || person_checked(t, &s->user, field, e) < 0)
		return -1;
	if (tell_if_new(r, t, &s->user, e) < 0)
		return -1;
	s->user.signed_in = clock_now();
	record_set(&s->user.signed_in_from, r->from);
	if (rec_user_put(t, &s->user, e) < 0 || lockout_clear(r, t, s->user.id, s->name, e) < 0 ||
	    session_begin(r, t, &s->user, field[PERSON_FIELD_PROOF], e) < 0 ||
	    add_event(r, t, s, s->name, "user.signed_in", s->user.totp ? "with password and code" : "with password",
		      e) < 0)
		return -1;
	return admin_commit(r, TAKE(t), true, e);
}

static int welcome(struct request *r, struct signing *s, const struct slice *field, struct err *e)
{
	json_t *answer;

	if (let_in(r, s, field, e) < 0)
		return -1;
	answer = json_object();
	json_put_str(answer, "name", s->user.name);
	json_put_str(answer, "role", s->user.role);
	json_put_str(answer, "csrf", r->visitor.csrf);
	json_put_bool(answer, "must_change", s->user.must_change);
	return reply_json(r, 200, answer);
}

/*
 * A browser is asked for the code on a page of its own, when the password was right.  The cookie has whose it was, and
 * the keeper's word that it was.
 */
static int send_to_code(struct request *r, const struct signing *s, struct slice half)
{
	_cleanup_wipe_ char *cookie = xasprintf("%s.%s", s->user.id, (const char *)half.data);
	_cleanup_free_ char *path = params_link("/sign-in/code", "next", form_next(r));

	reply_cookie(r, CODE_COOKIE, cookie, KEEPER_PROOF_SECONDS);
	return reply_see_other(r, path);
}

static int checked(struct request *r, const struct slice *field, struct err *e)
{
	struct signing *s = r->state;

	if (s->known && r->html && field[PERSON_FIELD_HALF].len)
		return send_to_code(r, s, field[PERSON_FIELD_HALF]);
	return person_is_good(field) && s->known ? welcome(r, s, field, e) : refused(r, s, lockout_tell, e);
}

static int find_user(struct request *r, struct signing *s, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (name_check(s->name, NULL) == 0 && rec_user_by_name(t, &s->user, s->name, e) < 0 && e->kind != ERR_MISSING)
		return -1;
	s->known = s->user.id && !s->user.disabled;
	return 0;
}

int page_sign_in(struct request *r, struct err *e)
{
	struct signing *s = request_state(r, sizeof(*s), signing_release);
	_cleanup_body_ json_t *body = body_read(r, e);

	if (!body)
		return -1;
	s->name = xstrndup(json_str(body, "name"), 100);
	if (find_user(r, s, e) < 0 || lockout_count(r, s->user.id, s->name, e) < 0)
		return -1;
	return person_ask(r, s->user.id ? &s->user : NULL, json_str(body, "password"), json_str(body, "code"), checked);
}

/*
 * The code after it.
 */

static int code_checked(struct request *r, const struct slice *field, struct err *e)
{
	struct signing *s = r->state;

	if (person_is_good(field)) {
		reply_forget_cookie(r, CODE_COOKIE);
		return welcome(r, s, field, e);
	}
	if (refused(r, s, lockout_tell, e) < 0 && e->kind != ERR_AUTH)
		return -1;
	err_set(e, ERR_INVALID, "the code is wrong");
	return err_field(e, "code");
}

int page_sign_in_code(struct request *r, struct err *e)
{
	struct signing *s = request_state(r, sizeof(*s), signing_release);
	_cleanup_wipe_ char *cookie = request_cookie(r, CODE_COOKIE);
	const char *half = cookie ? strchr(cookie, '.') : NULL;
	_cleanup_free_ char *id = half ? xstrndup(cookie, (size_t)(half - cookie)) : NULL;
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_txn_ struct txn *t = NULL;

	if (!body || store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (!id || rec_user_get(t, &s->user, id, e) < 0 || s->user.disabled) {
		err_set(e, ERR_DENIED, "signing in begins with the name and the password");
		return err_hint(e, "Begin again with your name and password.");
	}
	txn_abort(TAKE(t));
	s->known = true;
	s->name = xstrdup(s->user.name);
	if (lockout_count(r, s->user.id, s->name, e) < 0)
		return -1;
	return person_ask_code(r, &s->user, half + 1, json_str(body, "code"), code_checked);
}

int page_sign_in_code_form(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_wipe_ char *cookie = request_cookie(r, CODE_COOKIE);
	_cleanup_json_ json_t *page = json_object();
	const char *next;

	if (request_query(r, &query, e) < 0)
		return -1;
	next = params_get(&query, "next");
	if (!cookie && !r->fault)
		return reply_see_other(r, "/sign-in");
	json_put_str(page, "_next", next ? next : "/");
	return reply_json(r, 200, TAKE(page));
}

int page_sign_in_form(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_json_ json_t *page = json_object();
	const char *next;

	if (request_query(r, &query, e) < 0)
		return -1;
	next = params_get(&query, "next");
	json_put_str(page, "_next", next ? next : "/");
	json_put_bool(page, "setup", setup_is_open(r));
	json_put_bool(page, "mail", r->webui->settings->mail);
	json_put_bool(page, "signed_in", *r->visitor.session);
	return reply_json(r, 200, TAKE(page));
}

int page_sign_out(struct request *r, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || person_self(r, t, &user, e) < 0 ||
	    session_end(t, r->visitor.session, e) < 0 ||
	    admin_event(r, t, "user.signed_out", user.id, user.name, e, "by hand") < 0 ||
	    admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	session_forget_cookie(r);
	return reply_json(r, 200, json_object());
}

/*
 * Giving the password again, before something that wants it.
 */

static int confirmed(struct request *r, const struct slice *field, struct err *e)
{
	struct signing *s = r->state;
	_cleanup_txn_ struct txn *t = NULL;

	if (!person_is_good(field)) {
		if (refused(r, s, lockout_tell_session, e) < 0 && e->kind == ERR_AUTH)
			err_set(e, ERR_INVALID, "the password or code is wrong");
		return e->kind == ERR_INVALID ? err_field(e, r->form ? FORM_PASSWORD : "password") : -1;
	}
	if (store_write(r->webui->env->store, &t, e) < 0 || person_checked(t, &s->user, field, e) < 0 ||
	    rec_user_put(t, &s->user, e) < 0 || lockout_clear_session(r, t, e) < 0 ||
	    admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	confirmed_begin(r->visitor.session, field[PERSON_FIELD_PROOF]);
	confirmed_find(r->visitor.session, r->visitor.proof);
	return s->go_on(r, e);
}

static int ask_again(struct request *r, const char *password, const char *code,
		     int (*go_on)(struct request *, struct err *), struct err *e)
{
	struct signing *s = request_state(r, sizeof(*s), signing_release);
	_cleanup_txn_ struct txn *t = NULL;

	s->go_on = go_on;
	if (store_read(r->webui->env->store, &t, e) < 0 || person_self(r, t, &s->user, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	s->name = xstrdup(s->user.name);
	if (lockout_count_session(r, e) < 0)
		return -1;
	return person_ask(r, &s->user, password, code, confirmed);
}

static int say_until(struct request *r, struct err *e)
{
	json_t *answer = json_object();

	json_put_time(answer, "until", clock_now() + KEEPER_PROOF_SECONDS);
	return reply_json(r, 200, answer);
}

int page_confirm(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);

	return body ? ask_again(r, json_str(body, "password"), json_str(body, "code"), say_until, e) : -1;
}

bool sign_in_is_wanted(const struct request *r)
{
	const char *password = form_text(r, FORM_PASSWORD);

	return password && *password && *r->visitor.session;
}

int sign_in_first(struct request *r, int (*go_on)(struct request *, struct err *), struct err *e)
{
	return ask_again(r, form_text(r, FORM_PASSWORD), form_text(r, FORM_CODE), go_on, e);
}

int page_confirm_form(struct request *r, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *page;

	if (request_query(r, &query, e) < 0 || store_read(r->webui->env->store, &t, e) < 0 ||
	    person_self(r, t, &user, e) < 0)
		return -1;
	page = json_object();
	json_put_str(page, "_next", params_get(&query, "next") ? params_get(&query, "next") : "/");
	json_put_bool(page, "totp", user.totp);
	return reply_json(r, 200, page);
}
