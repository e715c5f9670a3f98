#include "daemon/order/resume.h"

#include "base/clock.h"
#include "store/cert_plan.h"
#include "store/purpose.h"

#include "daemon/challenge/answers.h"
#include "daemon/challenge/txt.h"

#define KEPT_SECONDS (7 * 24 * 3600)	/* how old an order may be that is taken up again */

bool resume_fits(const struct rec_order *order, const struct rec_cert *cert, const struct rec_account *account)
{
	return purpose_is(order, cert, account) && order->created + KEPT_SECONDS > clock_now();
}

int resume_take_up(struct txn *t, struct rec_cert *cert, const struct rec_account *account, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->kept_order);
	bool fits;

	if (rec_order_get(t, &order, id, e) < 0)
		return -1;
	fits = resume_fits(&order, cert, account);
	if (!fits && resume_close(t, &order, "replaced", e) < 0)
		return -1;
	return cert_plan(t, cert, fits ? CERT_resumed : CERT_closed, e) < 0 ? -1 : fits;
}

int resume_close(struct txn *t, struct rec_order *order, const char *result, struct err *e)
{
	order->finished = clock_now();
	record_set(&order->result, result);
	record_set(&order->state, NULL);
	record_set(&order->todo, NULL);
	if (rec_order_put(t, order, e) < 0 || answers_delete(t, order->id, e) < 0)
		return -1;
	return txt_discard(t, order->id, e);
}

int resume_drop(struct txn *t, struct rec_cert *cert, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	int64_t number = cert->open_order ? cert->open_order : cert->kept_order;
	_cleanup_free_ char *id = record_child_id(cert->id, number);

	if (!number)
		return 0;
	if (cert_plan(t, cert, CERT_closed, e) < 0)
		return -1;
	if (rec_order_get(t, &order, id, e) == 0)
		return resume_close(t, &order, "failed", e);
	if (e->kind != ERR_MISSING)
		return -1;
	err_clear(e);
	return 0;
}
