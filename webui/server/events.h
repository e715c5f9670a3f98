/* What a search of the audit log and the queue of events have in common. */
#ifndef WEBUI_SERVER_EVENTS_H
#define WEBUI_SERVER_EVENTS_H

#include "webui/list/list.h"

struct events_search {
	struct list list; /* for its query, and list_filter() */
	struct txn *txn;
	int64_t before, since, until;
	const char *actor, *action, *class;
	char *text; /* in lower case */
	bool filtered;
	int64_t looked_at;
	int64_t oldest;  /* number of the last event that was looked at */
	bool ended;      /* there was no older one */
	int64_t *number; /* of those found */
	size_t count, room;
};

/* Does the event pass the filters, but that of an object? */
bool events_pass(const struct events_search *, const struct rec_event *);
/* The name that is asked for, and the ids of what has it now. */
char **events_objects(struct txn *, const char *name);
json_t *events_show(const struct rec_event *);

/* queue.c: is it forward that is asked for, as a program reads a queue?  Then its answer. */
bool queue_is_asked(const struct events_search *);
int queue_reply(struct request *, struct events_search *, struct err *);

#endif
