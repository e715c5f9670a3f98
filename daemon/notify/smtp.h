/*
 * Sending mail, by libesmtp (SMTP, RFC 5321) in a thread of its own: a slow server delays nothing else.
 *
 * One mail after the other.  The thread has its own copy of everything; what it found comes back on the loop.
 */
#ifndef DAEMON_NOTIFY_SMTP_H
#define DAEMON_NOTIFY_SMTP_H

#include "base/buf.h"
#include "base/loop.h"
#include "daemon/notify/tunnel.h"

struct mailer;
struct mailing;			/* one mail on its way */

struct mail {			/* borrowed until mail_start() returns */
	const char *host;
	int port;
	enum tunnel_tls tls;
	const char *ca_file;	/* NULL or "": the system's */
	const char *user;	/* "": without signing in */
	const char *password;
	const char *hello;	/* what we call ourselves */
	int timeout_ms;		/* for each answer */
	const char *from, *to;	/* bare addresses */
	const char *content;	/* mime_compose()'s */
};

struct mail_result {		/* valid during the callback */
	const struct err *err;	/* NULL: the server has taken it for the recipient */
	bool final;		/* the server refuses the recipient for good (5xx) */
	char **dialogue;	/* what was said, without passwords and the mail itself; the callback may TAKE() it */
};
typedef void mail_cb(void *arg, struct mail_result *);

struct mailer *mailer_new(struct loop *);
void mailer_free(struct mailer *);	/* ends what is under way, without callbacks */
/* The callback comes later, on the loop; never after mail_cancel(). */
struct mailing *mail_start(struct mailer *, const struct mail *, mail_cb *, void *arg);
void mail_cancel(struct mailing *);

#endif
