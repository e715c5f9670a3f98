#include "webui/download/consumer.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/event/history.h"
#include "webui/http/noted.h"
#include "webui/http/request.h"

#define DELAY_MS 10000
#define COMPANY_MS 1000
#define MOST 1000	/* uses kept, if the store takes nothing */

/* The same use, once or several times. */
struct use {
	char *id, *name, *address;
	const char *action;
	int slot;
	int64_t version, time, count;
};

struct consumers {
	struct webui *webui;
	struct loop *loop;
	struct store *store;
	struct timer timer;
	struct use *use;	/* in the order of their first time */
	size_t count;
};

struct consumers *consumers_new(struct webui *w)
{
	struct consumers *c = xcalloc(1, sizeof(*c));

	*c = (struct consumers){ .webui = w, .loop = w->loop, .store = w->env->store };
	return c;
}

static int put_consumer(struct txn *t, const struct use *u, struct err *e)
{
	_cleanup_(rec_consumer_release) struct rec_consumer consumer = { 0 };
	_cleanup_free_ char *id = xasprintf("%s/%d", u->id, u->slot);
	struct err why = { 0 };

	if (rec_consumer_get(t, &consumer, id, &why) < 0) {
		if (why.kind != ERR_MISSING) {
			*e = why;
			return -1;
		}
		record_set(&consumer.id, id);
	}
	consumer.time = MAX(consumer.time, u->time);
	record_set(&consumer.address, u->address);
	consumer.version = u->version;
	consumer.count += u->count;
	return rec_consumer_put(t, &consumer, e);
}

/* A certificate itself remembers which version was fetched: its status depends on that. */
static int put_fetched(struct txn *t, struct rec_cert *cert, int64_t version, struct err *e)
{
	if (cert->fetched >= version)
		return 0;
	cert->fetched = version;
	return rec_cert_put(t, cert, e);
}

/* Of what was removed meanwhile nothing but the event is left. */
static int put_use(struct txn *t, const struct use *u, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_key_release) struct rec_key key = { 0 };
	struct err why = { 0 };

	if (rec_cert_get(t, &cert, u->id, &why) == 0)
		return put_consumer(t, u, e) < 0 ? -1 : put_fetched(t, &cert, u->version, e);
	if (why.kind == ERR_MISSING && rec_key_get(t, &key, u->id, &why) == 0)
		return put_consumer(t, u, e);
	if (why.kind == ERR_MISSING)
		return 0;
	*e = why;
	return -1;
}

static int add_event(struct txn *t, const struct use *u, struct err *e)
{
	_cleanup_free_ char *actor = xasprintf("API key %d", u->slot);
	_cleanup_free_ char *times = u->count > 1 ? xasprintf(", %lld times", (long long)u->count) : xstrdup("");
	struct event_of event = {
		.actor = actor, .address = u->address, .action = u->action, .object = u->id, .name = u->name
	};

	if (!u->action)
		return 0;
	return history_add(t, &event, e, "version %lld%s", (long long)u->version, times);
}

static void use_release(struct use *u)
{
	free(u->id);
	free(u->name);
	free(u->address);
}

/* The first `count` are dealt with. */
static void forget(struct consumers *c, size_t count)
{
	for (size_t i = 0; i < count; i++)
		use_release(&c->use[i]);
	c->count -= count;
	if (c->count)
		memmove(c->use, c->use + count, c->count * sizeof(*c->use));
	else
		free(TAKE(c->use));
}

/* As many as fit into one transaction. */
static int write_some(struct consumers *c, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	size_t i = 0;

	if (store_write(c->store, &t, e) < 0)
		return -1;
	for (; i < c->count && !txn_is_large(t); i++)
		if (put_use(t, &c->use[i], e) < 0 || add_event(t, &c->use[i], e) < 0)
			return -1;
	if (txn_commit_within(TAKE(t), COMPANY_MS, e) < 0)
		return -1;
	forget(c, i);
	return 0;
}

static int write_all(struct consumers *c, struct err *e)
{
	while (c->count)
		if (write_some(c, e) < 0)
			return -1;
	return 0;
}

