/* /api/v1/users: who may sign in, as what, within which limits. */
#include "base/clock.h"
#include "store/event/reader.h"
#include "store/leftover.h"
#include "webui/http/name.h"
#include "webui/http/session.h"
#include "webui/list/list.h"
#include "webui/people/lockout.h"
#include "webui/people/person.h"

struct user_change {
	struct rec_user user;	/* as it was when the keeper was asked; or the new one */
	char *password;
	bool shown;		/* the password was made here, and is told once */
	bool no_app;
	bool role_changed;
	json_t *body;
};

static void change_release(void *state)
{
	struct user_change *c = state;

	rec_user_release(&c->user);
	wipe_free(c->password);
	cleanup_body(&c->body);
}

static struct user_change *begin(struct request *r, struct err *e)
{
	struct user_change *c = request_state(r, sizeof(*c), change_release);

	c->body = body_read(r, e);
	return c->body && admin_confirmed(r, e) == 0 ? c : NULL;
}

static json_t *show(struct txn *t, const void *rec)
{
	return person_show(t, rec);
}

struct user_filters {
	char plan_id[64];	/* "": any */
};

static int prepare(struct list *l, struct txn *t, struct err *e)
{
	_cleanup_(rec_plan_release) struct rec_plan plan = { 0 };
	const char *name = list_filter(l, "plan");
	struct user_filters *f = l->filters;

	if (name && rec_plan_by_name(t, &plan, name, e) < 0)
		return err_field(e, "plan");
	snprintf(f->plan_id, sizeof(f->plan_id), "%s", name ? plan.id : "");
	return list_read_flag(l, "disabled", e);
}

static int64_t by_creation(const struct list *l, const void *rec)
{
	return ((const struct rec_user *)rec)->created;
}

static const char *disabled_of(const struct list *l, const void *rec)
{
	return ((const struct rec_user *)rec)->disabled ? "true" : "false";
}

static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	const struct user_filters *f = l->filters;
	const struct rec_user *user = rec;

	if (!list_in(&l->created, user->created) || !list_flag(l, "disabled", user->disabled) ||
	    !list_is(value[REC_user_role], list_filter(l, "role")) ||
	    !list_is(value[REC_user_plan_id], *f->plan_id ? f->plan_id : NULL))
		return false;
	return list_contains(value[REC_user_name], l->search) || list_contains(value[REC_user_mail], l->search);
}

int page_users(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = { { "name", NULL, 0 },
						  { "created", by_creation, 0 },
						  { NULL, NULL, 0 } };
	static const struct list_text texts[] = { { "role", REC_user_role }, { NULL, 0 } };
	static const struct list_facet facets[] = {
		{ .word = "role", .field = REC_user_role },
		{ .word = "plan", .field = REC_user_plan_id, .names = &rec_plan_type },
		{ .word = "disabled", .says = disabled_of },
		{ .word = NULL },
	};
	static const struct list_type type = {
		.member = "users", .type = &rec_user_type, .name = REC_user_name, .prepare = prepare, .wanted = wanted,
		.sorts = sorts, .texts = texts, .facets = facets, .show = show,
	};

	return list_reply(r, &type, sizeof(struct user_filters), e);
}

int page_user(struct request *r, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_read(r->webui->env->store, &t, e) < 0 || person_find(r, t, &user, e) < 0)
		return -1;
	answer = person_show_sessions(r, t, &user, e);
	if (!answer)
		return -1;
	if (r->html)
		choices_put_plans(answer, t);
	return reply_json(r, 200, answer);
}

/*
 * What goes with a user who is disabled or removed.
 */

struct user_leaving {
	const char *user_id;
	json_t *tokens;
	int64_t certificates, keys;
};

static int add_token(void *arg, void *rec, struct err *e)
{
	const struct rec_token *token = rec;
	struct user_leaving *l = arg;
	json_t *one;

	if (!str_eq(token->user_id, l->user_id))
		return 0;
	one = rec_token_json(token);
	json_object_del(one, "id");
	json_array_append_new(l->tokens, one);
	return 0;
}

static int count_cert(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct user_leaving *l = arg;

	l->certificates += slice_eq(value[REC_cert_owner_id], slice_str(l->user_id));
	return 0;
}

static int count_key(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct user_leaving *l = arg;

	l->keys += slice_eq(value[REC_key_owner_id], slice_str(l->user_id));
	return 0;
}

