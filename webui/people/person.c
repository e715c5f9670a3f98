#include "webui/people/person.h"

#include "base/digest.h"
#include "pki/file/mailbox.h"
#include "webui/http/name.h"
#include "webui/http/session.h"
#include "webui/people/lockout.h"

#define PASSWORD_LEAST 12	/* characters */
#define PASSWORD_MOST 500	/* bytes; crypt(3) takes 511 */

int person_find(struct request *r, struct txn *t, struct rec_user *user, struct err *e)
{
	const char *name = params_get(&r->path, "name");

	if (name_check(name, e) < 0)
		return -1;
	if (rec_user_by_name(t, user, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "there is no user %.100s", name) : -1;
	return 0;
}

int person_self(struct request *r, struct txn *t, struct rec_user *user, struct err *e)
{
	if (!*r->visitor.session) {
		err_set(e, ERR_CONFLICT, "this needs a signed-in user");
		return err_hint(e, "Sign in to the web UI first. root on the server has no password here.");
	}
	return rec_user_get(t, user, r->visitor.user_id, e);
}

json_t *person_show(struct txn *t, const struct rec_user *user)
{
	_cleanup_(rec_plan_release) struct rec_plan plan = { 0 };
	json_t *o = rec_user_json(user);

	json_put_str(o, "plan", user->plan_id && rec_plan_get(t, &plan, user->plan_id, NULL) == 0 ? plan.name : NULL);
	lockout_put(o, t, user->name);
	return o;
}

json_t *person_show_sessions(struct request *r, struct txn *t, const struct rec_user *user, struct err *e)
{
	json_t *sessions = session_list(r, t, user->id, e), *shown;

	if (!sessions)
		return NULL;
	shown = person_show(t, user);
	json_object_set_new(shown, "sessions", sessions);
	return shown;
}

int person_check_password(const char *password, const char *name, struct err *e)
{
	size_t characters = 0, other = 0;

	for (const char *p = password; *p; p++) {
		characters += ((unsigned char)*p & 0xc0) != 0x80;
		other += *p != *password;
	}
	if (characters < PASSWORD_LEAST) {
		err_set(e, ERR_INVALID, "a password needs at least %d characters; this one has %zu", PASSWORD_LEAST,
			characters);
		return err_hint(e, "Several random words are easy to remember and hard to guess.");
	}
	if (strlen(password) > PASSWORD_MOST)
		return err_set(e, ERR_INVALID, "a password can have at most %d bytes", PASSWORD_MOST);
	if (!other || !strcasecmp(password, name))
		return err_set(e, ERR_INVALID, "this password is too easy to guess");
	return 0;
}

int person_check_mail(const char *mail, struct err *e)
{
	_cleanup_free_ char *address = mail && *mail ? mailbox_address(mail, e) : NULL;

	return !mail || !*mail || address ? 0 : err_field(e, "mail");
}

char *person_make_password(void)
{
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";	/* none is taken for another */
	struct buf out = BUF_INIT;

	for (int i = 0; i < 20; i++) {
		if (i && i % 5 == 0)
			buf_add_ch(&out, '-');
		buf_add_ch(&out, letters[random_below(sizeof(letters) - 1)]);
	}
	return buf_detach(&out);
}

int person_put_sealed(struct txn *t, struct rec_user *user, struct slice sealed, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user now = { 0 };

	if (rec_user_get(t, &now, user->id, e) < 0)
		return -1;
	if (!slice_eq(slice_buf(&now.sealed), slice_buf(&user->sealed)))
		return err_set(e, ERR_CONFLICT, "the user %s was changed at the same time: try again", now.name);
	record_set_blob(&now.sealed, sealed);
	rec_user_release(user);		/* sealed may be its own */
	*user = now;
	now = (struct rec_user){ 0 };
	return 0;
}

struct search {
	const char *but;
	bool found;
};

static int look_for_admin(void *arg, void *rec, struct err *e)
{
	const struct rec_user *user = rec;
	struct search *s = arg;

	s->found |= str_eq(user->role, role_word(ROLE_ADMIN)) && !user->disabled && !str_eq(user->id, s->but);
	return s->found;
}

int person_check_not_last(struct txn *t, const struct rec_user *user, struct err *e)
{
	struct search s = { user->id, false };

	if (!str_eq(user->role, role_word(ROLE_ADMIN)) || user->disabled)
		return 0;
	if (record_each(t, &rec_user_type, "", false, look_for_admin, &s, e) < 0)
		return -1;
	if (s.found)
		return 0;
	err_set(e, ERR_CONFLICT, "the only administrator who can sign in is %s", user->name);
	return err_hint(e, "Make a second user an administrator first.");
}

int person_set_plan(struct txn *t, struct rec_user *user, const char *name, struct err *e)
{
	_cleanup_(rec_plan_release) struct rec_plan plan = { 0 };

	if (!name)
		return 0;
	if (*name && rec_plan_by_name(t, &plan, name, e) < 0) {
		if (e->kind == ERR_MISSING)
			err_set(e, ERR_INVALID, "there is no plan %.100s", name);
		return err_field(e, "plan");
	}
	record_set(&user->plan_id, *name ? plan.id : NULL);
	return 0;
}

/*
 * Who is it?
 */

int person_ask(struct request *r, const struct rec_user *user, const char *password, const char *code,
	       answer_fn *answered)
{
	_cleanup_free_ char *after = xasprintf("%lld", user ? (long long)user->totp_step : 0);

	return REQUEST_ASK(r, user_check, -1, answered, slice_str(user ? user->id : ""),
			   user ? slice_buf(&user->sealed) : slice_str(""), slice_str(password),
			   slice_str(code ? code : ""), slice_str(after));
}

int person_ask_code(struct request *r, const struct rec_user *user, const char *half, const char *code,
		    answer_fn *answered)
{
	_cleanup_free_ char *after = xasprintf("%lld", (long long)user->totp_step);

	return REQUEST_ASK(r, user_code, -1, answered, slice_str(user->id), slice_buf(&user->sealed), slice_str(half),
			   slice_str(code), slice_str(after));
}

bool person_is_good(const struct slice *field)
{
	return str_eq(field[0].data, "1");
}

int person_checked(struct txn *t, struct rec_user *user, const struct slice *field, struct err *e)
{
	if (person_put_sealed(t, user, field[2].len ? field[2] : slice_buf(&user->sealed), e) < 0)
		return -1;
	if (field[3].len)
		user->totp_step = strtoll(field[3].data, NULL, 10);
	record_set(&user->role, field[1].data);		/* the sealed one counts */
	return 0;
}
