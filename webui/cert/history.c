/* The versions and the orders of a certificate: all of them, newest first, or one; and its history as a page. */
#include "store/event/history.h"
#include "webui/cert/diff.h"
#include "webui/cert/part.h"
#include "webui/list/list.h"

#define VERSIONS_SHOWN 50
#define ORDERS_SHOWN 20
#define EVENTS_SHOWN 30

/* Shows the one of that number; NULL: it is gone. */
typedef json_t *show_fn(const struct request *, struct txn *, const struct rec_cert *, int64_t number);

static int reply_page(struct request *r, const char *member, bool orders, show_fn *show, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;
	json_t *list = json_array();
	int64_t first, limit, newest;

	json_object_set_new(answer, member, list);
	if (admin_query(r, &query, e) < 0 || list_read_page(&query, &first, &limit, e) < 0 ||
	    store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	newest = orders ? cert.orders : cert.newest;
	for (int64_t n = newest - first; n > 0 && n > newest - first - limit; n--) {
		json_t *one = show(r, t, &cert, n);

		if (one)
			json_array_append_new(list, one);
	}
	json_put_str(answer, "certificate", cert.name);
	json_put_bool(answer, "staging", cert.staging);
	list_put_page(answer, first, limit, newest);
	return reply_json(r, 200, TAKE(answer));
}

static int reply_one(struct request *r, const char *what, show_fn *show, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	const char *text = params_get(&r->path, "number");
	_cleanup_txn_ struct txn *t = NULL;
	char *end;
	int64_t number = strtoll(text, &end, 10);
	json_t *one;

	if (store_read(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	one = *end ? NULL : show(r, t, &cert, number);
	if (!one)
		return err_set(e, ERR_MISSING, "the certificate %s has no %s %.20s", cert.name, what, text);
	return reply_json(r, 200, one);
}

int page_cert_versions(struct request *r, struct err *e)
{
	return reply_page(r, "versions", false, admin_show_version, e);
}

int page_cert_version(struct request *r, struct err *e)
{
	return reply_one(r, "version", admin_show_version, e);
}

int page_cert_orders(struct request *r, struct err *e)
{
	return reply_page(r, "orders", true, admin_show_order, e);
}

int page_cert_order_of(struct request *r, struct err *e)
{
	return reply_one(r, "order", admin_show_order, e);
}

/*
 * All that became of it.
 */

static json_t *newest(const struct request *r, struct txn *t, const struct rec_cert *cert, int64_t number, int64_t most,
		      show_fn *show)
{
	json_t *list = json_array();

	for (int64_t n = number; n > 0 && n > number - most; n--) {
		json_t *one = show(r, t, cert, n);

		if (one)
			json_array_append_new(list, one);
	}
	return list;
}

static int add_event(void *arg, void *rec, struct err *e)
{
	const struct rec_event *event = rec;
	json_t *o = rec_event_json(event), *list = arg;

	json_object_del(o, "id");
	json_put_int(o, "number", strtoll(event->id, NULL, 16));
	json_array_append_new(list, o);
	return json_array_size(list) == EVENTS_SHOWN;
}

/* A number of the query, else this one.  -1: it has no such version. */
static int read_number(const struct params *query, const char *name, const struct rec_cert *cert, int64_t otherwise,
		       int64_t *n, struct err *e)
{
	if (list_read_number(query, name, 1, INT64_MAX, otherwise, n, e) < 0)
		return -1;
	if (*n <= cert->newest)
		return 0;
	err_set(e, ERR_MISSING, "the certificate %s has no version %lld", cert->name, (long long)*n);
	return err_field(e, name);
}

/* Of the version in force and the one before, unless others are asked for; null: there are not two. */
static int put_diff(json_t *answer, const struct params *query, struct txn *t, const struct rec_cert *cert,
		    struct err *e)
{
	bool asked = params_get(query, "from") || params_get(query, "to");
	_cleanup_(rec_version_release) struct rec_version from = { 0 }, to = { 0 };
	_cleanup_free_ char *from_id = NULL, *to_id = NULL;
	int64_t a, b;
	json_t *diff;

	json_object_set_new(answer, "diff", json_null());
	if (read_number(query, "to", cert, cert->current, &b, e) < 0 ||
	    read_number(query, "from", cert, b > 1 ? b - 1 : b + 1, &a, e) < 0)
		return asked ? -1 : (err_clear(e), 0);
	from_id = record_child_id(cert->id, a);
	to_id = record_child_id(cert->id, b);
	if (rec_version_get(t, &from, from_id, e) < 0 || rec_version_get(t, &to, to_id, e) < 0 ||
	    diff_versions(&diff, &from, &to, e) < 0)
		return asked ? -1 : (err_clear(e), 0);
	json_put_bool(diff, "asked", asked);
	json_object_set_new(answer, "diff", diff);
	return 0;
}

/* What can be chosen to compare. */
static json_t *choices(const json_t *versions, int64_t chosen)
{
	json_t *list = json_array();
	const json_t *one;
	size_t i;

	json_array_foreach (versions, i, one) {
		int64_t n = json_int(one, "number", 0);

		json_array_append_new(list, json_pack("{s:I, s:b}", "number", (json_int_t)n, "chosen", n == chosen));
	}
	return list;
}

int page_cert_history(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *events = json_array(), *versions, *diff;

	if (admin_query(r, &query, e) < 0 || store_read(r->webui->env->store, &t, e) < 0 ||
	    admin_find_cert(r, t, &cert, e) < 0)
		return json_decref(events), -1;
	answer = admin_show_one_cert(t, &cert);
	part_put(answer, r, t, &cert, "history");
	json_object_set_new(answer, "events", events);
	versions = newest(r, t, &cert, cert.newest, VERSIONS_SHOWN, admin_show_version);
	json_object_set_new(answer, "versions", versions);
	json_object_set_new(answer, "orders_shown", newest(r, t, &cert, cert.orders, ORDERS_SHOWN, admin_show_order));
	if (put_diff(answer, &query, t, &cert, e) < 0 || history_each(t, cert.id, 0, add_event, events, e) < 0)
		return -1;
	diff = json_object_get(answer, "diff");
	json_object_set_new(answer, "from_choices", choices(versions, json_int(diff, "from", 0)));
	json_object_set_new(answer, "to_choices", choices(versions, json_int(diff, "to", 0)));
	return reply_json(r, 200, TAKE(answer));
}
