/* Following what a CA is asked about an account. */
#include "ctl/ctl.h"

static bool has_failed(const json_t *account)
{
	return str_eq(json_str(account, "state"), "failed") || json_is_object(json_object_get(account, "error"));
}

static bool is_waiting(const json_t *account)
{
	return str_eq(json_str(account, "state"), "new") || json_str(account, "wish");
}

json_t *await_account(struct ctl *ctl, const json_t *account, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/accounts/%s", json_str(account, "name"));
	_cleanup_json_ json_t *now = json_incref((json_t *)account);

	while (now && is_waiting(now) && !has_failed(now)) {
		ctl_pause();
		json_decref(now);
		now = ctl_request(ctl, "GET", path, NULL, e);
	}
	if (!now || !has_failed(now))
		return TAKE(now);
	ctl_put_error(now, e);
	return NULL;
}

int wait_account(struct ctl *ctl, json_t *answer)
{
	_cleanup_json_ json_t *now = NULL;
	struct err e = { 0 };

	if (json_bool(ctl->local, "wait", false)) {
		now = await_account(ctl, answer, &e);
	} else if (has_failed(answer)) {
		ctl_put_error(answer, &e);
	} else {
		now = json_incref(answer);
	}
	return now ? show_account(ctl, now) : ctl_fail(ctl, &e);
}
