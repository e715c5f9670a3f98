/*
 * Somebody has forgotten the password.  The row's id is first that of a caller (record.def), which says what name was
 * typed; if a user has it, another row follows, with the user's id.  What is in the link is made here, when the mail is
 * written, and only its hash is stored; each try makes another one.
 */
#include "daemon/notify/forgot.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "daemon/notify/mail_send.h"
#include "daemon/notify/mime.h"
#include "daemon/notify/outbox.h"
#include "store/event/history.h"

#define GOOD_FOR 1800		/* seconds */
#define TRY_AGAIN 300
#define TRY_FOR 3600
#define TOKEN_BYTES 32

struct forgot {
	struct job job;
	struct mail_sending *mailing;
	struct rec_user user;
	char *token;		/* NULL: there is no app, so no link */
};

static void forgot_free(struct forgot *f)
{
	if (f->mailing)
		mail_unsend(f->mailing);
	rec_user_release(&f->user);
	wipe_free(f->token);
	free(f);
}

static void forgot_cancel(struct job *job)
{
	forgot_free((struct forgot *)job);
}

/* The front has not looked whether there is such a user, so that it takes as long for all names. */
static int find_user(struct txn *t, const struct agenda_row *row, struct err *e)
{
	_cleanup_(rec_caller_release) struct rec_caller caller = { 0 };
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	struct event_of event = { .actor = "nobody", .action = "user.forgot" };

	if (agenda_delete(t, row->kind, row->id, e) < 0)
		return -1;
	if (rec_caller_get(t, &caller, row->id, e) < 0 || !caller.name || rec_user_by_name(t, &user, caller.name,
											   e) < 0)
		return e->kind == ERR_MISSING || !caller.name ? 0 : -1;
	user.forgot = clock_now();
	event.address = caller.address;
	event.object = user.id;
	event.name = user.name;
	if (rec_user_put(t, &user, e) < 0 || agenda_set(t, AGENDA_forgot, user.id, user.forgot, e) < 0)
		return -1;
	return history_add(t, &event, e, "a mail for a new password was asked for");
}

/* 1: a mail is to be written; 0: the row is dealt with. */
static int forgot_prepare(struct forgot *f, struct txn *t, const struct agenda_row *row, struct err *e)
{
	struct rec_user *user = &f->user;
	int64_t now = clock_now();

	if (strchr(row->id, '/'))
		return find_user(t, row, e);
	if (rec_user_get(t, user, row->id, e) < 0)
		return e->kind == ERR_MISSING ? agenda_delete(t, row->kind, row->id, e) : -1;
	if (user->disabled || !user->mail || !*user->mail || user->forgot + TRY_FOR <= now)
		return agenda_delete(t, row->kind, row->id, e);
	if (user->totp) {
		f->token = random_text(TOKEN_BYTES);
		free(user->reset_id);
		user->reset_id = sha256_text(f->token);
		user->reset_until = now + GOOD_FOR;
	}
	if (rec_user_put(t, user, e) < 0 || agenda_set(t, row->kind, row->id, now + TRY_AGAIN, e) < 0)
		return -1;
	return 1;
}

static char *write_text(const struct forgot *f, const struct config *config, const char *server)
{
	int number = config->listen_https.count ? address_port(&config->listen_https.item[0]) : 443;
	_cleanup_free_ char *port = number == 443 ? xstrdup("") : xasprintf(":%d", number);

	if (!f->token)
		return xasprintf("Someone asked for a new password for %s on %s.\n\n"
				 "You have no authenticator app, so you cannot change the password by e-mail: "
				 "ask an administrator.\n", f->user.name, server);
	return xasprintf(
		"Someone asked for a new password for %s on %s.\n\n"
		"If this was you, open this link within half an hour. You also need your authenticator app:\n\n"
		"https://%s%s/reset?token=%s.%s\n\n"
		"If this was not you, ignore this e-mail. Your password did not change.\n",
		f->user.name, server, server, port, f->user.id, f->token);
}

static int compose(const struct forgot *f, struct buf *content, struct err *e)
{
	const struct engine *g = f->job.engine;
	_cleanup_free_ char *server = outbox_server(g), *key = random_hex(16);
	_cleanup_wipe_ char *text = write_text(f, g->config, server);
	struct mime_message m = {
		.from = g->config->mail_from, .to = f->user.mail, .subject = "A new password", .text = text, .key = key,
		.host = server, .time = clock_now(),
	};

	return mime_compose(&m, content, e);
}

/* Sent, or for good not to be: the row goes. */
static int forgot_finish(struct forgot *f, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(f->job.engine->store, &t, e) < 0 || agenda_delete(t, AGENDA_forgot, f->user.id, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void mailed(void *arg, struct mail_result *result)
{
	struct forgot *f = arg;
	struct engine *g = f->job.engine;
	struct err e = { 0 };

	f->mailing = NULL;
	if (result->err)
		log_warn("the mail for a new password of %s: %s", f->user.name, result->err->message);
	if ((!result->err || result->final) && forgot_finish(f, &e) < 0)
		engine_hold(g, &e);
	engine_end(&f->job);
	forgot_free(f);
}

static void forgot_begin(struct forgot *f)
{
	_cleanup_buf_wipe_ struct buf content = BUF_INIT;
	struct err e = { 0 };

	if (mail_check(f->job.engine, &e) == 0 && compose(f, &content, &e) == 0)
		f->mailing = mail_send(f->job.engine, f->user.mail, buf_str(&content), mailed, f, &e);
	if (f->mailing)
		return;
	log_warn("the mail for a new password of %s: %s", f->user.name, e.message);
	engine_end(&f->job);
	forgot_free(f);
}

int forgot_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct forgot *f = xcalloc(1, sizeof(*f));
	_cleanup_txn_ struct txn *t = NULL;
	int go = store_write(g->store, &t, e);

	if (go == 0)
		go = forgot_prepare(f, t, row, e);
	if (go >= 0 && txn_commit(TAKE(t), e) < 0)
		go = -1;
	if (go <= 0) {
		if (go == 0)	/* there may be the user's row now */
			engine_wake(g);
		forgot_free(f);
		return go;
	}
	engine_begin(g, &f->job, row, forgot_cancel);
	forgot_begin(f);
	return 0;
}
