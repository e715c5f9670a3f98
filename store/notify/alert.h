/*
 * Alerts: what people are told of without asking.  alert.def has them all.
 *
 * A channel may be somebody's own: it tells what this user may know, who with a plan is told only of what is his.
 *
 * alert_raise() is the only way in.  It writes one message a recipient of each channel that wants the alert, and a row
 * of the agenda for each, into the transaction that makes the change: whatever happens then, the messages go out, and
 * without the change there are none.  The engine delivers them (daemon/notify/outbox.c); who raises one outside of it
 * wakes it.
 */
#ifndef STORE_NOTIFY_ALERT_H
#define STORE_NOTIFY_ALERT_H

#include "base/days.h"
#include "store/agenda.h"
#include "store/record/record.h"

enum alert {
#define ALERT(word, level, by_default, title, todo) ALERT_##word,
#include "store/notify/alert.def"
#undef ALERT
	ALERTS
};

enum alert_level { ALERT_LEVEL_info, ALERT_LEVEL_warning, ALERT_LEVEL_error, ALERT_LEVELS };

enum channel_kind {
#define CHANNEL(word, takes, doc) CHANNEL_##word,
#include "store/notify/channel.def"
#undef CHANNEL
	CHANNEL_KINDS
};

/* Of a message, in its field state. */
#define OUTBOX_QUEUED "queued"		/* to be tried (again) at next_at */
#define OUTBOX_SENT "sent"		/* the other side has taken it, and only then */
#define OUTBOX_DEAD "dead"		/* given up; a person can have it sent again */
#define OUTBOX_DIGESTED "digested"	/* part of another message */

struct alert_of {		/* all borrowed */
	const char *object, *name;	/* id and name of what it is about */
	bool staging;			/* of a certificate for testing: never more than info */
	const json_t *facts;		/* an object of texts that people should see beside the sentence; may be NULL */
	const char *owner_id;		/* the user whose it is; NULL, "": nobody's in particular */
	char *const *contacts;		/* addresses that are told of it, too (own_channel.h); NULL: none */
	const struct alert_passed *passed;	/* of ALERT_expiring; NULL: for all channels */
};
/* Which thresholds have been passed since people were last told: days before the end, in [from, below). */
struct alert_passed {
	int64_t from, below;
	const struct days *configured;	/* of channels without their own */
};
/* In the transaction of the change; the sentence is whole, with its full stop. */
int alert_raise(struct txn *, enum alert, const struct alert_of *, struct err *, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
/* The same about a certificate, with what the record knows of it as facts. */
int alert_raise_cert(struct txn *, enum alert, const struct rec_cert *, struct err *, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
/* A certificate comes near its end: to channels with a threshold that has been passed. */
int alert_raise_expiring(struct txn *, const struct rec_cert *, const struct alert_passed *, const char *text,
			 struct err *);
/* The row of AGENDA_expiry that has all certificates planned again: a channel has other thresholds. */
#define ALERT_ALL_CERTS "all"
/* The thresholds of all channels, and the configured ones. */
int alert_thresholds(struct txn *, const struct days *configured, struct days *, struct err *);
/* The same about an account. */
int alert_raise_account(struct txn *, enum alert, const struct rec_account *, struct err *, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
/* An error as whole sentences: what, in the other side's words, what to do; owned. */
char *alert_sentences(const struct err *);
/* To this channel alone, and at once; none of it is tried twice. */
int alert_test(struct txn *, struct rec_channel *, struct err *);

/* A list of addresses that is no mailing list has an end. */
#define CHANNEL_RECIPIENTS_MOST 100
int channel_check_recipients(const struct rec_channel *, struct err *);

const char *alert_word(enum alert);
const char *alert_title(enum alert);			/* behind the name of what it is about */
const char *alert_todo(enum alert);
bool alert_by_default(enum alert);
int alert_by_word(const char *, struct err *);			/* -1: there is no such */
const char *alert_level_word(enum alert_level);
int alert_level_by_word(const char *, struct err *);

const char *channel_kind_word(enum channel_kind);
int channel_kind_by_word(const char *, struct err *);
bool channel_takes_url(enum channel_kind);
bool channel_wants(const struct rec_channel *, enum alert, enum alert_level);
/* The kind of row that has this channel's messages delivered. */
enum agenda_kind channel_agenda(const struct rec_channel *);

#endif
