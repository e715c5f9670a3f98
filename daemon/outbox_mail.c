/* A message of the outbox as a mail. */
#include <errno.h>

#include "daemon/outbox.h"

#include "base/log.h"
#include "daemon/letter.h"
#include "daemon/mail_text.h"
#include "daemon/message.h"
#include "pki/mailbox.h"

#define PASSWORD_MOST 1024

static void mailed(void *arg, struct mail_outcome *outcome)
{
	struct delivery *d = arg;

	d->mailing = NULL;
	outbox_ended(d, outcome->err, outcome->final, TAKE(outcome->dialogue));
}

/* One line of a file; owned. */
static char *read_password(const struct config *config, struct err *e)
{
	_cleanup_free_ char *path = config_mail_password(config);
	char line[PASSWORD_MOST] = "";
	_cleanup_fclose_ FILE *file = path ? fopen(path, "re") : NULL;
	char *password;

	if (!path) {
		err_set(e, ERR_CONFIG, "there is no password for mail.user");
		err_hint(e, "Name its file in mail.password_file, or give the systemd credential mail.password.");
		return NULL;
	}
	if (!file || !fgets(line, sizeof(line), file)) {
		err_errno(e, ERR_CONFIG, "reading the password for mail.user in %s", path);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = '\0';
	password = xstrdup(line);
	wipe(line, sizeof(line));
	return password;
}

static int compose(const struct delivery *d, const char *server, struct buf *content, struct err *e)
{
	const struct config *config = d->job.engine->config;
	_cleanup_json_ json_t *letter = letter_json(&d->message, server);
	_cleanup_buf_ struct buf text = BUF_INIT, html = BUF_INIT;
	_cleanup_free_ char *subject = xasprintf("[%s] %s", d->message.level, d->message.subject);
	struct message m = {
		.from = config->mail_from, .to = d->message.recipient, .subject = subject, .key = d->message.key,
		.host = server, .time = d->message.created,
	};

	mail_text(config->notify_templates, "mail.txt", letter, &text);
	mail_text(config->notify_templates, "mail.html", letter, &html);
	m.text = buf_str(&text);
	m.html = buf_str(&html);
	return message_compose(&m, content, e);
}

static enum tunnel_tls tls_of(const struct config *config)
{
	if (str_eq(config->mail_tls, "none"))
		return TUNNEL_NONE;
	return str_eq(config->mail_tls, "tls") ? TUNNEL_TLS : TUNNEL_STARTTLS;
}

struct mailing *mail_send(struct engine *g, const char *recipient, const char *content, mail_cb *cb, void *arg,
			  struct err *e)
{
	const struct config *config = g->config;
	_cleanup_free_ char *server = outbox_server(g), *from = NULL, *to = NULL;
	_cleanup_wipe_ char *password = NULL;
	struct mail mail = {
		.host = config->mail_host, .port = (int)config->mail_port, .tls = tls_of(config),
		.ca_file = config->mail_ca_file, .user = config->mail_user, .hello = server,
		.timeout_ms = (int)config->mail_timeout * 1000,
	};

	from = mailbox_address(config->mail_from, e);
	if (!from) {
		err_prefix(e, "mail.from");
		return NULL;
	}
	to = mailbox_address(recipient, e);
	if (!to || (*config->mail_user && !(password = read_password(config, e))))
		return NULL;
	mail.from = from;
	mail.to = to;
	mail.password = password;
	mail.content = content;
	return mail_start(g->mailer, &mail, cb, arg);
}

int mail_check(const struct engine *g, struct err *e)
{
	if (*g->config->mail_host && *g->config->mail_from)
		return 0;
	err_set(e, ERR_CONFIG, "no mail server is configured: mail.host and mail.from are needed");
	return err_hint(e, "See the group mail in certera.yaml(5).");
}

static int start(struct delivery *d, struct err *e)
{
	_cleanup_free_ char *server = outbox_server(d->job.engine), *from = NULL;
	_cleanup_buf_ struct buf content = BUF_INIT;

	if (mail_check(d->job.engine, e) < 0)
		return -1;
	from = mailbox_address(d->job.engine->config->mail_from, e);
	if (!from)
		return err_prefix(e, "mail.from");
	if (compose(d, server, &content, e) < 0)
		return -1;
	d->mailing = mail_send(d->job.engine, d->message.recipient, buf_str(&content), mailed, d, e);
	return d->mailing ? 0 : -1;
}

void mail_out(struct delivery *d)
{
	struct err why = { 0 };

	if (start(d, &why) < 0)
		outbox_ended(d, &why, false, NULL);
}
