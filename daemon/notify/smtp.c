#include "daemon/notify/smtp.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <auth-client.h>
#include <libesmtp.h>

#include "base/encode.h"
#include "base/words.h"

#define DIALOGUE_MOST 200	/* lines */
#define LINE_MOST 500
#define MASK "***"

enum phase { PHASE_COMMANDS, PHASE_AUTH, PHASE_CONTENT };

struct mailing {
	struct mailer *mailer;
	struct mailing *next;
	mail_cb *cb;
	void *arg;
	bool cancelled;		/* under mailer->mutex */
	int stop_fd;

	struct mail mail;	/* its texts are owned */
	enum phase phase;	/* of the dialogue */
	struct err err;
	bool final;
	char **dialogue;
};

struct mailer {
	struct loop *loop;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct mailing *queue, *running, *posted;	/* posted: their callbacks are on their way */
	bool ending;
};

static void mailing_free(struct mailing *m)
{
	free((char *)m->mail.host);
	free((char *)m->mail.ca_file);
	free((char *)m->mail.user);
	wipe_free((char *)m->mail.password);
	free((char *)m->mail.hello);
	free((char *)m->mail.from);
	free((char *)m->mail.to);
	free((char *)m->mail.content);
	strv_free(m->dialogue);
	close(m->stop_fd);
	free(m);
}

/*
 * The dialogue, as a person may see it.
 */

static void smtp_note(void *arg, const char *line)
{
	struct mailing *m = arg;
	_cleanup_free_ char *text = words_line(line, LINE_MOST);

	if (strv_len(m->dialogue) < DIALOGUE_MOST)
		strv_add(&m->dialogue, text);
}

static void note_sent(struct mailing *m, const char *line)
{
	_cleanup_free_ char *shown = NULL;

	if (!strncasecmp(line, "AUTH ", 5)) {
		m->phase = PHASE_AUTH;
		shown = xasprintf("> AUTH %.*s %s", (int)strcspn(line + 5, " "), line + 5, MASK);
	} else if (m->phase == PHASE_AUTH) {
		shown = xstrdup("> " MASK);
	} else {
		shown = xasprintf("> %s", line);
	}
	smtp_note(m, shown);
}

static void note_received(struct mailing *m, const char *line)
{
	_cleanup_free_ char *shown = xasprintf("< %s", line);

	if (str_starts(line, "354"))
		m->phase = PHASE_CONTENT;
	else if (!str_starts(line, "334"))	/* an exchange of AUTH goes on */
		m->phase = PHASE_COMMANDS;
	smtp_note(m, shown);
}

/* Some lines, or a part of the mail itself, which is left out. */
static void monitor(const char *data, int len, int writing, void *arg)
{
	struct mailing *m = arg;
	_cleanup_wipe_ char *text = xstrndup(data, (size_t)MAX(len, 0));
	_cleanup_strv_ char **lines = NULL;

	if (writing != SMTP_CB_READING && m->phase == PHASE_CONTENT)
		return;
	lines = strv_split(text, "\r\n");
	for (size_t i = 0; i < strv_len(lines); i++)
		if (writing == SMTP_CB_READING)
			note_received(m, lines[i]);
		else
			note_sent(m, lines[i]);
}

/*
 * One mail, in the thread.
 */

static int answer_auth(auth_client_request_t request, char **result, int fields, void *arg)
{
	const struct mailing *m = arg;

	for (int i = 0; i < fields; i++) {
		if (request[i].flags & AUTH_PASS)
			result[i] = (char *)m->mail.password;
		else if (request[i].flags & AUTH_USER)
			result[i] = (char *)m->mail.user;
		else
			result[i] = NULL;
	}
	return 1;
}

static void set_timeouts(smtp_session_t session, long ms)
{
	static const int kinds[] = { Timeout_GREETING, Timeout_ENVELOPE, Timeout_DATA, Timeout_TRANSFER,
				     Timeout_DATA2 };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		smtp_set_timeout(session, kinds[i] | Timeout_OVERRIDE_RFC2822_MINIMUM, ms);
}

/* What a reply of the server says, on one line. */
static void smtp_refused(struct mailing *m, const char *what, const smtp_status_t *status)
{
	_cleanup_free_ char *text = xstrdup(status->text ? status->text : "");
	char enhanced[48] = "";

	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	if (status->enh_class)
		snprintf(enhanced, sizeof(enhanced), "%d.%d.%d ", status->enh_class, status->enh_subject,
			 status->enh_detail);
	err_set(&m->err, ERR_PROTOCOL, "%s port %d refused %s: %d %s%.200s", m->mail.host, m->mail.port, what,
		status->code, enhanced, text);
	err_code(&m->err, "refused");
}

