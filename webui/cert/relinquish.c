/*
 * POST /api/v1/certificates/NAME/relinquish: the proofs that its names are ours are given up at the CA,
 * by the engine.
 */
#include "base/clock.h"
#include "store/agenda.h"
#include "webui/http/handler.h"

static int collect_held(void *arg, void *rec, struct err *e)
{
	const struct rec_order *order = rec;

	if (strv_len(order->authorizations))
		strv_add(arg, order->id);
	return 0;
}

/* Those of one order that no other has listed; when there are any, the engine gives them up. */
static int relinquish_order(struct txn *t, const char *id, char ***listed, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	char **left = NULL;

	if (rec_order_get(t, &order, id, e) < 0)
		return -1;
	for (char **url = order.authorizations; *url; url++) {
		if (strv_has(*listed, *url))
			continue;
		strv_add(&left, *url);
		strv_add(listed, *url);
	}
	strv_free(order.authorizations);
	order.authorizations = left;
	if (rec_order_put(t, &order, e) < 0)
		return -1;
	return left ? agenda_set(t, AGENDA_relinquish, id, clock_now(), e) : 0;
}

/* How many; -1 on failure. */
static int relinquish(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	_cleanup_free_ char *parent = xasprintf("%s/", cert->id);
	_cleanup_strv_ char **orders = NULL, **listed = NULL;
	int result = record_each(t, &rec_order_type, parent, false, collect_held, &orders, e);

	for (size_t i = 0; result >= 0 && i < strv_len(orders); i++)
		result = relinquish_order(t, orders[i], &listed, e);
	if (result >= 0 && !listed)
		result = err_set(e, ERR_CONFLICT, "there is no authorization of the certificate %s to give up",
				 cert->name);
	return result < 0 ? -1 : (int)strv_len(listed);
}

int page_cert_relinquish(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;
	int count;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0)
		return -1;
	if (cert.open_order) {
		err_set(e, ERR_CONFLICT, "an order of %s is in progress, which needs them", cert.name);
		return err_hint(e, "Try again when the order has ended.");
	}
	count = relinquish(t, &cert, e);
	if (count < 0 ||
	    admin_event(r, t, "certificate.relinquish", cert.id, cert.name, e, "%d authorizations are to be given up",
			count) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	answer = json_object();
	json_put_str(answer, "name", cert.name);
	json_put_bool(answer, "staging", cert.staging);
	json_put_int(answer, "authorizations", count);
	return reply_json(r, 202, answer);
}
