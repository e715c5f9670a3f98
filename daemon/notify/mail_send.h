/* A mail with what is configured: the server, who signs in there, and the password from wherever it is kept. */
#ifndef DAEMON_NOTIFY_MAIL_SEND_H
#define DAEMON_NOTIFY_MAIL_SEND_H

#include "daemon/engine/engine.h"
#include "daemon/notify/smtp.h"

struct mail_sending;

/* -1: the configuration is not enough to send any, and e says what is missing. */
int mail_check(const struct engine *, struct err *);
/*
 * content: mime_compose()'s.  The callback comes later, also when it fails; never after mail_unsend().  NULL: it
 * cannot be sent, and e says why.
 */
struct mail_sending *mail_send(struct engine *, const char *recipient, const char *content, mail_cb *, void *arg,
			       struct err *);
void mail_unsend(struct mail_sending *);

#endif
