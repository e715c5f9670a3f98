/* A message of the outbox as a mail. */
#include "daemon/outbox.h"

#include "daemon/letter.h"
#include "daemon/mail_text.h"
#include "daemon/message.h"

static void mailed(void *arg, struct mail_outcome *outcome)
{
	struct delivery *d = arg;

	d->mailing = NULL;
	outbox_ended(d, outcome->err, outcome->final, TAKE(outcome->dialogue));
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

static int start(struct delivery *d, struct err *e)
{
	_cleanup_free_ char *server = outbox_server(d->job.engine);
	_cleanup_buf_ struct buf content = BUF_INIT;

	if (mail_check(d->job.engine, e) < 0 || compose(d, server, &content, e) < 0)
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
