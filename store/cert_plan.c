#include "store/cert_plan.h"

#include "base/clock.h"
#include "store/agenda.h"
#include "store/purpose.h"

enum effect {
	KEEP, SET, CLEAR, COUNT, UNTIL, BEGIN, RESUME, HOLD, CLOSE, ASIDE, VERIFY, GO, NOW, NONE, NEXT, RENEWAL,
};

static const struct cert_plan_plan {
	enum effect wanted, failures, waits, order, hand, row;
} plans[] = {
#define CERT_PLAN(what, wanted, failures, waits, order, hand, row, text) \
	[CERT_##what] = { wanted, failures, waits, order, hand, row },
#include "store/cert_plan.def"
#undef CERT_PLAN
};

static void plan_order(struct rec_cert *cert, enum effect order)
{
	int64_t open = cert->open_order, kept = cert->kept_order;

	if (order == KEEP)
		return;
	cert->open_order = order == BEGIN ? cert->orders : order == RESUME ? kept : 0;
	cert->kept_order = order == HOLD ? open : 0;
}

static void plan_hand(struct rec_cert *cert, enum effect hand)
{
	if (hand != KEEP && hand != VERIFY)
		cert->waiting = hand == ASIDE;
	if (hand != KEEP && hand != GO)	/* verify stays: after a crash it is looked at once more */
		cert->verify = hand == VERIFY;
}

static void plan_waits(struct rec_cert *cert, enum effect waits, int64_t at, const char *waits_for)
{
	if (waits == KEEP)
		return;
	cert->retry_at = waits == UNTIL ? at : 0;
	record_set(&cert->waits_for, waits == UNTIL ? waits_for : NULL);
}

static bool is_put_off(const struct rec_cert *cert)
{
	return cert->failures || (cert->waits_for && *cert->waits_for);
}

/* When it is due, by what its fields say; 0: not. */
static int64_t next_due(const struct rec_cert *cert, int64_t now)
{
	if (cert->waiting && !cert->verify)
		return 0;
	if (is_put_off(cert) && cert->retry_at)
		return cert->retry_at;
	if (cert->open_order || cert->wanted || is_put_off(cert) || !cert->current)
		return now;
	return cert->renew_at;
}

/* 0: it has none. */
static int64_t row_due(const struct rec_cert *cert, enum effect row, int64_t at)
{
	int64_t now = clock_now();

	if (cert->disabled || cert->imported)
		return 0;
	switch (row) {
	case NOW:
		return now;
	case UNTIL:
		return at;
	case NEXT:
		return next_due(cert, now);
	case RENEWAL:
		return cert->renew_at;
	default:
		return 0;
	}
}

/* Does its row stand where it is for a reason of its own?  One that is due, failed or under way. */
static bool has_reason(const struct rec_cert *cert)
{
	return cert->open_order || cert->wanted || is_put_off(cert);
}

static int plan_row(struct txn *t, const struct rec_cert *cert, enum effect row, int64_t at, struct err *e)
{
	int64_t due = row_due(cert, row, at);

	if (row == KEEP || (row == RENEWAL && has_reason(cert)))
		return 0;
	return due ? agenda_set(t, AGENDA_issue, cert->id, due, e) : agenda_delete(t, AGENDA_issue, cert->id, e);
}

int cert_plan_at(struct txn *t, struct rec_cert *cert, enum cert_plan what, int64_t at, const char *waits_for,
		 struct err *e)
{
	const struct cert_plan_plan *p = &plans[what];

	if (p->wanted != KEEP)
		cert->wanted = p->wanted == SET;
	if (p->failures != KEEP)
		cert->failures = p->failures == COUNT ? cert->failures + 1 : 0;
	plan_waits(cert, p->waits, at, waits_for);
	plan_order(cert, p->order);
	plan_hand(cert, p->hand);
	return rec_cert_put(t, cert, e) < 0 ? -1 : plan_row(t, cert, p->row, at, e);
}

int cert_plan(struct txn *t, struct rec_cert *cert, enum cert_plan what, struct err *e)
{
	return cert_plan_at(t, cert, what, 0, NULL, e);
}

/* Is the order under way of exactly what is wanted now?  Where that is not known, it is not. */
static int is_served(struct txn *t, const struct rec_cert *cert, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_(rec_account_release) struct rec_account account = { 0 };
	_cleanup_free_ char *id = record_child_id(cert->id, cert->open_order);

	if (!cert->open_order)
		return 0;
	if (rec_order_get(t, &order, id, e) < 0 || rec_account_get(t, &account, order.account_id, e) < 0) {
		if (e->kind != ERR_MISSING)
			return -1;
		err_clear(e);
		return 0;
	}
	return purpose_is(&order, cert, &account);
}

int cert_wish(struct txn *t, struct rec_cert *cert, struct err *e)
{
	int served = is_served(t, cert, e);

	if (served < 0 || (served ? cert_plan_at(t, cert, CERT_again, clock_now(), NULL, e) :
				    cert_plan(t, cert, CERT_wished, e)) < 0)
		return -1;
	return served;
}

int cert_plan_gone(struct txn *t, const char *cert_id, struct err *e)
{
	return agenda_delete(t, AGENDA_issue, cert_id, e);
}

int cert_reread(struct store *s, const char *cert_id, struct txn **t, struct rec_cert *cert, struct err *e)
{
	if (store_write(s, t, e) < 0)
		return -1;
	if (rec_cert_get(*t, cert, cert_id, e) == 0)
		return 1;
	if (e->kind != ERR_MISSING)
		return -1;
	err_clear(e);
	return 0;
}