/*
 * With several machines the leader writes them.
 */

static json_t *note_of(const struct use *u)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:I, s:s?, s:I}", "note", CONSUMER_NOTE, "id", u->id, "slot",
			 u->slot, "name", u->name, "address", u->address, "version", (json_int_t)u->version, "action",
			 u->action, "count", (json_int_t)u->count);
}

/* What is on its way is forgotten.  True: what is left is not to be written here. */
static bool go_elsewhere(struct consumers *c)
{
	enum webui_noted noted = WEBUI_NOTE_TAKEN;
	size_t i;

	for (i = 0; i < c->count; i++) {
		noted = noted_elsewhere(c->webui, note_of(&c->use[i]));
		if (noted != WEBUI_NOTE_TAKEN)
			break;
	}
	forget(c, i);
	return noted != WEBUI_NOTE_HERE;
}

static void flush(void *arg)
{
	struct consumers *c = arg;
	uint64_t seen = store_seen(c->store);
	struct err e = { 0 };
	int failed;

	timer_stop(&c->timer);
	if (go_elsewhere(c)) {
		if (c->count)
			timer_start(&c->timer, c->loop, DELAY_MS, flush, c);
		return;
	}
	store_task(c->store, 0);	/* no request waits for it */
	failed = write_all(c, &e);
	store_task(c->store, seen);
	if (!failed)
		return;
	err_prefix(&e, "recording %zu downloads", c->count);
	log_err(e.kind == ERR_LATER ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, &e);	/* later: nobody leads now */
	timer_start(&c->timer, c->loop, DELAY_MS, flush, c);
}

static struct use *find(struct consumers *c, const struct consumer_use *of)
{
	for (size_t i = 0; i < c->count; i++) {
		struct use *u = &c->use[i];

		if (u->slot == of->slot && u->version == of->version && str_eq(u->id, of->id) &&
		    str_eq(u->address, of->address) && str_eq(u->action, of->action))
			return u;
	}
	return NULL;
}

static struct use *add(struct consumers *c, const struct consumer_use *of)
{
	struct use *u;

	c->use = xreallocarray(c->use, c->count + 1, sizeof(*c->use));
	u = &c->use[c->count++];
	*u = (struct use){
		.id = xstrdup(of->id), .name = xstrdup(of->name), .address = xstrdup(of->address),
		.action = of->action, .slot = of->slot, .version = of->version,
	};
	if (c->count == 1)
		timer_start(&c->timer, c->loop, DELAY_MS, flush, c);
	return u;
}

static void used(struct consumers *c, const struct consumer_use *of, int64_t count)
{
	struct use *u = find(c, of);

	if (!u && c->count >= MOST)
		flush(c);
	if (!u && c->count >= MOST) {
		log_warn("a download of %s by API key %d from %s is not recorded", of->name, of->slot, of->address);
		return;
	}
	if (!u)
		u = add(c, of);
	u->time = clock_now();
	u->count += count;
}

void consumers_used(struct consumers *c, const struct consumer_use *of)
{
	used(c, of, 1);
}

static const char *action_of(const json_t *note)
{
	static const char *const actions[] = { "certificate.fetched", "key.fetched" };

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (str_eq(json_str(note, "action"), actions[i]))
			return actions[i];
	return NULL;
}

void consumers_noted(struct consumers *c, const json_t *note)
{
	const struct consumer_use of = {
		.id = json_str(note, "id"),
		.slot = (int)json_int(note, "slot", 0),
		.name = json_str(note, "name"),
		.address = json_str(note, "address"),
		.version = json_int(note, "version", 0),
		.action = action_of(note),
	};

	if (of.id && of.name && of.address && of.slot)
		used(c, &of, MAX(json_int(note, "count", 1), 1));
}

bool consumers_flush(struct consumers *c)
{
	if (c->count)
		flush(c);
	return !c->count;
}

void consumers_free(struct consumers *c)
{
	if (!c)
		return;
	if (c->count)
		flush(c);
	timer_stop(&c->timer);
	forget(c, c->count);
	free(c);
}
