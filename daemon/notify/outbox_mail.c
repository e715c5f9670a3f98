/* A message of the outbox as a mail. */
#include "daemon/notify/outbox.h"

#include "daemon/notify/alert_json.h"
#include "daemon/notify/mail_text.h"
#include "daemon/notify/mime.h"

static void mailed(void *arg, struct mail_result *result)
{
	struct delivery *d = arg;

	d->mailing = NULL;
	outbox_ended(d, result->err, result->final, TAKE(result->dialogue));
}

static int compose(const struct delivery *d, const char *server, struct buf *content, struct err *e)
{
	const struct config *config = d->job.engine->config;
	_cleanup_json_ json_t *alert = alert_json(&d->message, server);
	_cleanup_buf_ struct buf text = BUF_INIT, html = BUF_INIT;
	_cleanup_free_ char *subject = xasprintf("[%s] %s", d->message.level, d->message.subject);
	struct mime_message m = {
		.from = config->mail_from, .to = d->message.recipient, .subject = subject, .key = d->message.key,
		.host = server, .time = d->message.created,
	};

	json_put_str(alert, "note", config->notify_note);
	mail_text(config->notify_templates, "mail.txt", alert, &text);
	mail_text(config->notify_templates, "mail.html", alert, &html);
	m.text = buf_str(&text);
	m.html = buf_str(&html);
	m.file_name = d->message.file_name;
	m.file = slice_buf(&d->message.file);
	return mime_compose(&m, content, e);
}

static int outbox_mail_start(struct delivery *d, struct err *e)
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

	if (outbox_mail_start(d, &why) < 0)
		outbox_ended(d, &why, false, NULL);
}
