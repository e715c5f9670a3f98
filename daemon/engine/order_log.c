#include "daemon/engine/order_log.h"


static bool is_order(const char *owner)
{
	return strchr(owner, '/');
}

int order_log_is_open(struct txn *t, const char *owner, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_(rec_trial_release) struct rec_trial trial = { 0 };
	int result = is_order(owner) ? rec_order_get(t, &order, owner, e) : rec_trial_get(t, &trial, owner, e);

	if (result < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	return is_order(owner) ? !order.finished : str_eq(trial.state, "open");
}

int order_log_add(struct txn *t, const char *owner, enum steps_of of, char *const *lines, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_(rec_trial_release) struct rec_trial trial = { 0 };

	if ((is_order(owner) ? rec_order_get(t, &order, owner, e) : rec_trial_get(t, &trial, owner, e)) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;
	steps_add(is_order(owner) ? &order.log : &trial.log, of, lines);
	return is_order(owner) ? rec_order_put(t, &order, e) : rec_trial_put(t, &trial, e);
}
