/* /api/v1/me: one's own account here: password, codes, sessions. */
#include "webui/http/session.h"
#include "webui/notify/channel.h"
#include "webui/page/zone_choice.h"
#include "webui/people/person.h"
#include "webui/people/qr.h"

#define ISSUER "Certera"

struct me_changing {
	struct rec_user user;	/* as it was when the keeper was asked */
	bool other_sessions;	/* end with the change */
	const char *action, *said;	/* for the event */
};

static void changing_release(void *state)
{
	rec_user_release(&((struct me_changing *)state)->user);
}

/* The user, who has just given the password. */
static struct me_changing *begin(struct request *r, struct err *e)
{
	struct me_changing *c = request_state(r, sizeof(*c), changing_release);
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 || person_self(r, t, &c->user, e) < 0 ||
	    admin_confirmed(r, e) < 0)
		return NULL;
	return c;
}

int page_me(struct request *r, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_read(r->webui->env->store, &t, e) < 0 || person_self(r, t, &user, e) < 0)
		return -1;
	answer = person_show_sessions(r, t, &user, e);
	if (!answer)
		return -1;
	channel_put_own(r, answer, t, &user);
	zone_put_choices(r, answer);
	json_put_bool(answer, "server_mails", r->webui->settings->mail);
	json_put_str(answer, "csrf", r->visitor.csrf);
	json_put_bool(answer, "confirmed", *r->visitor.proof);
	json_put_bool(answer, "app_required", r->webui->settings->app_required);
	return reply_json(r, 200, answer);
}

/*
 * The keeper made another blob: it is put, with what else has changed.
 */

static int put(struct request *r, struct me_changing *c, struct slice sealed,
	       void (*change)(struct rec_user *, const struct slice *field), const struct slice *field, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (admin_write(r, &t, e) < 0 || person_put_sealed(t, &c->user, sealed, e) < 0)
		return -1;
	change(&c->user, field);
	if (rec_user_put(t, &c->user, e) < 0 ||
	    (c->other_sessions && session_end_all(t, c->user.id, r->visitor.session, e) < 0) ||
	    admin_event(r, t, c->action, c->user.id, c->user.name, e, "%s", c->said) < 0)
		return -1;
	return admin_commit(r, TAKE(t), false, e);
}

static void changed_password(struct rec_user *user, const struct slice *field)
{
	user->must_change = false;
}

static int password_made(struct request *r, const struct slice *field, struct err *e)
{
	struct me_changing *c = r->state;

	c->action = "user.password";
	c->said = "changed; all other sessions have ended";
	c->other_sessions = true;
	return put(r, c, field[0], changed_password, field, e) < 0 ? -1 : reply_json(r, 200, json_object());
}

int page_me_password(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	struct me_changing *c = body ? begin(r, e) : NULL;
	const char *password = json_str(body, "new");

	if (!c || body_at("new", person_check_password(password, c->user.name, e), e) < 0)
		return -1;
	return REQUEST_ASK(r, user_password, -1, password_made, slice_str(c->user.id), slice_buf(&c->user.sealed),
			   slice_str(password), slice_str(request_proof(r)), slice_str("1"));
}

/*
 * Codes of an app.
 */

static void add_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if ((*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
		    (*text >= 'a' && *text <= 'z') || strchr("-._", *text))
			buf_add_ch(out, *text);
		else
			buf_addf(out, "%%%02X", (unsigned char)*text);
	}
}

/* What apps read: the secret as a URL, and that as a picture. */
static json_t *show_secret(struct request *r, const char *name, const char *secret)
{
	_cleanup_buf_wipe_ struct buf uri = BUF_INIT, grouped = BUF_INIT;
	json_t *o = json_object();

	buf_add_str(&uri, "otpauth://totp/" ISSUER "%20");
	add_escaped(&uri, r->webui->settings->hostname);
	buf_add_ch(&uri, ':');
	add_escaped(&uri, name);
	buf_addf(&uri, "?secret=%s&issuer=" ISSUER "%%20", secret);
	add_escaped(&uri, r->webui->settings->hostname);
	for (size_t i = 0; secret[i]; i++)
		buf_addf(&grouped, "%s%c", i && i % 4 == 0 ? " " : "", secret[i]);
	json_put_str(o, "secret", secret);
	json_put_str(o, "typed", buf_str(&grouped));
	json_put_str(o, "uri", buf_str(&uri));
	json_object_set_new(o, "qr", qr_svg(buf_str(&uri)));
	return o;
}

static void changed_pending(struct rec_user *user, const struct slice *field)
{
	record_set_blob(&user->totp_pending, field[1]);
}

static int secret_made(struct request *r, const struct slice *field, struct err *e)
{
	struct me_changing *c = r->state;

	c->action = "user.app";
	c->said = "the setup of an authenticator app began";
	if (put(r, c, slice_buf(&c->user.sealed), changed_pending, field, e) < 0)
		return -1;
	return reply_json(r, 200, show_secret(r, c->user.name, field[0].data));
}

