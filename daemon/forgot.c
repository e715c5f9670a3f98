/*
 * Somebody has forgotten the password: the row's id is the user's.  What is in the link is made here, when the mail is
 * written, and only its hash is stored; each try makes another one.
 */
#include "daemon/forgot.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"
#include "daemon/mail_send.h"
#include "daemon/message.h"
#include "daemon/outbox.h"

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

static char *make_token(void)
{
	unsigned char bytes[TOKEN_BYTES];
	char *text;

	random_bytes(bytes, sizeof(bytes));
	text = base64url_str(bytes, sizeof(bytes));
	wipe(bytes, sizeof(bytes));
	return text;
}

static char *digest_of(const char *token)
{
	unsigned char hash[SHA256_SIZE];

	sha256(token, strlen(token), hash);
	return base64url_str(hash, sizeof(hash));
}

/* 1: a mail is to be written; 0: the row is dealt with. */
static int prepare(struct forgot *f, struct txn *t, const struct agenda_row *row, struct err *e)
{
	struct rec_user *user = &f->user;
	int64_t now = clock_now();

	if (rec_user_get(t, user, row->id, e) < 0)
		return e->kind == ERR_MISSING ? agenda_delete(t, row->kind, row->id, e) : -1;
	if (user->disabled || !user->mail || !*user->mail || user->forgot + TRY_FOR <= now)
		return agenda_delete(t, row->kind, row->id, e);
	if (user->totp) {
		f->token = make_token();
		free(user->reset_id);
		user->reset_id = digest_of(f->token);
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
		return xasprintf("Somebody has asked for a new password for %s on %s.\n\n"
				 "You have set up no app for codes, so it cannot be changed by mail: "
				 "ask an administrator.\n", f->user.name, server);
	return xasprintf("Somebody has asked for a new password for %s on %s.\n\n"
			 "If it was you, open this within half an hour and have your app for codes at hand:\n\n"
			 "https://%s%s/reset?token=%s.%s\n\n"
			 "If not, nothing has happened; your password is good as before.\n",
			 f->user.name, server, server, port, f->user.id, f->token);
}

static int compose(const struct forgot *f, struct buf *content, struct err *e)
{
	const struct engine *g = f->job.engine;
	_cleanup_free_ char *server = outbox_server(g), *key = random_hex(16);
	_cleanup_wipe_ char *text = write_text(f, g->config, server);
	struct message m = {
		.from = g->config->mail_from, .to = f->user.mail, .subject = "A new password", .text = text, .key = key,
		.host = server, .time = clock_now(),
	};

	return message_compose(&m, content, e);
}

/* Sent, or for good not to be: the row goes. */
static int finish(struct forgot *f, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(f->job.engine->store, &t, e) < 0 || agenda_delete(t, AGENDA_forgot, f->user.id, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

static void mailed(void *arg, struct mail_outcome *outcome)
{
	struct forgot *f = arg;
	struct engine *g = f->job.engine;
	struct err e = { 0 };

	f->mailing = NULL;
	if (outcome->err)
		log_warn("the mail for a new password of %s: %s", f->user.name, outcome->err->message);
	if ((!outcome->err || outcome->final) && finish(f, &e) < 0)
		engine_hold(g, &e);
	engine_end(&f->job);
	forgot_free(f);
}

static void begin(struct forgot *f)
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
		go = prepare(f, t, row, e);
	if (go >= 0 && txn_commit(TAKE(t), e) < 0)
		go = -1;
	if (go <= 0) {
		forgot_free(f);
		return go;
	}
	engine_begin(g, &f->job, row, forgot_cancel);
	begin(f);
	return 0;
}
