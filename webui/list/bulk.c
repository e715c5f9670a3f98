/*
 * POST /api/v1/bulk: one action on many rows of a list, those named or all that pass its filters.  Which they are is
 * asked of the list itself, so only what the visitor sees there; then each is a request of its own, as if it had been
 * sent alone.
 */
#include "webui/http/call.h"
#include "webui/http/face.h"
#include "webui/list/actions.h"
#include "webui/list/errand.h"
#include "webui/list/filters.h"
#include "webui/list/list.h"
#include "webui/page/form.h"

#define MOST 5000		/* rows */
#define AT_ONCE 200		/* requests that wait for the disk together */
#define A_TURN 25		/* of them begun before others have their turn */
#define SHOWN 20		/* names, and failures */

/* One that is under way: it outlives its request if that is dropped while its errands are not back. */
struct bulk {
	struct request *request;	/* NULL: it is gone */
	const struct bulk_action *action;
	char **ids;
	size_t count, next, open, done, failed;
	char *value;
	json_t *failures;
	struct timer turn;
};

struct bulk_errand {
	struct bulk *bulk;
	char *name;
};

/*
 * What is asked for.
 */

/* Of a page: the rows that are ticked, or with _all those that match.  Owned; NULL and e: none are named. */
static char *query_of(const struct request *r, const json_t *body, struct err *e)
{
	const json_t *items = json_object_get(body, "items"), *item;
	bool all = r->form ? str_eq(form_text(r, "_all"), "true") : !json_array_size(items);
	_cleanup_buf_ struct buf ids = BUF_INIT;
	size_t i;

	if (all && json_object_get(body, "match"))
		return filters_of(json_str(body, "match"));
	json_array_foreach (items, i, item)
		buf_addf(&ids, "%s%s", ids.len ? "," : "ids=", json_string_value(item));
	if (ids.len && !strpbrk(buf_str(&ids), "&+% "))
		return buf_detach(&ids);
	err_set(e, ERR_INVALID, r->form ? "nothing is chosen" : "\"items\" or \"match\" must say which rows");
	err_hint(e, r->form ? "Tick the rows first." : "An empty \"match\" means all rows.");
	body_at("items", -1, e);
	return NULL;
}

/* Has the list go through its rows; it goes on in take(), or answers itself. */
static int ask_list(struct request *r, const struct bulk_action *a, const char *filters,
		    int (*take)(struct request *, char **taken, int64_t total, struct err *), struct err *e)
{
	const struct route *own = r->route;
	_cleanup_(match_release) struct match m = { 0 };
	_cleanup_free_ char *path = xasprintf("/api/v1/%s", a->list);

	router_find(&m, METHOD_GET, path);
	r->list_query = xasprintf("%s%s%s", take ? "" : "format=csv&limit=1000", !take && *filters ? "&" : "", filters);
	r->take_ids = take;
	r->ids_most = MOST;
	r->route = m.route;
	if (m.route->page(r, e) == 0)
		return 0;
	r->route = own;
	r->take_ids = NULL;
	r->ids_most = 0;
	free(TAKE(r->list_query));
	return -1;
}

/* The list has answered: r is again the request that asked it.  The body once more; NULL and e: there is too much. */
static json_t *return_from_list(struct request *r, page_fn *page, size_t count, int64_t total, struct err *e)
{
	_cleanup_body_ json_t *body = NULL;
	const char *meant;
	size_t i = 0;

	free(TAKE(r->list_query));
	r->take_ids = NULL;
	r->ids_most = 0;
	while (router_row(i)->page != page)
		i++;
	r->route = router_row(i);
	body = body_read(r, e);
	meant = json_str(body, "count");
	if (!count)
		err_set(e, ERR_MISSING, "no row matches");
	else if (total > MOST)
		err_set(e, ERR_LIMIT, "%lld rows match, and %d at most can be changed at once", (long long)total, MOST),
			err_hint(e, "Use filters for fewer.");
	else if (meant && strtoll(meant, NULL, 10) != total)
		err_set(e, ERR_CONFLICT, "%lld rows match now, not %.20s: look at the list again", (long long)total,
			meant);
	else
		return TAKE(body);
	return NULL;
}

/* A text of bulk.def with "12 certificates" in its place; owned. */
static char *with_amount(const char *text, const struct bulk_action *a, size_t count)
{
	const struct bulk_list *of = bulk_list(a->list);
	const char *place = strstr(text, "%s");

	return xasprintf("%.*s%zu %s%s", (int)(place - text), text, count, count == 1 ? of->one : of->many, place + 2);
}

/*
 * One after another.
 */

static void bulk_free(struct bulk *b)
{
	timer_stop(&b->turn);
	strv_free(b->ids);
	free(b->value);
	json_decref(b->failures);
	free(b);
}

