#include "daemon/engine/event_log.h"

#include "base/log.h"
#include "store/event/history.h"

#define AT_ONCE 200	/* lines; of more than so many at once the rest is only counted */

struct event_log {
	struct engine *engine;
	struct bell *bell;
	int64_t last;			/* number of the newest event that was said */
	struct rec_event fresh[AT_ONCE];	/* newest first */
	size_t count;
};

static int64_t number_of(const struct rec_event *event)
{
	return strtoll(event->id, NULL, 16);
}

static void copy_event(struct rec_event *to, const struct rec_event *from)
{
	record_set(&to->id, from->id);
	record_set(&to->actor, from->actor);
	record_set(&to->address, from->address);
	record_set(&to->action, from->action);
	record_set(&to->name, from->name);
	record_set(&to->message, from->message);
}

/* 1: enough. */
static int note_event(void *arg, void *rec, struct err *e)
{
	struct event_log *l = arg;

	if (number_of(rec) <= l->last || l->count == AT_ONCE)
		return 1;
	copy_event(&l->fresh[l->count++], rec);
	return 0;
}

static void say_event(struct event_log *l, struct rec_event *event)
{
	log_event(&(struct log_event){ .number = number_of(event), .action = event->action, .name = event->name,
				       .actor = event->actor, .address = event->address, .message = event->message });
	l->last = number_of(event);
	rec_event_release(event);
	*event = (struct rec_event){ 0 };
}

static void say_fresh(struct event_log *l)
{
	int64_t before = l->last;

	while (l->count > 0)
		say_event(l, &l->fresh[--l->count]);
	if (l->last - before > AT_ONCE && before)
		log_info("events: %lld more before these, see certeractl events",
			 (long long)(l->last - before - AT_ONCE));
}

static void bell_rang(void *arg)
{
	struct event_log *l = arg;
	_cleanup_txn_ struct txn *t = NULL;
	struct err e = { 0 };

	if (store_read_durable(l->engine->store, &t, &e) < 0 || history_each(t, NULL, 0, note_event, l, &e) < 0)
		return;		/* the store says itself what is wrong; it rings again */
	txn_abort(TAKE(t));
	say_fresh(l);
}

static int take_newest(void *arg, void *rec, struct err *e)
{
	struct event_log *l = arg;

	l->last = number_of(rec);
	return 1;
}

struct event_log *event_log_new(struct engine *g)
{
	struct event_log *l = xcalloc(1, sizeof(*l));
	_cleanup_txn_ struct txn *t = NULL;

	l->engine = g;
	if (store_read_durable(g->store, &t, NULL) == 0)
		history_each(t, NULL, 0, take_newest, l, NULL);
	l->bell = bell_new(g->store, g->loop, bell_rang, l);
	bell_watch(l->bell, TABLE_event, true);
	return l;
}

void event_log_free(struct event_log *l)
{
	if (!l)
		return;
	bell_free(l->bell);
	for (size_t i = 0; i < l->count; i++)
		rec_event_release(&l->fresh[i]);
	free(l);
}
