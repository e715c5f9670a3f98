/* /api/v1/forgot, /api/v1/reset: another password by mail, for who has an app for codes. */
#include "base/clock.h"
#include "base/digest.h"
#include "store/event/history.h"
#include "webui/http/name.h"
#include "webui/http/session.h"
#include "webui/people/lockout.h"
#include "webui/people/person.h"

#define BETWEEN 600		/* seconds between two mails for one user */

static int check_mail(const struct request *r, struct err *e)
{
	if (r->webui->settings->mail)
		return 0;
	err_set(e, ERR_MISSING, "this server sends no mail");
	return err_hint(e, "Ask an administrator for a new password.");
}

static int add_event(const struct request *r, struct txn *t, const struct rec_user *user, const char *action,
		     const char *said, struct err *e)
{
	const struct event_of event = {
		.actor = "nobody", .address = r->from, .action = action, .object = user->id, .name = user->name,
	};

	return history_add(t, &event, e, "%s", said);
}

/* Who has the name, if anybody, is found out by the engine (notify/forgot.c). */
static int ask_for_mail(struct request *r, const char *name, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	int first;

	if (name_check(name, NULL) < 0)
		return 0;
	if (store_write(r->webui->env->store, &t, e) < 0)
		return -1;
	first = lockout_forgot(r, t, name, BETWEEN, e);
	return first <= 0 ? first : admin_commit(r, TAKE(t), true, e);
}

/* The same answer, after the same work, whether there is such a user or not. */
int page_forgot(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	json_t *answer;

	if (!body || check_mail(r, e) < 0 || ask_for_mail(r, json_str(body, "name"), e) < 0)
		return -1;
	answer = json_object();
	json_put_bool(answer, "asked", true);
	return reply_json(r, 202, answer);
}

int page_forgot_form(struct request *r, struct err *e)
{
	return check_mail(r, e) < 0 ? -1 : reply_json(r, 200, json_object());
}

int page_reset_form(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	json_t *page;

	if (request_query(r, &query, e) < 0)
		return -1;
	page = json_object();
	json_put_str(page, "token", params_get(&query, "token"));
	return reply_json(r, 200, page);
}

/*
 * The link, a code and the new password.
 */

struct resetting {
	struct rec_user user;
};

static void resetting_release(void *state)
{
	rec_user_release(&((struct resetting *)state)->user);
}

static int not_good(struct err *e)
{
	err_set(e, ERR_DENIED, "the link is invalid or expired");
	return err_hint(e, "Request a new link.");
}

/* "id.secret" */
static int find_by_token(struct request *r, const char *token, struct rec_user *user, struct err *e)
{
	_cleanup_free_ char *id = xstrndup(token, MIN(strcspn(token, "."), 40)), *digest = NULL;
	const char *secret = strchr(token, '.');
	_cleanup_txn_ struct txn *t = NULL;

	if (!secret || !*id)
		return not_good(e);
	digest = sha256_text(secret + 1);
	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (rec_user_get(t, user, id, e) < 0)
		return e->kind == ERR_MISSING ? not_good(e) : -1;
	return !user->disabled && user->reset_until > clock_now() && str_eq(digest, user->reset_id) ? 0 : not_good(e);
}

static int recovered(struct request *r, const struct slice *field, struct err *e)
{
	struct resetting *s = r->state;
	_cleanup_txn_ struct txn *t = NULL;

	if (!person_is_good(field)) {
		err_set(e, ERR_INVALID, "the code is wrong");
		return err_field(e, "code");
	}
	if (store_write(r->webui->env->store, &t, e) < 0 || person_put_sealed(t, &s->user, field[1], e) < 0)
		return -1;
	if (field[2].len)
		s->user.totp_step = strtoll(field[2].data, NULL, 10);
	record_set(&s->user.reset_id, NULL);
	s->user.reset_until = 0;
	s->user.must_change = false;
	if (rec_user_put(t, &s->user, e) < 0 || session_end_all(t, s->user.id, NULL, e) < 0 ||
	    lockout_unlock(t, s->user.name, e) < 0 ||
	    add_event(r, t, &s->user, "user.reset", "new password, by e-mail link and code; all sessions have ended",
		      e) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 200, json_object());
}

int page_reset(struct request *r, struct err *e)
{
	struct resetting *s = request_state(r, sizeof(*s), resetting_release);
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_free_ char *after = NULL;
	const char *password;

	if (!body || find_by_token(r, json_str(body, "token"), &s->user, e) < 0)
		return -1;
	password = json_str(body, "password");
	if (body_at("password", person_check_password(password, s->user.name, e), e) < 0)
		return -1;
	after = xasprintf("%lld", (long long)s->user.totp_step);
	return REQUEST_ASK(r, user_recover, -1, recovered, slice_str(s->user.id), slice_buf(&s->user.sealed),
			   slice_str(password), slice_str(json_str(body, "code")), slice_str(after));
}
