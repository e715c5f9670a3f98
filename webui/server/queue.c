/*
 * The audit log as a queue, for programs: /api/v1/events?after=NUMBER, the oldest first, which can wait for the next
 * event;
 * /api/v1/readers: how far each program is, in the store.
 */
#include "base/clock.h"
#include "store/event/history.h"
#include "store/event/reader.h"
#include "webui/http/name.h"
#include "webui/http/stream.h"
#include "webui/server/events.h"

#define WAIT_MOST 60		/* seconds */
#define LOOKED_AT_MOST 50000	/* events for one answer */
#define READERS_MOST 100	/* of one user or token */

bool queue_is_asked(const struct events_search *s)
{
	return params_get(&s->list.query, "after") || params_get(&s->list.query, "reader") ||
	       params_get(&s->list.query, "wait");
}

/* One reading on from a number. */
struct queue_reading {
	struct events_search *search;
	char **objects;		/* NULL: of any */
	json_t *events;
	int64_t after;		/* all up to this one was looked at */
	int64_t looked_at;
	bool more;		/* there is more at once */
};

static bool is_of(char *const *objects, const struct rec_event *event)
{
	return !objects || (event->object && strv_has(objects, event->object)) ||
	       (event->name && strv_has(objects, event->name));
}

static int take(void *arg, void *rec, struct err *e)
{
	struct queue_reading *q = arg;
	struct events_search *s = q->search;
	const struct rec_event *event = rec;

	if (json_array_size(q->events) == (size_t)s->list.limit || q->looked_at++ == LOOKED_AT_MOST)
		return q->more = true, 1;
	q->after = strtoll(event->id, NULL, 16);
	if (events_pass(s, event) && is_of(q->objects, event) && scope_has_id(s->list.scope, s->txn, event->object))
		json_array_append_new(q->events, events_show(event));
	return 0;
}

/* The answer; NULL: it could not be read. */
static json_t *read_on(struct request *r, struct events_search *s, struct err *e)
{
	const char *object = list_filter(&s->list, "object");
	struct queue_reading q = { .search = s, .after = s->before, .events = json_array() };
	_cleanup_txn_ struct txn *t = NULL;
	int result = store_read(r->webui->env->store, &t, e);
	json_t *answer;

	s->txn = t;
	q.objects = result == 0 && object ? events_objects(t, object) : NULL;
	if (result == 0)
		result = history_each_after(t, q.after, take, &q, e);
	strv_free(q.objects);
	if (result < 0)
		return json_decref(q.events), NULL;
	answer = json_object();
	json_object_set_new(answer, "events", q.events);
	json_put_int(answer, "after", q.after);
	json_put_bool(answer, "more", q.more);
	return answer;
}

/* For as long as there is nothing: it goes on behind what was looked at. */
static int more(struct request *r, struct buf *out)
{
	struct events_search *s = r->state;
	struct err e = { 0 };
	_cleanup_json_ json_t *answer = read_on(r, s, &e);
	_cleanup_free_ char *text = NULL;

	if (!answer)
		answer = json_problem(&e);
	else if (!json_array_size(json_object_get(answer, "events")) && !stream_is_over(r))
		return s->before = json_int(answer, "after", s->before), 0;
	text = json_write(answer);
	buf_add_str(out, text);
	return 1;
}

static int find_reader(const struct request *r, struct txn *t, const char *name, struct rec_reader *reader,
		       struct err *e)
{
	_cleanup_free_ char *id = NULL;

