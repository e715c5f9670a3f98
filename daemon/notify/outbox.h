/*
 * Delivering what alerts have put into the outbox.
 *
 * Each message has a row of the agenda: when it is tried (again), and when it is done with, when it is forgotten.  A
 * try under way at a crash is due at the next start, with the same key; so nothing is lost, and what comes twice can be
 * told by it.
 */
#ifndef DAEMON_NOTIFY_OUTBOX_H
#define DAEMON_NOTIFY_OUTBOX_H

#include "daemon/engine/engine.h"
#include "daemon/notify/mail_send.h"
#include "store/notify/alert.h"

struct fetch;

/* One try.  Private to outbox.c and to the two ways out. */
struct delivery {
	struct job job;
	struct rec_outbox message;	/* as of the begin; reread before it is changed */
	struct rec_channel channel;
	struct mail_sending *mailing;	/* at most one of these is under way */
	struct fetch *fetch;
	struct keeper_question *question;
	char *url, *body, *signature;	/* of a webhook; the URL is a secret */
};

/* Begins; outbox_ended() may come from inside. */
void mail_out(struct delivery *);
void post_out(struct delivery *);
/*
 * The try is over: delivered (NULL), or not.  final: there is no use in another one.
 * dialogue: what was said; taken.
 */
void outbox_ended(struct delivery *, const struct err *why, bool final, char **dialogue);
/* Our name, as messages have it; owned. */
char *outbox_server(const struct engine *);

/*
 * Ids of two messages of one channel?  Those go one after the other: so a slow channel does not take the place of
 * others, and a crash doubles one message at most.
 */
bool outbox_same_channel(const char *id, const char *other);

int outbox_due(struct engine *, const struct agenda_row *, struct err *);

#endif