int page_user_leaving(struct request *r, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	struct user_leaving l;

	if (store_read(r->webui->env->store, &t, e) < 0 || person_find(r, t, &user, e) < 0)
		return -1;
	answer = person_show_sessions(r, t, &user, e);
	if (!answer)
		return -1;
	l = (struct user_leaving){ .user_id = user.id, .tokens = json_array() };
	json_object_set_new(answer, "tokens", l.tokens);
	if (record_each(t, &rec_token_type, "", false, add_token, &l, e) < 0 ||
	    record_skim(t, &rec_cert_type, count_cert, &l, e) < 0 ||
	    record_skim(t, &rec_key_type, count_key, &l, e) < 0)
		return -1;
	json_put_int(answer, "certificates", l.certificates);
	json_put_int(answer, "keys", l.keys);
	return reply_json(r, 200, TAKE(answer));
}

static int read_password(struct user_change *c, const char *name, struct err *e)
{
	const char *given = json_str(c->body, "password");

	c->shown = !given;
	c->password = given ? xstrdup(given) : person_make_password();
	return body_at("password", person_check_password(c->password, name, e), e);
}

/* With the password in it if it was made here: this once. */
static json_t *show_change(struct txn *t, const struct user_change *c)
{
	json_t *o = person_show(t, &c->user);

	if (c->shown)
		json_put_str(o, "password", c->password);
	return o;
}

/*
 * Adding.
 */

static int made(struct request *r, const struct slice *field, struct err *e)
{
	struct user_change *c = r->state;
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_txn_ struct txn *t = NULL;

	record_set(&c->user.id, field[0].data);
	record_set_blob(&c->user.sealed, field[1]);
	if (admin_write(r, &t, e) < 0 ||
	    person_set_plan(t, &c->user, json_str(c->body, "plan"), e) < 0 || rec_user_put(t, &c->user, e) < 0 ||
	    admin_event(r, t, "user.added", c->user.id, c->user.name, e, "with the role %s", c->user.role) < 0)
		return -1;
	answer = show_change(t, c);
	return admin_commit(r, TAKE(t), false, e) < 0 ? -1 : reply_json(r, 201, TAKE(answer));
}

static int check_free(struct request *r, const char *name, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_user_by_name(t, &user, name, e) == 0)
		return err_set(e, ERR_CONFLICT, "there is a user %s already", name);
	return e->kind == ERR_MISSING ? 0 : -1;
}

int page_user_add(struct request *r, struct err *e)
{
	struct user_change *c = begin(r, e);
	const char *name = c ? json_str(c->body, "name") : NULL;
	enum role role;

	if (!c || body_at("name", name_check(name, e), e) < 0 || body_at("name", check_free(r, name, e), e) < 0 ||
	    body_at("role", role_by_word(&role, json_str(c->body, "role"), e), e) < 0 ||
	    person_check_mail(json_str(c->body, "mail"), e) < 0 || read_password(c, name, e) < 0)
		return -1;
	record_set(&c->user.name, name);
	record_set(&c->user.role, role_word(role));
	record_set(&c->user.mail, json_str(c->body, "mail"));
	c->user.created = clock_now();
	c->user.must_change = !json_bool(c->body, "keep_password", false);
	return REQUEST_ASK(r, user_new, request_proof_socket(r), made, slice_str(c->user.role), slice_str(c->password),
			   slice_str(request_proof(r)));
}

/*
 * Changing: the role through the keeper, the rest at once.
 */

static int put_change(struct request *r, struct user_change *c, struct slice sealed, struct err *e)
{
	const char *mail = json_str(c->body, "mail");
	bool disabled = json_bool(c->body, "disabled", false), enabled = json_bool(c->body, "enabled", false);
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (admin_write(r, &t, e) < 0 || person_put_sealed(t, &c->user, sealed, e) < 0 ||
	    ((c->role_changed || disabled) && person_check_not_last(t, &c->user, e) < 0) ||
	    person_set_plan(t, &c->user, json_str(c->body, "plan"), e) < 0)
		return -1;
	if (c->role_changed)
		record_set(&c->user.role, json_str(c->body, "role"));
	if (mail)
		record_set(&c->user.mail, mail);
	c->user.disabled = (c->user.disabled || disabled) && !enabled;
	if (rec_user_put(t, &c->user, e) < 0 ||
	    ((c->role_changed || disabled) && session_end_all(t, c->user.id, r->visitor.session, e) < 0) ||
	    admin_event(r, t, "user.changed", c->user.id, c->user.name, e, "role %s%s", c->user.role,
			c->user.disabled ? ", disabled" : "") < 0)
		return -1;
	answer = person_show(t, &c->user);
	return admin_commit_reply(r, TAKE(t), false, 200, answer, e);
}

