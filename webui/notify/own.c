/* /api/v1/me/alerts: those that go to oneself, by a channel of one's own, whose id is the user's. */
#include "base/clock.h"
#include "store/notify/alert.h"
#include "webui/notify/channel.h"
#include "webui/people/person.h"

/* 1: there is one, 0: there is none, -1. */
static int find_own(struct txn *t, const struct rec_user *user, struct rec_channel *channel, struct err *e)
{
	if (rec_channel_get(t, channel, user->id, e) == 0)
		return 1;
	return e->kind == ERR_MISSING ? 0 : -1;
}

void channel_put_own(const struct request *r, json_t *page, struct txn *t, const struct rec_user *user)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	bool on = find_own(t, user, &channel, &(struct err){ 0 }) > 0;
	json_t *alerts = channel_show(t, &channel);

	json_put_bool(alerts, "on", on);
	channel_put_choices(r, alerts, &channel);
	if (r->html)
		json_object_set(page, "choices", json_object_get(alerts, "choices"));
	json_object_set_new(page, "alerts", alerts);
}

static int check_reachable(const struct request *r, const struct rec_user *user, struct err *e)
{
	if (!r->webui->settings->mail)
		return err_set(e, ERR_CONFLICT, "this server sends no mail: mail.host and mail.from are not set");
	if (!user->mail || !*user->mail) {
		err_set(e, ERR_CONFLICT, "you have no e-mail address here");
		return err_hint(e, "An administrator can add it to your user.");
	}
	return 0;
}

int page_me_alerts(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int found;

	if (!body || store_read(r->webui->env->store, &t, e) < 0 || person_self(r, t, &user, e) < 0 ||
	    check_reachable(r, &user, e) < 0)
		return -1;
	found = find_own(t, &user, &channel, e);
	if (found < 0)
		return -1;
	txn_abort(TAKE(t));
	if (!found) {
		channel.created = clock_now();
		channel.name = xasprintf("user-%s", user.name);
		record_set(&channel.id, user.id);
		record_set(&channel.owner_id, user.id);
		record_set(&channel.kind, channel_kind_word(CHANNEL_email));
	}
	return channel_change(r, body, &channel, !found, e);
}

/* Somebody's own channel in a write; owned.  NULL: there is none. */
static struct txn *begin_own(struct request *r, struct rec_channel *channel, struct err *e)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	int found;

	if (store_write(r->webui->env->store, &t, e) < 0 || person_self(r, t, &user, e) < 0)
		return NULL;
	found = find_own(t, &user, channel, e);
	if (!found)
		err_set(e, ERR_MISSING, "no alerts go to you alone");
	return found > 0 ? TAKE(t) : NULL;
}

int page_me_alerts_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	struct txn *t = begin_own(r, &channel, e);

	return t ? channel_remove(r, t, &channel, e) : -1;
}

int page_me_alerts_test(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	struct txn *t = begin_own(r, &channel, e);

	return t ? channel_try_out(r, t, &channel, e) : -1;
}