/* The last thing the server said that was no success: libesmtp does not tell why signing in failed. */
static const char *last_refusal(const struct mailing *m)
{
	for (size_t i = strv_len(m->dialogue); i > 0; i--) {
		const char *line = m->dialogue[i - 1];

		if (str_starts(line, "< ") && (line[2] == '4' || line[2] == '5') && isdigit((unsigned char)line[3]))
			return line + 2;
	}
	return NULL;
}

static void smtp_failed(struct mailing *m)
{
	const char *said = last_refusal(m);
	int number = smtp_errno();
	char text[200] = "";

	if (said)
		err_set(&m->err, ERR_PROTOCOL, "%s port %d refused: %.300s", m->mail.host, m->mail.port, said);
	else
		err_set(&m->err, number == SMTP_ERR_CLIENT_ERROR ? ERR_TIMEOUT : ERR_NETWORK,
			"talking to %s port %d: %s",
			m->mail.host, m->mail.port, smtp_strerror(number, text, sizeof(text)));
}

/* Only a 2xx for the mail behind its content, and for its recipient, is a success. */
static void smtp_judge(struct mailing *m, int started, smtp_message_t message, smtp_recipient_t recipient)
{
	const smtp_status_t *sender = smtp_reverse_path_status(message), *to = smtp_recipient_status(recipient),
			    *all = smtp_message_transfer_status(message);

	if (started && to && to->code / 100 == 2 && all && all->code / 100 == 2)
		return;
	if (to && to->code / 100 >= 4) {
		_cleanup_free_ char *who = xasprintf("the recipient %s", m->mail.to);

		smtp_refused(m, who, to);
		m->final = to->code / 100 == 5;
	} else if (sender && sender->code / 100 >= 4) {
		smtp_refused(m, "the sender", sender);
	} else if (all && all->code / 100 >= 4) {
		smtp_refused(m, "the mail", all);
	} else {
		smtp_failed(m);
	}
}

static void talk(struct mailing *m, int port)
{
	smtp_session_t session = smtp_create_session();
	smtp_message_t message = smtp_add_message(session);
	smtp_recipient_t recipient = smtp_add_recipient(message, m->mail.to);
	auth_context_t auth = *m->mail.user ? auth_create_context() : NULL;
	char server[32];

	snprintf(server, sizeof(server), "127.0.0.1:%d", port);
	smtp_set_server(session, server);
	smtp_set_hostname(session, m->mail.hello);
	smtp_set_monitorcb(session, monitor, m, 0);
	smtp_starttls_enable(session, Starttls_DISABLED);
	set_timeouts(session, m->mail.timeout_ms);
	smtp_set_reverse_path(message, m->mail.from);
	smtp_set_message_str(message, (char *)m->mail.content);
	if (auth) {
		auth_set_mechanism_flags(auth, AUTH_PLUGIN_PLAIN, 0);
		auth_set_interact_cb(auth, answer_auth, m);
		smtp_auth_set_context(session, auth);
	}
	smtp_judge(m, smtp_start_session(session), message, recipient);
	smtp_destroy_session(session);
	if (auth)
		auth_destroy_context(auth);
}

static void deliver(struct mailing *m)
{
	const struct mail *mail = &m->mail;
	struct tunnel_options options = {
		.host = mail->host,
		.port = mail->port,
		.tls = mail->tls,
		.ca_file = mail->ca_file,
		.hello = mail->hello,
		.timeout_ms = mail->timeout_ms,
		.stop_fd = m->stop_fd,
		.note = smtp_note,
		.arg = m,
	};
	struct tunnel *tunnel = tunnel_open(&options, &m->err);
	struct err broken = { 0 };

	if (!tunnel)
		return;
	talk(m, tunnel_port(tunnel));
	tunnel_close(tunnel, &broken);
	if (err_is_set(&m->err) && !m->err.code[0] && err_is_set(&broken))
		m->err = broken;	/* says more than "dropped connection" */
}

/*
 * The thread and the loop.
 */