static int role_sealed(struct request *r, const struct slice *field, struct err *e)
{
	return put_change(r, r->state, field[0], e);
}

static int find(struct request *r, struct user_change *c, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	return store_read(r->webui->env->store, &t, e) < 0 ? -1 : person_find(r, t, &c->user, e);
}

int page_user_set(struct request *r, struct err *e)
{
	struct user_change *c = begin(r, e);
	const char *word = c ? json_str(c->body, "role") : NULL;
	enum role role;

	if (!c || find(r, c, e) < 0 || person_check_mail(json_str(c->body, "mail"), e) < 0 ||
	    (word && body_at("role", role_by_word(&role, word, e), e) < 0))
		return -1;
	c->role_changed = word && !str_eq(word, c->user.role);
	if (!c->role_changed)
		return put_change(r, c, slice_buf(&c->user.sealed), e);
	return REQUEST_ASK(r, user_role, request_proof_socket(r), role_sealed, slice_str(c->user.id),
			   slice_buf(&c->user.sealed), slice_str(word), slice_str(request_proof(r)));
}

/*
 * A new password for somebody who has forgotten it; without the app for somebody who has lost that too.
 */

static int put_reset(struct request *r, struct user_change *c, struct slice sealed, struct err *e)
{
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_txn_ struct txn *t = NULL;

	if (admin_write(r, &t, e) < 0 || person_put_sealed(t, &c->user, sealed, e) < 0)
		return -1;
	c->user.must_change = !json_bool(c->body, "keep_password", false);
	c->user.totp = c->user.totp && !c->no_app;
	if (rec_user_put(t, &c->user, e) < 0 || lockout_unlock(t, c->user.name, e) < 0 ||
	    session_end_all(t, c->user.id, NULL, e) < 0 ||
	    admin_event(r, t, "user.reset", c->user.id, c->user.name, e, "a new password%s",
			c->no_app ? ", and the authenticator app was removed" : "") < 0)
		return -1;
	answer = show_change(t, c);
	return admin_commit(r, TAKE(t), true, e) < 0 ? -1 : reply_json(r, 200, TAKE(answer));
}

static int app_removed(struct request *r, const struct slice *field, struct err *e)
{
	return put_reset(r, r->state, field[0], e);
}

static int password_sealed(struct request *r, const struct slice *field, struct err *e)
{
	struct user_change *c = r->state;

	if (!c->no_app)
		return put_reset(r, c, field[0], e);
	return REQUEST_ASK(r, totp_remove, request_proof_socket(r), app_removed, slice_str(c->user.id), field[0],
			   slice_str(request_proof(r)));
}

int page_user_reset(struct request *r, struct err *e)
{
	struct user_change *c = begin(r, e);

	if (!c || find(r, c, e) < 0 || read_password(c, c->user.name, e) < 0)
		return -1;
	c->no_app = json_bool(c->body, "no_app", false);
	return REQUEST_ASK(r, user_password, request_proof_socket(r), password_sealed, slice_str(c->user.id),
			   slice_buf(&c->user.sealed), slice_str(c->password), slice_str(request_proof(r)),
			   slice_str(""));
}

int page_user_unlock(struct request *r, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || person_find(r, t, &user, e) < 0 ||
	    lockout_unlock(t, user.name, e) < 0 ||
	    admin_event(r, t, "user.unlocked", user.id, user.name, e, "failed sign-ins are forgotten") < 0)
		return -1;
	answer = person_show(t, &user);
	return admin_commit_reply(r, TAKE(t), true, 200, answer, e);
}

int page_user_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (admin_confirmed(r, e) < 0 || store_write(r->webui->env->store, &t, e) < 0 ||
	    person_find(r, t, &user, e) < 0 || person_check_not_last(t, &user, e) < 0 ||
	    leftover_leave(t, user.id, e) < 0 || reader_forget(t, user.id, e) < 0 ||
	    lockout_unlock(t, user.name, e) < 0 || rec_user_delete(t, user.id, e) < 0 ||
	    admin_event(r, t, "user.removed", user.id, user.name, e, "had the role %s", user.role) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 200, rec_user_json(&user));
}
