#include "webui/download/used.h"

#include "base/net.h"
#include "store/event/history.h"
#include "store/record/record.h"
#include "webui/http/handler.h"

#define EVENTS_MOST 3000
#define SLOTS 2
#define ACTOR "API key "		/* of events of downloads; begins the sentence of one that is replaced, too */

struct uses {
	json_t *list;
	int slot, events;
	bool over[SLOTS + 1];		/* this key was made here: what is older was done with the one before */
};

/* 1 or 2; 0: it is none. */
static int slot_of(const char *text)
{
	int slot = text && str_starts(text, ACTOR) ? text[strlen(ACTOR)] - '0' : 0;

	return slot >= 1 && slot <= SLOTS ? slot : 0;
}

static json_t *find(json_t *list, int slot, const char *address)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		if (json_int(one, "slot", 0) == slot && str_eq(json_str(one, "address"), address))
			return one;
	return NULL;
}

static void add(struct uses *u, int slot, const struct rec_event *event, int64_t version)
{
	json_t *one = find(u->list, slot, event->address);

	if (!slot || (u->slot && slot != u->slot) || u->over[slot])
		return;
	if (!one) {
		one = json_object();
		json_put_int(one, "slot", slot);
		json_put_str(one, "address", event->address);
		json_put_int(one, "version", version);
		json_put_time(one, "time", event->time);
		json_put_bool(one, "with_key", false);
		json_array_append_new(u->list, one);
	}
	if (str_ends(event->action, "key_fetched") || str_eq(event->action, "key.fetched"))
		json_put_bool(one, "with_key", true);
}

static int look(void *arg, void *rec, struct err *e)
{
	const struct rec_event *event = rec;
	struct uses *u = arg;
	long long version = 0;

	if (str_ends(event->action, ".apikey"))
		u->over[slot_of(event->message)] = true;
	else if (str_ends(event->action, "fetched") && sscanf(event->message, "version %lld", &version) == 1)
		add(u, slot_of(event->actor), event, version);
	return ++u->events >= EVENTS_MOST || json_array_size(u->list) >= USED_MOST;
}

/* The last use of a key is written down without an event if nothing new was fetched. */
static int refresh(struct txn *t, const char *id, int slot, json_t *list, struct err *e)
{
	_cleanup_(rec_consumer_release) struct rec_consumer last = { 0 };
	_cleanup_free_ char *child = xasprintf("%s/%d", id, slot);
	json_t *one;

	if (rec_consumer_get(t, &last, child, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	one = find(list, slot, last.address);
	if (one) {
		json_put_int(one, "version", last.version);
		json_put_time(one, "time", last.time);
	}
	return 0;
}

json_t *used_list(struct txn *t, const char *id, int slot, struct err *e)
{
	struct uses u = { .list = json_array(), .slot = slot };
	struct err none = { 0 };
	int failed = history_each(t, id, 0, look, &u, e) < 0;

	for (int one = 1; one <= SLOTS && !failed; one++)
		failed = refresh(t, id, one, u.list, &none) < 0;
	if (!failed)
		return u.list;
	if (err_is_set(&none))
		*e = none;
	json_decref(u.list);
	return NULL;
}

int used_put(json_t *o, struct txn *t, const char *id, const char *slot, struct err *e)
{
	int number = str_eq(slot, "1") ? 1 : str_eq(slot, "2") ? 2 : 0;
	json_t *used, *other;

	if (!number)
		return err_set(e, ERR_USAGE, "the API keys are 1 and 2, not %.40s", slot);
	used = used_list(t, id, number, e);
	other = used ? used_list(t, id, SLOTS + 1 - number, e) : NULL;
	json_put_int(o, "slot", number);
	json_put_str(o, "purpose", admin_api_key_purpose(number));
	json_put_int(o, "other_slot", SLOTS + 1 - number);
	json_put_str(o, "other_purpose", admin_api_key_purpose(SLOTS + 1 - number));
	json_object_set_new(o, "used", used ? used : json_null());
	json_object_set_new(o, "other_used", other ? other : json_null());
	return other ? 0 : -1;
}
