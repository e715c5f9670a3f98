/* The versions and the orders of a certificate: all of them, newest first, or one. */
#include "webui/http/list.h"

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