static void smtp_tell(void *arg)
{
	struct mailing *m = arg, **link;
	struct mail_result result = { .err = err_is_set(&m->err) ? &m->err : NULL, .final = m->final };
	bool cancelled;

	pthread_mutex_lock(&m->mailer->mutex);
	for (link = &m->mailer->posted; *link != m; link = &(*link)->next)
		;
	*link = m->next;
	cancelled = m->cancelled;
	pthread_mutex_unlock(&m->mailer->mutex);
	result.dialogue = TAKE(m->dialogue);
	if (!cancelled)
		m->cb(m->arg, &result);
	strv_free(result.dialogue);
	mailing_free(m);
}

static void *smtp_run(void *arg)
{
	struct mailer *mailer = arg;

	auth_client_init();
	pthread_mutex_lock(&mailer->mutex);
	while (!mailer->ending) {
		struct mailing *m = mailer->queue;

		if (!m) {
			pthread_cond_wait(&mailer->changed, &mailer->mutex);
			continue;
		}
		mailer->queue = m->next;
		mailer->running = m;
		pthread_mutex_unlock(&mailer->mutex);
		deliver(m);
		pthread_mutex_lock(&mailer->mutex);
		mailer->running = NULL;
		m->next = mailer->posted;
		mailer->posted = m;
		loop_post(mailer->loop, smtp_tell, m);
	}
	pthread_mutex_unlock(&mailer->mutex);
	auth_client_exit();
	return NULL;
}

struct mailer *mailer_new(struct loop *loop)
{
	struct mailer *mailer = xcalloc(1, sizeof(*mailer));

	mailer->loop = loop;
	pthread_mutex_init(&mailer->mutex, NULL);
	pthread_cond_init(&mailer->changed, NULL);
	if (pthread_create(&mailer->thread, NULL, smtp_run, mailer))
		die("no thread can be started");
	return mailer;
}

/* Ends all waits of its delivery. */
static void smtp_stop(struct mailing *m)
{
	uint64_t one = 1;

	if (write(m->stop_fd, &one, sizeof(one)) < 0)
		die("an eventfd cannot be written: %m");
}

static void free_list(struct mailing *m)
{
	while (m) {
		struct mailing *next = m->next;

		mailing_free(m);
		m = next;
	}
}

void mailer_free(struct mailer *mailer)
{
	if (!mailer)
		return;
	pthread_mutex_lock(&mailer->mutex);
	mailer->ending = true;
	if (mailer->running)
		smtp_stop(mailer->running);
	pthread_cond_signal(&mailer->changed);
	pthread_mutex_unlock(&mailer->mutex);
	pthread_join(mailer->thread, NULL);
	free_list(mailer->queue);
	free_list(mailer->posted);	/* the loop turns no more */
	pthread_cond_destroy(&mailer->changed);
	pthread_mutex_destroy(&mailer->mutex);
	free(mailer);
}

static char *copy(const char *text)
{
	return xstrdup(text ? text : "");
}

struct mailing *mail_start(struct mailer *mailer, const struct mail *mail, mail_cb *cb, void *arg)
{
	struct mailing *m = xcalloc(1, sizeof(*m)), **last;

	*m = (struct mailing){ .mailer = mailer, .cb = cb, .arg = arg, .mail = *mail };
	m->mail.host = copy(mail->host);
	m->mail.ca_file = copy(mail->ca_file);
	m->mail.user = copy(mail->user);
	m->mail.password = copy(mail->password);
	m->mail.hello = copy(mail->hello);
	m->mail.from = copy(mail->from);
	m->mail.to = copy(mail->to);
	m->mail.content = copy(mail->content);
	m->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->stop_fd < 0)
		die("no eventfd: %m");
	pthread_mutex_lock(&mailer->mutex);
	for (last = &mailer->queue; *last; last = &(*last)->next)
		;
	*last = m;
	pthread_cond_signal(&mailer->changed);
	pthread_mutex_unlock(&mailer->mutex);
	return m;
}

void mail_cancel(struct mailing *m)
{
	struct mailer *mailer = m->mailer;
	struct mailing **link;
	bool queued;

	pthread_mutex_lock(&mailer->mutex);
	m->cancelled = true;
	for (link = &mailer->queue; *link && *link != m; link = &(*link)->next)
		;
	queued = *link;
	if (queued)
		*link = m->next;
	else
		smtp_stop(m);
	pthread_mutex_unlock(&mailer->mutex);
	if (queued)
		mailing_free(m);
}
