/* /api/v1/events: the audit log, newest first; all of it, or what passes the filters, as JSON or CSV. */
#include "base/csv.h"
#include "base/encode.h"
#include "store/event/history.h"
#include "webui/http/name.h"
#include "webui/server/events.h"

#define NUMBER_TEXT 17       /* an event's id: its number as 16 hex digits, and NUL */
#define LOOKED_AT_MOST 50000 /* events for one answer: some 30 ms */

static void search_release(void *state)
{
	struct events_search *s = state;

	params_release(&s->list.query);
	free(s->text);
	free(s->number);
}

/*
 * What is asked for.
 */

/* Whoever waits for events of a class that there is not would wait for ever. */
static int read_class(struct events_search *s, struct err *e)
{
	s->class = list_filter(&s->list, "class");
	if (!s->class || history_is_class(s->class))
		return 0;
	err_set(e, ERR_USAGE, "there is no class of events \"%.40s\"", s->class);
	return err_hint(e, "certeractl(1) lists them, such as CERTIFICATE_RENEW and RENEW_FAILED.");
}

static int read_search(struct request *r, struct events_search *s, struct err *e)
{
	struct params *query = &s->list.query;
	const char *text;

	s->list.scope = &r->visitor.scope;
	if (admin_query(r, query, e) < 0 || list_read_page(query, &s->list.first, &s->list.limit, e) < 0 ||
	    list_read_number(query, "before", 1, INT64_MAX, INT64_MAX, &s->before, e) < 0 ||
	    list_read_time(query, "since", 0, &s->since, e) < 0 ||
	    list_read_time(query, "until", INT64_MAX, &s->until, e) < 0)
		return -1;
	text = list_filter(&s->list, "search");
	s->text = text ? xstrdup(text) : NULL;
	for (char *c = s->text; c && *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
	s->actor = list_filter(&s->list, "actor");
	s->action = list_filter(&s->list, "action");
	if (read_class(s, e) < 0)
		return -1;
	s->filtered = s->actor || s->class || s->action || s->text || s->since || s->until != INT64_MAX ||
		      list_filter(&s->list, "object") || scope_limited(s->list.scope);
	return 0;
}

/*
 * The name, under which the events are of all that ever had it, and the ids of what has it now: events of an older
 * program are found by these alone.  A certificate and its key often share a name, perhaps with their user.
 */
char **events_objects(struct txn *t, const char *name)
{
	static const enum table indexes[] = {
		TABLE_key_name,	 TABLE_account_name, TABLE_site_name,  TABLE_user_name,
		TABLE_plan_name, TABLE_token_name,   TABLE_channel_name,
	};
	char **ids = NULL;

	for (int staging = 0; staging < 2; staging++) {
		_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };

		if (rec_cert_by_name(t, &cert, name, staging, NULL) == 0)
			strv_add(&ids, cert.id);
	}
	for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
		_cleanup_free_ char *id = NULL;
		struct slice value;

		if (txn_get(t, indexes[i], slice_str(name), &value, NULL) <= 0)
			continue;
		id = xstrndup(value.data, value.len);
		strv_add(&ids, id);
	}
	strv_add(&ids, name);
	return ids;
}

/*
 * Searching.
 */

/* "certificate" is all of "certificate.issued", "certificate.added", ... */
static bool is_action(const char *action, const char *wanted)
{
	size_t len = wanted ? strlen(wanted) : 0;

	return !len || (action && !strncmp(action, wanted, len) && (!action[len] || action[len] == '.'));
}

static bool is_class(const struct rec_event *event, const char *wanted)
{
	return !wanted || str_eq(event->subclass, wanted) ||
	       (event->subclass && str_eq(history_class(event->subclass), wanted));
}

bool events_pass(const struct events_search *s, const struct rec_event *event)
{
	return event->time >= s->since && event->time < s->until && (!s->actor || str_eq(event->actor, s->actor)) &&
	       is_action(event->action, s->action) && is_class(event, s->class) &&
	       (list_contains(slice_str(event->message), s->text) || list_contains(slice_str(event->name), s->text) ||
		list_contains(slice_str(event->actor), s->text) || list_contains(slice_str(event->address), s->text));
}

static int64_t number_of(const struct rec_event *event)
{
	return strtoll(event->id, NULL, 16);
}

static int look_at(void *arg, void *rec, struct err *e)
{
	struct events_search *s = arg;

	if (s->looked_at++ == LOOKED_AT_MOST)
		return s->ended = false, 1;
	s->oldest = MIN(s->oldest, number_of(rec));
	if (!events_pass(s, rec) || !scope_has_id(s->list.scope, s->txn, ((const struct rec_event *)rec)->object))
		return 0;
	if (s->count == s->room) {
		s->room = s->room ? s->room * 2 : 256;
		s->number = xreallocarray(s->number, s->room, sizeof(*s->number));
	}
	s->number[s->count++] = number_of(rec);
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x < y) - (x > y);
}

static void drop_doubles(struct events_search *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++)
		if (!kept || s->number[kept - 1] != s->number[i])
			s->number[kept++] = s->number[i];
	s->count = kept;
}

static int search(struct events_search *s, struct txn *t, struct err *e)
{
	const char *name = list_filter(&s->list, "object");
	_cleanup_strv_ char **objects = name ? events_objects(t, name) : NULL;

	s->txn = t;
	s->ended = true;
	s->oldest = INT64_MAX;
	if (!name)
		return history_each(t, NULL, s->before, look_at, s, e);
	for (char **object = objects; *object; object++)
		if (history_each(t, *object, s->before, look_at, s, e) < 0)
			return -1;
	if (s->count)
		qsort(s->number, s->count, sizeof(*s->number), newest_first);
	drop_doubles(s);
	return 0;
}

