#include "daemon/owner.h"

#include "base/clock.h"

#define LINES_MAX 400

char *owner_of(const char *txt_id)
{
	return xstrndup(txt_id, (size_t)(strrchr(txt_id, '/') - txt_id));
}

static bool is_order(const char *owner)
{
	return strchr(owner, '/');
}

int owner_is_open(struct txn *t, const char *owner, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_(rec_trial_release) struct rec_trial trial = { 0 };
	int failed = is_order(owner) ? rec_order_get(t, &order, owner, e) : rec_trial_get(t, &trial, owner, e);

	if (failed)
		return e->kind == ERR_MISSING ? 0 : -1;
	return is_order(owner) ? !order.finished : str_eq(trial.state, "open");
}

void owner_add_lines(char ***log, char *const *lines)
{
	char now[CLOCK_RFC3339_SIZE];

	clock_rfc3339(now, clock_now());
	for (; lines && *lines && strv_len(*log) < LINES_MAX; lines++) {
		_cleanup_free_ char *line = xasprintf("%s %s", now, *lines);

		strv_add(log, line);
	}
}

int owner_log(struct txn *t, const char *owner, char *const *lines, struct err *e)
{
	_cleanup_(rec_order_release) struct rec_order order = { 0 };
	_cleanup_(rec_trial_release) struct rec_trial trial = { 0 };

	if (is_order(owner) ? rec_order_get(t, &order, owner, e) : rec_trial_get(t, &trial, owner, e))
		return e->kind == ERR_MISSING ? 0 : -1;
	owner_add_lines(is_order(owner) ? &order.log : &trial.log, lines);
	return is_order(owner) ? rec_order_put(t, &order, e) : rec_trial_put(t, &trial, e);
}
