/* GET /api/v1/orders: the orders of all certificates. */
#include "webui/list/list.h"

struct order_filters {
	bool some;		/* only those of these certificates: */
	struct slice *cert;	/* ids, in their order; they are in the store */
	size_t count, room;
	char account_id[64];	/* "": any */
	char **results;		/* NULL: any */
	int64_t since, until;
};

static void order_filters_release(void *filters)
{
	struct order_filters *f = filters;

	free(f->cert);
	strv_free(f->results);
}

/*
 * Whose.
 */

static int compare_ids(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	size_t shared = MIN(x->len, y->len);
	int order = shared ? memcmp(x->data, y->data, shared) : 0;

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static int add_cert(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	const struct list *l = arg;
	const struct rec_cert *cert = rec;
	struct order_filters *f = l->filters;
	const char *staging = list_filter(l, "staging");

	if (!scope_has_row(l->scope, &rec_cert_type, value) || !list_contains(value[REC_cert_name], l->search) ||
	    !list_is(value[REC_cert_name], list_filter(l, "certificate")) ||
	    (staging && cert->staging != str_eq(staging, "true")))
		return 0;
	if (f->count == f->room) {
		f->room = f->room ? f->room * 2 : 256;
		f->cert = xreallocarray(f->cert, f->room, sizeof(*f->cert));
	}
	f->cert[f->count++] = value[REC_cert_id];
	return 0;
}

static int find_certs(struct list *l, struct txn *t, struct err *e)
{
	struct order_filters *f = l->filters;
	const char *staging = list_filter(l, "staging");

	if (staging && !str_eq(staging, "true") && !str_eq(staging, "false")) {
		err_set(e, ERR_USAGE, "staging=%.40s is not understood; it is true or false", staging);
		return err_field(e, "staging");
	}
	f->some = scope_limited(l->scope) || *l->search || list_filter(l, "certificate") || staging;
	if (!f->some || record_skim(t, &rec_cert_type, add_cert, l, e) < 0)
		return f->some ? -1 : 0;
	if (f->count)
		qsort(f->cert, f->count, sizeof(*f->cert), compare_ids);
	return 0;
}

static bool is_of_these(const struct order_filters *f, struct slice order_id)
{
	const char *end = memchr(order_id.data, '/', order_id.len);
	struct slice cert = slice(order_id.data, end ? (size_t)(end - (const char *)order_id.data) : order_id.len);

	return !f->some || (f->count && bsearch(&cert, f->cert, f->count, sizeof(*f->cert), compare_ids));
}

/*
 * Which.
 */

static int read_results(const struct list *l, struct order_filters *f, struct err *e)
{
	static const char *const results[] = { "open", "issued", "failed", "canceled", "replaced", "removed", NULL };
	const char *text = list_filter(l, "result");

	f->results = text ? strv_split(text, ", ") : NULL;
	for (char **word = f->results; word && *word; word++)
		if (!strv_has((char *const *)results, *word)) {
			err_set(e, ERR_USAGE,
				"result=%.40s is not understood; there are open, issued, failed, canceled, replaced "
				"and removed",
				*word);
			return err_field(e, "result");
		}
	return 0;
}

static int prepare(struct list *l, struct txn *t, struct err *e)
{
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	const char *of = list_filter(l, "account");
	struct order_filters *f = l->filters;

	if (of && rec_account_by_name(t, &account, of, e) < 0)
		return err_field(e, "account");
	snprintf(f->account_id, sizeof(f->account_id), "%s", of ? account.id : "");
	if (list_read_time(&l->query, "since", 0, &f->since, e) < 0 ||
	    list_read_time(&l->query, "until", INT64_MAX, &f->until, e) < 0 || read_results(l, f, e) < 0)
		return -1;
	return find_certs(l, t, e);
}

static bool has_result(const struct order_filters *f, struct slice result)
{
	for (char **word = f->results; word && *word; word++)
		if (list_is(result, *word))
			return true;
	return !f->results || !*f->results;
}

static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	const struct rec_order *order = rec;
	const struct order_filters *f = l->filters;

	return order->created >= f->since && order->created < f->until &&
	       (!*f->account_id || list_is(value[REC_order_account_id], f->account_id)) &&
	       has_result(f, value[REC_order_result]) && is_of_these(f, value[REC_order_id]);
}

static int64_t by_creation(const struct list *l, const void *rec)
{
	const struct rec_order *order = rec;

	return order->created;
}

/* Those under way come last. */
static int64_t by_end(const struct list *l, const void *rec)
{
	const struct rec_order *order = rec;

	return order->finished ? order->finished : INT64_MAX;
}

static json_t *show(struct txn *t, const void *rec)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	const struct rec_order *order = rec;
	_cleanup_free_ char *cert_id = record_parent_id(order->id);
	int64_t number = record_child_number(order->id);
	json_t *o = json_object(), *all = rec_order_json(order);
	bool there = rec_cert_get(t, &cert, cert_id, NULL) == 0;

	json_put_str(o, "certificate", there ? cert.name : NULL);
	json_put_bool(o, "staging", cert.staging);
	json_put_int(o, "number", number);
	json_object_update(o, all);
	json_decref(all);
	if (order->finished)
		json_put_str(o, "activity", NULL);
	json_put_bool(o, "waiting", there && cert.waiting && cert.open_order == number);
	admin_put_account_name(o, t, order->account_id);
	admin_put_key_name(o, t, order->key_id);
	return o;
}

int page_orders(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = {
		{ "-created", by_creation, REC_order_created },
		{ "finished", by_end, REC_order_finished },
		{ NULL, NULL, 0 },
	};
	static const struct list_facet facets[] = {
		{ .word = "result", .field = REC_order_result },
		{ .word = "account", .field = REC_order_account_id, .names = &rec_account_type },
		{ .word = NULL },
	};
	static const struct list_type type = {
		.member = "orders", .type = &rec_order_type, .name = REC_order_id, .prepare = prepare,
		.wanted = wanted, .sorts = sorts, .facets = facets, .show = show, .release = order_filters_release,
	};

	return list_reply(r, &type, sizeof(struct order_filters), e);
}
