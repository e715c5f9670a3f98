#include "daemon/notify/mail_send.h"

#include <errno.h>

#include "pki/file/mailbox.h"

#define PASSWORD_MOST 1024
#define SECRET "mail.password"	/* of store/secret.def */

struct mail_sending {
	struct engine *engine;
	char *from, *to, *content;
	mail_cb *cb;
	void *arg;
	struct keeper_question *question;	/* one of these is under way */
	struct mailing *mailing;
	struct held held;
	char *password;				/* while it waits */
};

static void sending_free(struct mail_sending *s)
{
	free(s->from);
	free(s->to);
	wipe_free(s->password);
	wipe_free(s->content);	/* may have a link for a new password in it */
	free(s);
}

void mail_unsend(struct mail_sending *s)
{
	barrier_leave(&s->held);
	if (s->question)
		keeper_cancel(s->question);
	if (s->mailing)
		mail_cancel(s->mailing);
	sending_free(s);
}

static void mail_send_ended(void *arg, struct mail_result *result)
{
	struct mail_sending *s = arg;

	s->cb(s->arg, result);
	sending_free(s);
}

static enum tunnel_tls tls_of(const struct config *config)
{
	if (str_eq(config->mail_tls, "none"))
		return TUNNEL_NONE;
	return str_eq(config->mail_tls, "tls") ? TUNNEL_TLS : TUNNEL_STARTTLS;
}

static void leave(void *arg, const struct err *lost)
{
	struct mail_sending *s = arg;
	const struct config *config = s->engine->config;
	_cleanup_free_ char *server = config_hostname(config);
	struct mail mail = {
		.host = config->mail_host, .port = (int)config->mail_port, .tls = tls_of(config),
		.ca_file = config->mail_ca_file, .user = config->mail_user, .password = s->password, .hello = server,
		.timeout_ms = (int)config->mail_timeout * 1000, .from = s->from, .to = s->to, .content = s->content,
	};

	if (lost)
		mail_send_ended(s, &(struct mail_result){ .err = lost });
	else
		s->mailing = mail_start(s->engine->mailer, &mail, mail_send_ended, s);
}

static void mail_send_start(struct mail_sending *s, const char *password)
{
	s->password = password ? xstrdup(password) : NULL;
	barrier_pass(&s->engine->barrier, &s->held, leave, s);
}

/*
 * The password: of a file, else of the store.
 */

/* One line of a file; owned. */
static char *read_password(const char *path, struct err *e)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[PASSWORD_MOST] = "";
	char *password;

	if (!file || !fgets(line, sizeof(line), file)) {
		err_errno(e, ERR_CONFIG, "reading the password for mail.user in %s", path);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = '\0';
	password = xstrdup(line);
	wipe(line, sizeof(line));
	return password;
}

static void mail_send_opened(void *arg, const struct keeper_answer *a)
{
	struct mail_sending *s = arg;
	_cleanup_wipe_ char *password = NULL;

	s->question = NULL;
	if (a->err) {
		mail_send_ended(s, &(struct mail_result){ .err = a->err });
		return;
	}
	password = xstrndup(a->field[0].data, a->field[0].len);
	mail_send_start(s, password);
}

static int open_secret(struct mail_sending *s, struct err *e)
{
	_cleanup_(rec_secret_release) struct rec_secret secret = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(s->engine->store, &t, e) < 0)
		return -1;
	if (rec_secret_get(t, &secret, SECRET, e) < 0) {
		if (e->kind != ERR_MISSING)
			return -1;
		err_set(e, ERR_CONFIG, "there is no password for mail.user");
		return err_hint(e, "Store it as the secret " SECRET ", name its file in "
				   "mail.password_file, or give the systemd credential " SECRET ".");
	}
	s->question = KEEPER_ASK(s->engine->keeper, open, -1, mail_send_opened, s, slice_str(SECRET),
				 slice_buf(&secret.sealed));
	return 0;
}

static int mail_send_begin(struct mail_sending *s, struct err *e)
{
	const struct config *config = s->engine->config;
	_cleanup_free_ char *path = *config->mail_user ? config_mail_password(config) : NULL;
	_cleanup_wipe_ char *password = NULL;

	if (*config->mail_user && !path)
		return open_secret(s, e);
	if (path && !(password = read_password(path, e)))
		return -1;
	mail_send_start(s, password);
	return 0;
}

int mail_check(const struct engine *g, struct err *e)
{
	if (*g->config->mail_host && *g->config->mail_from)
		return 0;
	err_set(e, ERR_CONFIG, "no mail server is configured: mail.host and mail.from are needed");
	return err_hint(e, "See the group mail in certera.yaml(5).");
}

struct mail_sending *mail_send(struct engine *g, const char *recipient, const char *content, mail_cb *cb, void *arg,
			       struct err *e)
{
	struct mail_sending *s = xcalloc(1, sizeof(*s));

	*s = (struct mail_sending){ .engine = g, .cb = cb, .arg = arg, .content = xstrdup(content) };
	s->from = mailbox_address(g->config->mail_from, e);
	if (!s->from)
		err_prefix(e, "mail.from");
	else
		s->to = mailbox_address(recipient, e);
	if (s->to && mail_send_begin(s, e) == 0)
		return s;
	sending_free(s);
	return NULL;
}
