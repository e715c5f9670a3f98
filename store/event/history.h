/*
 * The audit log.  Events are numbered from 1 without gaps; each carries the SHA-256 of its predecessor's
 * chain value and its own fields, so that a changed, removed or inserted event is found.
 */
#ifndef STORE_EVENT_HISTORY_H
#define STORE_EVENT_HISTORY_H

#include "store/record/record.h"

struct event_of {		/* all borrowed; NULL reads as "" */
	const char *actor, *address, *action, *object, *name;
	const char *subclass;		/* history_subclass() */
};

enum event_class {
#define EVENT_CLASS(word, class, subclass, doc) EVENT_##word,
#include "store/event/event_class.def"
#undef EVENT_CLASS
	EVENT_CLASSES
};
const char *history_subclass(enum event_class);		/* "RENEW_FAILED" */
const char *history_class(const char *subclass);	/* "CERTIFICATE_RENEW"; NULL: there is no such subclass */
bool history_is_class(const char *word);		/* or a subclass */
/* The issue of a certificate, before its record says so: its first, one with a new key or other names, or a renewal. */
const char *history_issue_subclass(struct txn *, const struct rec_cert *, bool successful);

/* Adds an event to the transaction that makes the change. */
int history_add(struct txn *, const struct event_of *, struct err *, const char *fmt, ...) PRINTF_LIKE(4, 5);
/*
 * Events, newest first, of one object (or all if NULL), with numbers below `before` (0: from the newest).  Object is
 * an id, or a name: then they are those of all that had it at the time.
 * fn is given a struct rec_event, as in record_each().
 */
int history_each(struct txn *, const char *object, int64_t before, record_each_fn *fn, void *arg, struct err *);
/* All events with numbers above `after`, the oldest first. */
int history_each_after(struct txn *, int64_t after, record_each_fn *fn, void *arg, struct err *);
/* The name that an object had in its newest event; NULL: there is none.  Owned. */
char *history_name(struct txn *, const char *object);
/*
 * Walks the whole chain and counts it, and looks at the seal.  -1 and the number of the first bad event in the message.
 */
int history_verify(struct txn *, int64_t *events, struct err *);

/*
 * The keeper seals the newest event now and then: who writes the store without it can neither shorten the log nor write
 * all of it anew.
 */
#define HISTORY_HEAD_SIZE 40	/* the number of an event as 8 bytes, and its chain value */
#define HISTORY_MAC_SIZE 32
struct history_seal {
	unsigned char head[HISTORY_HEAD_SIZE], mac[HISTORY_MAC_SIZE];
};
/* The newest event; 1, or 0: there is none. */
int history_head(struct txn *, unsigned char head[HISTORY_HEAD_SIZE], struct err *);
/* The last seal; 1, or 0: there is none.  It must be of an event of this log: -1 and ERR_STORAGE if not. */
int history_seal_get(struct txn *, struct history_seal *, struct err *);
int history_seal_put(struct txn *, const struct history_seal *, struct err *);

#endif