static void bulk_release(void *state)
{
	struct bulk *b = *(struct bulk **)state;

	if (!b)
		return;
	b->request = NULL;
	timer_stop(&b->turn);
	if (!b->open)
		bulk_free(b);
}

static void note_failure(struct bulk *b, const char *name, const char *detail)
{
	json_t *o;

	b->failed++;
	if (json_array_size(b->failures) == SHOWN)
		return;
	o = json_object();
	json_put_str(o, "name", name);
	json_put_str(o, "detail", detail);
	json_array_append_new(b->failures, o);
}

/* For the page: what was done, and what was not and why. */
static char *said(const struct bulk *b)
{
	_cleanup_free_ char *done = with_amount(b->action->done, b->action, b->done);
	struct buf out = BUF_INIT;
	const json_t *failure;
	size_t i;

	if (b->done)
		buf_add_str(&out, done);
	if (b->failed)
		buf_addf(&out, "%s%zu of %zu failed:", out.len ? " " : "", b->failed, b->count);
	json_array_foreach (b->failures, i, failure)
		if (i < 3)
			buf_addf(&out, " %s: %s.", json_str(failure, "name"), json_str(failure, "detail"));
	return buf_detach(&out);
}

static void finish(void *arg)
{
	struct bulk *b = arg;
	struct request *r = b->request;
	_cleanup_free_ char *text = said(b);
	json_t *o = json_object();

	store_task(r->webui->env->store, 0);	/* each of them is durable */
	json_put_str(o, "list", b->action->list);
	json_put_str(o, "action", b->action->word);
	json_put_int(o, "count", (int64_t)b->count);
	json_put_int(o, "done", (int64_t)b->done);
	json_put_int(o, "failed", (int64_t)b->failed);
	json_object_set(o, "failures", b->failures);
	json_put_str(o, "said", text);
	reply_json(r, 200, o);
}

static void run_some(void *arg);

static void errand_back(void *arg, int status, struct slice body)
{
	struct bulk_errand *one = arg;
	struct bulk *b = one->bulk;
	_cleanup_json_ json_t *problem = status >= 400 ? json_read(body.data, body.len, NULL) : NULL;

	b->open--;
	if (status >= 200 && status < 300)
		b->done++;
	else
		note_failure(b, one->name,
			     json_str(problem, "detail") ? json_str(problem, "detail") : "the server did not answer");
	if (b->request)
		timer_start(&b->turn, b->request->webui->loop, 0, run_some, b);
	else if (!b->open)
		bulk_free(b);
	free(one->name);
	free(one);
}

/* Where a row is in the API, and what a person calls it.  Owned; NULL: it is gone. */
static char *find_row(struct txn *t, const struct bulk_list *of, const char *id, char **name, bool *staging)
{
	_cleanup_free_ void *rec = xcalloc(1, record_size(of->type));
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_free_ char *channel_id = record_parent_id(id);
	_cleanup_json_ json_t *shown = NULL;
	bool message = of->type == &rec_outbox_type;

	if (record_get(t, of->type, rec, id, NULL) < 0 ||
	    (message && rec_channel_get(t, &channel, channel_id, NULL) < 0)) {
		record_release(of->type, rec);
		return NULL;
	}
	shown = record_json(of->type, rec);
	record_release(of->type, rec);
	*name = xstrdup(message ? json_str(shown, "subject") : json_str(shown, "name"));
	*staging = json_bool(shown, "staging", false);
	if (message)
		return xasprintf("%s/%lld", channel.name, (long long)record_child_number(id));
	return xstrdup(of->type == &rec_site_type ? id : *name);
}

static void run_one(struct bulk *b, const char *id)
{
	const struct bulk_action *a = b->action;
	_cleanup_json_ json_t *body = json_object();
	_cleanup_free_ char *row = NULL, *path = NULL;
	struct err e = { .message = "it is gone" };
	struct bulk_errand *one;
	bool staging = false;
	char *name = NULL;
	struct txn *t;

	if (store_read(b->request->webui->env->store, &t, &e) == 0) {
		row = find_row(t, bulk_list(a->list), id, &name, &staging);
		txn_abort(t);
	}
	if (!row) {
		note_failure(b, id, e.message);
		return;
	}
	if (a->value == VALUE_YES)
		json_put_bool(body, a->member, true);
	else if (a->value == VALUE_GIVEN)
		json_put_str(body, a->member, b->value);
	path = xasprintf("/api/v1/%s/%s%s", a->list, row, a->path);
	one = xcalloc(1, sizeof(*one));
	*one = (struct bulk_errand){ b, name };
	b->open++;
	errand_run(b->request, a->method, path,
		   !str_eq(a->list, "certificates") ? NULL
		   : staging                        ? "staging=true"
						    : "staging=false",
		   body, errand_back, one);
}