/* Events have no gaps, so without filters any page is found by counting. */
static void count_down(struct events_search *s, int64_t newest)
{
	s->ended = true;
	s->count = (size_t)MAX(MIN(newest, s->before - 1), 0);
}

static int64_t number_at(const struct events_search *s, size_t index)
{
	return s->filtered ? s->number[index] : (int64_t)(s->count - index);
}

/*
 * Answering.
 */

/* Where people look at what it was done to; null: nowhere. */
static void put_page(json_t *o, const struct rec_event *event)
{
	static const char *const kinds[][2] = {
		{ "certificate.", "certificates" },
		{ "key.", "keys" },
		{ "account.", "accounts" },
		{ "user.", "users" },
	};

	json_put_str(o, "page", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_free_ char *page = NULL;

		if (!event->action || !str_starts(event->action, kinds[i][0]) || !event->name ||
		    name_check(event->name, NULL) < 0)
			continue;
		page = xasprintf("/%s/%s", kinds[i][1], event->name);
		json_put_str(o, "page", page);
	}
}

json_t *events_show(const struct rec_event *event)
{
	json_t *o = rec_event_json(event);

	json_object_del(o, "id");
	json_put_int(o, "number", number_of(event));
	json_put_str(o, "class", event->subclass ? history_class(event->subclass) : NULL);
	put_page(o, event);
	return o;
}

static int show_event(struct txn *t, int64_t number, json_t *list, struct err *e)
{
	_cleanup_(rec_event_release) struct rec_event event = { 0 };
	char id[NUMBER_TEXT];

	snprintf(id, sizeof(id), "%016llx", (unsigned long long)number);
	if (rec_event_get(t, &event, id, e) < 0)
		return -1;
	json_array_append_new(list, events_show(&event));
	return 0;
}

/* The filters as they stand in a URL, each with & behind it. */
static char *filter_text(const struct params *query)
{
	static const char *const others[] = { "first", "before", "limit", "format", NULL };
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < query->count; i++) {
		const struct param *p = &query->item[i];

		if (!*p->value || strv_has((char *const *)others, p->name))
			continue;
		buf_addf(&out, "%s=", p->name);
		url_add(&out, p->value);
		buf_add_ch(&out, '&');
	}
	return buf_detach(&out);
}

static int show_page(struct events_search *s, struct txn *t, json_t *answer, struct err *e)
{
	size_t first = MIN((size_t)s->list.first, s->count), end = MIN(first + (size_t)s->list.limit, s->count);
	json_t *list = json_array(), *query = json_object();
	_cleanup_free_ char *filter = filter_text(&s->list.query);

	json_object_set_new(answer, "events", list);
	for (size_t i = first; i < end; i++)
		if (show_event(t, number_at(s, i), list, e) < 0)
			return -1;
	list_put_page(answer, s->list.first, s->list.limit, (int64_t)s->count);
	if (!s->ended)
		json_object_set_new(answer, "total", json_null());
	json_object_set_new(answer, "older",
			    end < s->count ? json_integer(number_at(s, end - 1))
			    : s->ended     ? json_null()
					   : json_integer(s->oldest));
	for (size_t i = 0; i < s->list.query.count; i++)
		json_put_str(query, s->list.query.item[i].name, s->list.query.item[i].value);
	json_object_set_new(answer, "query", query);
	json_put_str(answer, "filter", filter);
	json_put_bool(answer, "partial", !s->ended);
	return 0;
}

static int reply_csv(struct request *r, const json_t *answer, struct err *e)
{
	static const char *const columns[] = { "time", "actor", "address", "action", "name", "message",
					       "class", "subclass" };
	_cleanup_buf_ struct buf out = BUF_INIT;
	const json_t *event;
	size_t i;

	buf_add_str(&out, "number,time,actor,address,action,name,message,class,subclass\r\n");
	json_array_foreach (json_object_get(answer, "events"), i, event) {
		buf_addf(&out, "%lld", (long long)json_int(event, "number", 0));
		for (size_t c = 0; c < ARRAY_SIZE(columns); c++)
			csv_add_member(&out, event, columns[c]);
		csv_end_line(&out);
	}
	return list_reply_csv(r, "events", &out, (int64_t)json_array_size(json_object_get(answer, "events")),
			      json_int(answer, "total", -1), e);
}

int page_events(struct request *r, struct err *e)
{
	struct events_search *s = request_state(r, sizeof(*s), search_release);
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	bool csv;

	if (read_search(r, s, e) < 0 || list_read_format(&s->list.query, &csv, e) < 0)
		return -1;
	if (r->html && !csv)
		s->list.limit = MIN(s->list.limit, LIST_PAGE_MOST);
	if (r->take_csv) {
		s->list.first = 0;
		s->list.limit = LIST_MAILED_MOST;
	} else if (!r->html && queue_is_asked(s))
		return queue_reply(r, s, e);
	if (store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (!s->filtered)
		count_down(s, (int64_t)txn_count(t, TABLE_event));
	else if (search(s, t, e) < 0)
		return -1;
	if (show_page(s, t, answer, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	return csv ? reply_csv(r, answer, e) : reply_json(r, 200, TAKE(answer));
}
