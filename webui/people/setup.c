/*
 * /api/v1/setup: from nothing to the first certificate.  What comes after the first administrator is in setup_steps.c.
 */
#include "webui/people/setup.h"

#include "base/clock.h"
#include "webui/http/name.h"
#include "webui/http/session.h"
#include "webui/people/person.h"

#define MARK "setup"		/* in the store: how far it is */
#define MARK_ADMIN "admin"	/* somebody can sign in */
#define MARK_DONE "done"

static bool is_mark(struct txn *t, const char *mark)
{
	struct slice value;

	return txn_get(t, TABLE_meta, slice_str(MARK), &value, NULL) > 0 && slice_eq(value, slice_str(mark));
}

static int put_mark(struct txn *t, const char *mark, struct err *e)
{
	return txn_put(t, TABLE_meta, slice_str(MARK), slice_str(mark), e);
}

bool setup_open(struct txn *t)
{
	return !txn_count(t, TABLE_user) && !is_mark(t, MARK_ADMIN) && !is_mark(t, MARK_DONE);
}

bool setup_is_open(struct request *r)
{
	_cleanup_txn_ struct txn *t = NULL;

	return store_read(r->webui->env->store, &t, NULL) == 0 && setup_open(t);
}

bool setup_is_under_way(struct request *r)
{
	_cleanup_txn_ struct txn *t = NULL;

	return store_read(r->webui->env->store, &t, NULL) == 0 && is_mark(t, MARK_ADMIN);
}

int page_root(struct request *r, struct err *e)
{
	if (r->visitor.role == ROLE_ANYONE)
		return reply_see_other(r, "/sign-in");
	return reply_see_other(r, r->visitor.role == ROLE_ADMIN && setup_is_under_way(r) ? SETUP_PATH : "/overview");
}

static int over(struct err *e)
{
	return err_set(e, ERR_MISSING, "this page does not exist");
}

/*
 * The first administrator.
 */

struct setup_first {
	struct rec_user user;
	char *password;
};

static void first_release(void *state)
{
	struct setup_first *f = state;

	rec_user_release(&f->user);
	wipe_free(f->password);
}

static int reply_user(struct request *r, const struct setup_first *f)
{
	json_t *o = rec_user_json(&f->user);

	json_put_str(o, "csrf", r->visitor.csrf);
	return reply_json(r, 201, o);
}

static int signed_in(struct request *r, const struct slice *field, struct err *e)
{
	struct setup_first *f = r->state;
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 ||
	    session_begin(r, t, &f->user, field[PERSON_FIELD_PROOF], e) < 0 || admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_user(r, f);
}

static int put_first(struct request *r, struct setup_first *f, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (admin_write(r, &t, e) < 0)
		return -1;
	if (!setup_open(t))
		return over(e);
	if (!*r->visitor.name)
		snprintf(r->visitor.name, sizeof(r->visitor.name), "%s", f->user.name);
	if (rec_user_put(t, &f->user, e) < 0 || put_mark(t, MARK_ADMIN, e) < 0 ||
	    admin_event(r, t, "user.added", f->user.id, f->user.name, e, "the first administrator") < 0)
		return -1;
	return admin_commit(r, TAKE(t), false, e);
}

static int made(struct request *r, const struct slice *field, struct err *e)
{
	struct setup_first *f = r->state;

	record_set(&f->user.id, field[0].data);
	record_set_blob(&f->user.sealed, field[1]);
	if (put_first(r, f, e) < 0)
		return -1;
	return r->visitor.admin ? reply_user(r, f) : person_ask(r, &f->user, f->password, "", signed_in);
}

int page_setup_begin(struct request *r, struct err *e)
{
	struct setup_first *f = request_state(r, sizeof(*f), first_release);
	_cleanup_body_ json_t *body = NULL;
	const char *token;

	if (!setup_is_open(r))
		return over(e);
	body = body_read(r, e);
	if (!body || body_at("name", name_check(json_str(body, "name"), e), e) < 0 ||
	    body_at("password", person_check_password(json_str(body, "password"), json_str(body, "name"), e), e) < 0)
		return -1;
	if (person_check_mail(json_str(body, "mail"), e) < 0)
		return -1;
	token = json_str(body, "token");
	record_set(&f->user.name, json_str(body, "name"));
	record_set(&f->user.mail, json_str(body, "mail"));
	record_set(&f->user.role, role_word(ROLE_ADMIN));
	f->user.created = clock_now();
	f->password = xstrdup(json_str(body, "password"));
	return REQUEST_ASK(r, user_new, request_proof_socket(r), made, slice_str(f->user.role), slice_str(f->password),
			   slice_str(r->visitor.admin ? request_proof(r) : token ? token : ""));
}

/*
 * The page.
 */

static int show_begin(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	json_t *answer;

	if (request_query(r, &query, e) < 0)
		return -1;
	answer = json_object();
	setup_put_steps(answer, SETUP_ADMIN, SETUP_ADMIN);
	json_put_str(answer, "hostname", r->webui->settings->hostname);
	json_put_str(answer, "token", params_get(&query, "token"));
	return reply_json(r, 200, answer);
}

int page_setup(struct request *r, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (setup_open(t))
		return show_begin(r, e);
	if (!is_mark(t, MARK_ADMIN))
		return over(e);
	if (r->visitor.role == ROLE_ANYONE)
		return err_set(e, ERR_AUTH, "sign in first");
	return r->visitor.role == ROLE_ADMIN ? setup_show_next(r, t, e) : over(e);
}

/* POST /certificates, which shows API keys; the first certificate is this server's own, and the next step follows. */
int page_setup_certificate(struct request *r, struct err *e)
{
	return setup_is_under_way(r) ? page_cert_add(r, e) : over(e);
}

int page_setup_done(struct request *r, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0)
		return -1;
	if (!is_mark(t, MARK_ADMIN))
		return over(e);
	if (put_mark(t, MARK_DONE, e) < 0 ||
	    admin_event(r, t, "setup.done", NULL, "setup", e, "the first steps are done") < 0 ||
	    admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	return reply_json(r, 200, json_object());
}