static void run_some(void *arg)
{
	struct bulk *b = arg;

	for (int i = 0; i < A_TURN && b->next < b->count && b->open < AT_ONCE; i++)
		run_one(b, b->ids[b->next++]);
	if (b->next == b->count && !b->open)
		timer_start(&b->turn, b->request->webui->loop, 0, finish, b);
	else if (b->next < b->count && b->open < AT_ONCE)
		timer_start(&b->turn, b->request->webui->loop, 0, run_some, b);
}

/*
 * The handlers.
 */

/* Those that would be changed: how many, and the first names. */
static json_t *show_found(struct txn *t, const struct bulk_action *a, char *const *ids, size_t count)
{
	json_t *o = json_object(), *names = json_array();

	for (size_t i = 0; i < count && i < SHOWN; i++) {
		_cleanup_free_ char *name = NULL, *row = NULL;
		bool staging;

		row = find_row(t, bulk_list(a->list), ids[i], &name, &staging);
		if (row)
			json_array_append_new(names, json_string(name));
	}
	json_put_str(o, "list", a->list);
	json_put_str(o, "action", a->word);
	json_put_int(o, "count", (int64_t)count);
	json_object_set_new(o, "names", names);
	json_put_int(o, "others", (int64_t)(count - MIN(count, (size_t)SHOWN)));
	return o;
}

static int bulk_found(struct request *r, char **taken, int64_t total, struct err *e)
{
	_cleanup_strv_ char **ids = taken;
	_cleanup_body_ json_t *body = return_from_list(r, page_bulk, strv_len(ids), total, e);
	const struct bulk_action *a = body ? bulk_action(r, body, e) : NULL;
	_cleanup_txn_ struct txn *t = NULL;
	struct bulk **state, *b;

	if (!a || store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	if (json_bool(body, "dry_run", false))
		return reply_json(r, 200, show_found(t, a, ids, strv_len(ids)));
	txn_abort(TAKE(t));
	state = request_state(r, sizeof(struct bulk *), bulk_release);
	*state = b = xcalloc(1, sizeof(*b));
	*b = (struct bulk){ .request = r, .action = a, .count = strv_len(ids), .failures = json_array() };
	b->ids = TAKE(ids);
	b->value = xstrdup(json_str(body, "value") ? json_str(body, "value") : "");
	timer_start(&b->turn, r->webui->loop, 0, run_some, b);
	return 0;
}

int page_bulk(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	const struct bulk_action *a = body ? bulk_action(r, body, e) : NULL;
	_cleanup_free_ char *filters = a ? query_of(r, body, e) : NULL;
	const char *value = json_str(body, "value");

	if (!filters)
		return -1;
	if (a->value == VALUE_GIVEN && !value && strcmp(a->word, "owner")) {
		_cleanup_strv_ char **labels = strv_split(a->label, "|");

		return body_at("value", err_set(e, ERR_INVALID, "\"value\" is missing: the %s", labels[1]), e);
	}
	return ask_list(r, a, filters, bulk_is_export(a) ? NULL : bulk_found, e);
}

/* What a page asks before it is done. */
static int chosen_found(struct request *r, char **taken, int64_t total, struct err *e)
{
	_cleanup_strv_ char **ids = taken;
	_cleanup_body_ json_t *body = return_from_list(r, page_chosen, strv_len(ids), total, e);
	const struct bulk_action *a = body ? bulk_action(r, body, e) : NULL;
	_cleanup_strv_ char **labels = a ? strv_split(a->label, "|") : NULL;
	_cleanup_free_ char *question = a ? with_amount(a->question, a, strv_len(ids)) : NULL, *meant = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *o;

	if (!a || store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	o = show_found(t, a, ids, strv_len(ids));
	meant = xasprintf("%lld", (long long)total);
	json_put_str(o, "question", question);
	json_put_str(o, "button", a->button);
	json_put_str(o, "asks", a->value == VALUE_GIVEN ? labels[1] : NULL);
	json_put_bool(o, "removes", a->method == METHOD_DELETE);
	json_put_str(o, "meant", meant);
	json_put_bool(o, "all", str_eq(form_text(r, "_all"), "true"));
	json_put_str(o, "match", json_str(body, "match"));
	json_put_strv(o, "items", str_eq(form_text(r, "_all"), "true") ? NULL : ids);
	json_put_str(o, "back", form_next(r));
	return reply_json(r, 200, o);
}

int page_chosen(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	const struct bulk_action *a = body ? bulk_action(r, body, e) : NULL;
	_cleanup_free_ char *filters = a ? query_of(r, body, e) : NULL;

	if (!filters)
		return -1;
	return ask_list(r, a, filters, bulk_is_export(a) ? NULL : chosen_found, e);
}
