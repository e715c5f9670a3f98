/* /api/v1/outbox: messages that wait for delivery, were delivered, or given up. */
#include "base/clock.h"
#include "base/digest.h"
#include "store/alert.h"
#include "webui/admin.h"
#include "webui/name.h"

#define SHOWN 200
#define SHOWN_MOST 10000
#define KEY_BYTES 16

static json_t *read_or_null(const char *text)
{
	json_t *value = text && *text ? json_read(text, strlen(text), NULL) : NULL;

	return value ? value : json_null();
}

static json_t *show_message(const struct rec_outbox *m, const char *channel)
{
	json_t *o = rec_outbox_json(m);

	json_object_del(o, "id");
	json_put_str(o, "channel", channel);
	json_put_int(o, "number", outbox_number(m->id));
	return o;
}

struct listing {
	struct txn *txn;
	const char *state;
	char *channel_id, *channel;	/* the last one that was looked up */
	struct listed {
		int64_t created;
		json_t *shown;
	} *item;
	size_t count;
	int64_t most;
};

static void look_up_channel(struct listing *l, const char *outbox_id)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_free_ char *id = outbox_channel_id(outbox_id);

	if (str_eq(id, l->channel_id))
		return;
	if (rec_channel_get(l->txn, &channel, id, NULL) == 0)
		record_set(&l->channel, channel.name);
	free(l->channel_id);
	l->channel_id = TAKE(id);
}

static int list_one(void *arg, void *rec, struct err *e)
{
	const struct rec_outbox *m = rec;
	struct listing *l = arg;

	if (l->state && !str_eq(l->state, m->state))
		return 0;
	look_up_channel(l, m->id);
	l->item = xreallocarray(l->item, l->count + 1, sizeof(*l->item));
	l->item[l->count++] = (struct listed){ m->created, show_message(m, l->channel) };
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct listed *one = a, *other = b;

	if (one->created != other->created)
		return one->created < other->created ? 1 : -1;
	return 0;
}

/* The newest of all channels; frees what was collected. */
static json_t *put_in_order(struct listing *l)
{
	json_t *list = json_array();

	if (l->count)
		qsort(l->item, l->count, sizeof(*l->item), newest_first);
	for (size_t i = 0; i < l->count; i++) {
		if ((int64_t)i < l->most)
			json_array_append(list, l->item[i].shown);
		json_decref(l->item[i].shown);
	}
	free(l->item);
	free(l->channel);
	free(l->channel_id);
	return list;
}

static int read_query(struct request *r, struct params *query, struct listing *l, struct err *e)
{
	static const char *const known[] = { "state", "channel", "limit", NULL };
	static const char *const states[] = { OUTBOX_QUEUED, OUTBOX_SENT, OUTBOX_DEAD, OUTBOX_DIGESTED };
	const char *limit;
	bool found = false;
	char *end = NULL;

	if (admin_query(r, query, known, e) < 0)
		return -1;
	l->state = params_get(query, "state");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		found |= str_eq(states[i], l->state);
	if (l->state && !found)
		return err_set(e, ERR_USAGE, "state=%.40s is not understood; it is queued, sent, dead or digested", l->state);
	limit = params_get(query, "limit");
	l->most = limit ? strtoll(limit, &end, 10) : SHOWN;
	if (limit && (!*limit || *end || l->most < 1 || l->most > SHOWN_MOST))
		return err_set(e, ERR_USAGE, "limit=%.40s is not understood; it is a number from 1 to %d", limit, SHOWN_MOST);
	return 0;
}

/* Newest first; of all channels, or of ?channel=NAME. */
int page_outbox(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *prefix = NULL;
	struct listing l = { 0 };
	json_t *answer, *list;
	const char *name;
	int failed;

	if (read_query(r, &query, &l, e) < 0 || store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	l.txn = t;
	name = params_get(&query, "channel");
	if (name && (name_check(name, e) < 0 || rec_channel_by_name(t, &channel, name, e) < 0))
		return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "there is no channel %s", name) : -1;
	prefix = name ? xasprintf("%s/", channel.id) : xstrdup("");
	failed = record_each(t, &rec_outbox_type, prefix, true, list_one, &l, e);
	list = put_in_order(&l);
	answer = json_pack("{s:o}", "messages", list);
	if (failed == 0)
		return reply_json(r, 200, answer);
	json_decref(answer);
	return -1;
}

/* The one that /:name/:number of the path means. */
static int find_message(struct request *r, struct txn *t, struct rec_channel *channel, struct rec_outbox *m, struct err *e)
{
	const char *name = params_get(&r->path, "name"), *text = params_get(&r->path, "number");
	_cleanup_free_ char *id = NULL;
	char *end;
	long long number = strtoll(text, &end, 10);

	if (name_check(name, e) < 0)
		return -1;
	if (rec_channel_by_name(t, channel, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "there is no channel %s", name) : -1;
	if (!*text || *end || number < 1)
		return err_set(e, ERR_USAGE, "\"%.40s\" is not the number of a message", text);
	id = record_child_id(channel->id, number);
	if (rec_outbox_get(t, m, id, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "channel %s has no message %lld (any more)", name, number) : -1;
	return 0;
}

int page_message(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_(rec_outbox_release) struct rec_outbox m = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *o;

	if (store_read(r->webui->env->store, &t, e) < 0 || find_message(r, t, &channel, &m, e) < 0)
		return -1;
	o = show_message(&m, channel.name);
	json_object_set_new(o, "facts", read_or_null(m.facts));
	json_object_set_new(o, "items", read_or_null(m.items));
	json_put_strv(o, "dialogue", m.dialogue);
	return reply_json(r, 200, o);
}

/* Once more, at once.  What was delivered gets another key: who has seen the old one would drop it. */
int page_message_resend(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_(rec_outbox_release) struct rec_outbox m = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || find_message(r, t, &channel, &m, e) < 0)
		return -1;
	if (m.sent) {
		free(m.key);
		m.key = random_hex(KEY_BYTES);
	}
	record_set(&m.state, OUTBOX_QUEUED);
	m.queued = m.next_at = clock_now();
	m.tries = m.sent = 0;
	m.urgent = true;
	if (rec_outbox_put(t, &m, e) < 0 || agenda_set(t, channel_agenda(&channel), m.id, m.queued, e) < 0 ||
	    admin_event(t, "message.resent", channel.id, channel.name, e, "message %lld", (long long)outbox_number(m.id)) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 202, show_message(&m, channel.name));
}

int page_message_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_(rec_outbox_release) struct rec_outbox m = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || find_message(r, t, &channel, &m, e) < 0 ||
	    rec_outbox_delete(t, m.id, e) < 0 || agenda_delete(t, channel_agenda(&channel), m.id, e) < 0 ||
	    admin_event(t, "message.removed", channel.id, channel.name, e, "message %lld, %s", (long long)outbox_number(m.id),
			m.state) < 0 || admin_commit(r, TAKE(t), false, e) < 0)
		return -1;
	return reply_json(r, 200, json_object());
}
