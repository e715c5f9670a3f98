/*
 * POST /api/v1/certificates/NAME/verify and .../cancel: what a person does with an order: of one that waits, the
 * answers are published; or it is not wanted after all.
 */
#include "base/clock.h"
#include "store/agenda.h"
#include "store/cert_plan.h"
#include "store/status.h"
#include "webui/http/handler.h"

#define LOOK_AGAIN 2	/* seconds */

static int check_waiting(const struct rec_cert *cert, struct err *e)
{
	if (cert->waiting)
		return 0;
	err_set(e, ERR_CONFLICT, "no order of the certificate %s waits for a person", cert->name);
	return err_hint(e, "Its status is \"%s\".", cert_status_word(cert_status(cert, clock_now())));
}

static int check_enabled(const struct rec_cert *cert, struct err *e)
{
	if (!cert->disabled)
		return 0;
	err_set(e, ERR_CONFLICT, "the certificate %s is disabled, so its order does not continue", cert->name);
	return err_hint(e, "Enable it first, or cancel the order.");
}

/*
 * Looks now, unless somebody has just looked: a page that is open asks every few seconds, and no event tells of that.
 */
int page_cert_look(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	int64_t now = clock_now();
	json_t *answer;
	bool just;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    check_waiting(&cert, e) < 0 || check_enabled(&cert, e) < 0)
		return -1;
	id = record_child_id(cert.id, cert.open_order);
	if (rec_order_get(t, &order, id, e) < 0)
		return -1;
	just = !cert.verify && order.looked > now - LOOK_AGAIN;
	answer = admin_show_one_cert(t, &cert);
	json_put_int(answer, "looks", order.looks - just);	/* what is found will have been seen by more */
	if (cert.verify || just)
		return reply_json(r, 202, answer);
	if (agenda_set(t, AGENDA_look, cert.id, now, e) < 0) {
		json_decref(answer);
		return -1;
	}
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}

/* The person says that everything is published. */
int page_cert_verify(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    check_waiting(&cert, e) < 0 || check_enabled(&cert, e) < 0)
		return -1;
	if (cert_plan(t, &cert, CERT_verify, e) < 0 ||
	    admin_event(r, t, "certificate.verify", cert.id, cert.name, e,
			"its challenge answers are published by hand") < 0)
		return -1;
	answer = admin_show_one_cert(t, &cert);
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}

/* No job has it while it waits, and nothing of it is published by us: so it is closed here. */
static int close_order(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->open_order);

	if (rec_order_get(t, &order, id, e) < 0)
		return -1;
	order.finished = clock_now();
	record_set(&order.result, "canceled");
	record_set(&order.state, NULL);
	record_set(&order.todo, NULL);
	if (rec_order_put(t, &order, e) < 0)
		return -1;
	return strv_len(order.authorizations) ? agenda_set(t, AGENDA_relinquish, order.id, clock_now(), e) : 0;
}

/* The engine has it, or will have it. */
static int stop_order(struct request *r, struct txn *t, const struct rec_cert *cert, struct err *e)
{
	int64_t due, now = clock_now();
	bool begun = cert->open_order || cert->kept_order;

	if (!begun && (agenda_due(t, AGENDA_issue, cert->id, &due, e) != 1 || due > now)) {
		err_set(e, ERR_CONFLICT, "no order of the certificate %s is in progress", cert->name);
		return err_hint(e, "Its status is \"%s\".", cert_status_word(cert_status(cert, now)));
	}
	return agenda_set(t, AGENDA_cancel, cert->id, now, e) < 0 ? -1 :
		       admin_event(r, t, "order.cancel", cert->id, cert->name, e, "its order is to be canceled");
}

/* Nobody's job: it ends here. */
static int end_waiting(struct request *r, struct txn *t, struct rec_cert *cert, struct err *e)
{
	if (cert->verify && !cert->disabled) {
		err_set(e, ERR_CONFLICT, "the check of the certificate %s is in progress", cert->name);
		return err_hint(e, "Try again in a moment.");
	}
	if (close_order(t, cert, e) < 0 || cert_plan(t, cert, CERT_canceled, e) < 0)
		return -1;
	return admin_event(r, t, "order.canceled", cert->id, cert->name, e,
			   "its order is canceled; order it again to start a new one");
}

int page_cert_cancel(struct request *r, struct err *e)
{
	_cleanup_(rec_cert_release) struct rec_cert cert = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_write(r->webui->env->store, &t, e) < 0 || admin_find_cert(r, t, &cert, e) < 0 ||
	    (cert.waiting ? end_waiting(r, t, &cert, e) : stop_order(r, t, &cert, e)) < 0)
		return -1;
	answer = admin_show_one_cert(t, &cert);
	return admin_commit_reply(r, TAKE(t), true, 200, answer, e);
}