int page_totp_new(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	struct me_changing *c = body ? begin(r, e) : NULL;

	if (!c)
		return -1;
	return REQUEST_ASK(r, totp_new, -1, secret_made, slice_str(c->user.id), slice_buf(&c->user.sealed),
			   slice_str(request_proof(r)));
}

static int check_pending(const struct me_changing *c, struct err *e)
{
	if (c->user.totp_pending.len)
		return 0;
	return err_set(e, ERR_CONFLICT, "no authenticator app is being set up");
}

static int secret_shown(struct request *r, const struct slice *field, struct err *e)
{
	struct me_changing *c = r->state;

	return reply_json(r, 200, show_secret(r, c->user.name, field[0].data));
}

int page_totp(struct request *r, struct err *e)
{
	struct me_changing *c = begin(r, e);

	if (!c || check_pending(c, e) < 0)
		return -1;
	return REQUEST_ASK(r, totp_show, -1, secret_shown, slice_str(c->user.id), slice_buf(&c->user.sealed),
			   slice_buf(&c->user.totp_pending), slice_str(request_proof(r)));
}

static json_t *show_codes(struct slice text)
{
	_cleanup_strv_ char **codes = strv_split(text.data, "\n");
	json_t *o = json_object();

	json_put_strv(o, "recovery_codes", codes);
	return o;
}

static void changed_app(struct rec_user *user, const struct slice *field)
{
	buf_release(&user->totp_pending);
	user->totp = true;
	user->totp_step = strtoll(field[1].data, NULL, 10);
}

static int app_confirmed(struct request *r, const struct slice *field, struct err *e)
{
	struct me_changing *c = r->state;

	c->action = "user.app";
	c->said = "signing in now takes a code from the authenticator app";
	return put(r, c, field[0], changed_app, field, e) < 0 ? -1 : reply_json(r, 200, show_codes(field[2]));
}

int page_totp_confirm(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	struct me_changing *c = body ? begin(r, e) : NULL;

	if (!c || check_pending(c, e) < 0)
		return -1;
	return REQUEST_ASK(r, totp_confirm, -1, app_confirmed, slice_str(c->user.id), slice_buf(&c->user.sealed),
			   slice_buf(&c->user.totp_pending), slice_str(json_str(body, "code")),
			   slice_str(request_proof(r)));
}

static void changed_no_app(struct rec_user *user, const struct slice *field)
{
	buf_release(&user->totp_pending);
	user->totp = false;
}

static int app_removed(struct request *r, const struct slice *field, struct err *e)
{
	struct me_changing *c = r->state;

	c->action = "user.app";
	c->said = "signing in now takes only the password";
	return put(r, c, field[0], changed_no_app, field, e) < 0 ? -1 : reply_json(r, 200, json_object());
}

static int check_optional(const struct request *r, struct err *e)
{
	if (!r->webui->settings->app_required)
		return 0;
	err_set(e, ERR_CONFLICT, "this server requires an authenticator app (session.app is required)");
	return err_hint(e, "To use a new phone, replace the authenticator.");
}

int page_totp_remove(struct request *r, struct err *e)
{
	struct me_changing *c = begin(r, e);

	if (!c || check_optional(r, e) < 0)
		return -1;
	return REQUEST_ASK(r, totp_remove, -1, app_removed, slice_str(c->user.id), slice_buf(&c->user.sealed),
			   slice_str(request_proof(r)));
}

static void changed_nothing(struct rec_user *user, const struct slice *field)
{
}

static int codes_made(struct request *r, const struct slice *field, struct err *e)
{
	struct me_changing *c = r->state;

	c->action = "user.recovery_codes";
	c->said = "new codes; the old ones no longer work";
	return put(r, c, field[0], changed_nothing, field, e) < 0 ? -1 : reply_json(r, 200, show_codes(field[1]));
}

int page_recovery(struct request *r, struct err *e)
{
	struct me_changing *c = begin(r, e);

	if (!c)
		return -1;
	return REQUEST_ASK(r, recovery_new, -1, codes_made, slice_str(c->user.id), slice_buf(&c->user.sealed),
			   slice_str(request_proof(r)));
}

/*
 * Sessions.
 */

int page_sessions_end(struct request *r, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || person_self(r, t, &user, e) < 0 ||
	    session_end_all(t, user.id, r->visitor.session, e) < 0 ||
	    admin_event(r, t, "user.signed_out", user.id, user.name, e, "everywhere else") < 0 ||
	    admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	return reply_json(r, 200, json_object());
}

int page_session_end(struct request *r, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_(rec_session_release) struct rec_session session = { 0 };
	const char *id = params_get(&r->path, "id");
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || person_self(r, t, &user, e) < 0)
		return -1;
	if (strlen(id) > 60 || rec_session_get(t, &session, id, e) < 0 || !str_eq(session.user_id, user.id))
		return err_set(e, ERR_MISSING, "this session does not exist");
	if (session_end(t, id, e) < 0 ||
	    admin_event(r, t, "user.signed_out", user.id, user.name, e, "from %s", session.address) < 0 ||
	    admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	return reply_json(r, 200, rec_session_json(&session));
}