	if (name_check(name, e) < 0)
		return -1;
	id = reader_id(visitor_id(&r->visitor), name);
	if (rec_reader_get(t, reader, id, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "you have no reader %s", name) : -1;
	return 0;
}

/* From where: what is given, else what the reader has acknowledged; a new one begins at the beginning. */
static int find_place(struct request *r, struct events_search *s, struct err *e)
{
	_cleanup_(rec_reader_release) struct rec_reader reader = { 0 };
	const char *name = list_filter(&s->list, "reader");
	_cleanup_txn_ struct txn *t = NULL;

	if (name && (store_read(r->webui->env->store, &t, e) < 0 ||
		     (find_reader(r, t, name, &reader, e) < 0 && e->kind != ERR_MISSING)))
		return err_field(e, "reader");
	return list_read_number(&s->list.query, "after", 0, INT64_MAX, reader.acknowledged, &s->before, e);
}

int queue_reply(struct request *r, struct events_search *s, struct err *e)
{
	json_t *answer;
	int64_t wait;

	if (s->before != INT64_MAX)
		return err_set(e, ERR_USAGE, "\"before\" and \"after\" exclude each other"), err_field(e, "before");
	if (find_place(r, s, e) < 0 || list_read_number(&s->list.query, "wait", 0, WAIT_MOST, 0, &wait, e) < 0)
		return -1;
	answer = read_on(r, s, e);
	if (!answer)
		return -1;
	if (!wait || json_array_size(json_object_get(answer, "events")) || json_bool(answer, "more", false))
		return reply_json(r, 200, answer);
	s->before = json_int(answer, "after", s->before);
	json_decref(answer);
	return stream_reply_within(r, "application/json", wait * 1000, more, e);
}

/*
 * Readers.
 */

static json_t *show_reader(struct txn *t, const struct rec_reader *reader)
{
	json_t *o = rec_reader_json(reader);

	json_object_del(o, "id");
	json_put_str(o, "name", reader_name(reader));
	json_put_int(o, "behind", MAX(0, (int64_t)txn_count(t, TABLE_event) - reader->acknowledged));
	return o;
}

struct readers {
	struct txn *txn;
	json_t *list;
};

static int add_reader(void *arg, void *rec, struct err *e)
{
	const struct readers *all = arg;

	json_array_append_new(all->list, show_reader(all->txn, rec));
	return 0;
}

static json_t *list_readers(const struct request *r, struct txn *t, struct err *e)
{
	_cleanup_free_ char *prefix = reader_id(visitor_id(&r->visitor), "");
	struct readers all = { t, json_array() };

	if (record_each(t, &rec_reader_type, prefix, false, add_reader, &all, e) < 0)
		return json_decref(all.list), NULL;
	return all.list;
}

int page_readers(struct request *r, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	json_t *list, *answer;

	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	list = list_readers(r, t, e);
	if (!list)
		return -1;
	answer = json_object();
	json_object_set_new(answer, "readers", list);
	return reply_json(r, 200, answer);
}

static int read_acknowledged(const json_t *body, int64_t newest, int64_t *number, struct err *e)
{
	const char *text = json_str(body, "acknowledge");
	char *end;

	*number = strtoll(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || *number > newest)
		return body_at("acknowledge",
			       err_set(e, ERR_INVALID, "\"acknowledge\" is the number of an event, from 0 to %lld",
				       (long long)newest),
			       e);
	return 0;
}

static int begin_reader(const struct request *r, struct txn *t, const char *name, struct rec_reader *reader,
			struct err *e)
{
	_cleanup_json_ json_t *others = list_readers(r, t, e);

	if (!others)
		return -1;
	if (json_array_size(others) >= READERS_MOST) {
		err_set(e, ERR_LIMIT, "you have %d readers already", READERS_MOST);
		return err_hint(e, "Remove one that nobody uses.");
	}
	reader->id = reader_id(visitor_id(&r->visitor), name);
	reader->created = clock_now();
	record_set(&reader->created_by, r->visitor.name);
	return 0;
}

/* No event of the audit log: that would be the next to be acknowledged. */
int page_reader_set(struct request *r, struct err *e)
{
	const char *name = params_get(&r->path, "name");
	_cleanup_(rec_reader_release) struct rec_reader reader = { 0 };
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_txn_ struct txn *t = NULL;
	int64_t number;
	json_t *answer;

	if (!body || store_write(r->webui->env->store, &t, e) < 0 ||
	    read_acknowledged(body, (int64_t)txn_count(t, TABLE_event), &number, e) < 0)
		return -1;
	if (find_reader(r, t, name, &reader, e) < 0 &&
	    (e->kind != ERR_MISSING || begin_reader(r, t, name, &reader, e) < 0))
		return -1;
	reader.acknowledged = number;
	reader.updated = clock_now();
	if (rec_reader_put(t, &reader, e) < 0)
		return -1;
	answer = show_reader(t, &reader);
	return admin_commit_reply(r, TAKE(t), false, 200, answer, e);
}

int page_reader(struct request *r, struct err *e)
{
	_cleanup_(rec_reader_release) struct rec_reader reader = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_read(r->webui->env->store, &t, e) < 0 ||
	    find_reader(r, t, params_get(&r->path, "name"), &reader, e) < 0)
		return -1;
	return reply_json(r, 200, show_reader(t, &reader));
}

int page_reader_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_reader_release) struct rec_reader reader = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 ||
	    find_reader(r, t, params_get(&r->path, "name"), &reader, e) < 0 || rec_reader_delete(t, reader.id, e) < 0)
		return -1;
	answer = show_reader(t, &reader);
	return admin_commit_reply(r, TAKE(t), false, 200, answer, e);
}
