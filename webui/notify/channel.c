/* /api/v1/channels: where alerts go.  Adding and changing is change.c, what goes to oneself own.c. */
#include "store/leftover.h"
#include "store/notify/alert.h"
#include "store/notify/own_channel.h"
#include "webui/http/name.h"
#include "webui/list/list.h"
#include "webui/notify/channel.h"

#define NAME "name"

int channel_find(struct request *r, struct txn *t, struct rec_channel *channel, struct err *e)
{
	const char *name = params_get(&r->path, NAME);

	if (name_check(name, e) < 0)
		return -1;
	if (rec_channel_by_name(t, channel, name, e) < 0)
		return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "there is no channel %s", name) : -1;
	return 0;
}

/*
 * Showing.
 */

static json_t *show_wanted(const struct rec_channel *channel)
{
	json_t *wanted = json_array();

	for (int i = 0; i < ALERTS; i++) {
		struct rec_channel as_if = *channel;

		as_if.disabled = false;
		as_if.level = NULL;
		if (channel_wants(&as_if, (enum alert)i, ALERT_LEVEL_error) && i != ALERT_test)
			json_array_append_new(wanted, json_string(alert_word((enum alert)i)));
	}
	return wanted;
}

/* Of somebody's own the recipient is that user. */
static void show_owner(json_t *o, struct txn *t, const char *owner_id)
{
	_cleanup_(rec_user_release) struct rec_user user = { 0 };
	bool found = owner_id && *owner_id && rec_user_get(t, &user, owner_id, NULL) == 0;

	json_put_str(o, "owner", found ? user.name : NULL);
	if (found && !json_is_string(json_object_get(o, "host")))
		json_put_strv(o, "recipients", (char *[]){ user.mail, NULL });
}

json_t *channel_show(struct txn *t, const void *rec)
{
	const struct rec_channel *channel = rec;
	json_t *o = rec_channel_json(channel);

	show_owner(o, t, channel->owner_id);
	json_put_bool(o, "signed", channel->secret.len);
	json_put_str(o, "purpose", own_channel_purpose(channel));
	json_object_set_new(o, "wanted", show_wanted(channel));
	return o;
}

void channel_put_choices(const struct request *r, json_t *page, const struct rec_channel *channel)
{
	json_t *choices, *list;

	if (!r->html)
		return;
	choices = json_object();
	list = json_array();
	for (int i = 0; i < ALERTS; i++) {
		_cleanup_free_ char *text = xasprintf("%s: %s", alert_word((enum alert)i), alert_title((enum alert)i));

		if (i != ALERT_test)
			json_array_append_new(list, json_pack("{s:s, s:s}", "value", alert_word((enum alert)i),
							      "text", text));
	}
	json_object_set_new(choices, "alerts", list);
	json_object_set_new(page, "choices", choices);
	json_object_set_new(page, "alerts_shown", show_wanted(channel));
}

static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	return list_is(value[REC_channel_kind], list_filter(l, "kind")) &&
	       list_contains(value[REC_channel_name], l->search);
}

int page_channels(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = { { "name", NULL, 0 }, { NULL, NULL, 0 } };
	static const struct list_type type = {
		.member = "channels", .type = &rec_channel_type, .name = REC_channel_name, .wanted = wanted,
		.sorts = sorts, .show = channel_show,
	};

	return list_reply(r, &type, 0, e);
}

int page_channel(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_read(r->webui->env->store, &t, e) < 0 || channel_find(r, t, &channel, e) < 0)
		return -1;
	answer = channel_show(t, &channel);
	channel_put_choices(r, answer, &channel);
	return reply_json(r, 200, answer);
}

int page_new_channel(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	const char *kind;
	json_t *page;

	if (admin_query(r, &query, e) < 0)
		return -1;
	kind = params_get(&query, "kind");
	page = json_object();
	json_put_str(page, "kind", kind && channel_kind_by_word(kind, NULL) >= 0 ? kind : NULL);
	json_put_bool(page, "server_mails", r->webui->settings->mail);
	channel_put_choices(r, page, &(const struct rec_channel){ 0 });
	return reply_json(r, 200, page);
}

/*
 * Removing it, and trying it out.
 */

int channel_remove(struct request *r, struct txn *taken, const struct rec_channel *channel, struct err *e)
{
	_cleanup_txn_ struct txn *t = taken;

	/* Its messages go with it; their rows find nothing any more. */
	if (leftover_remove_children(t, &rec_outbox_type, channel->id, e) < 0 ||
	    rec_channel_delete(t, channel->id, e) < 0 ||
	    admin_event(r, t, "channel.removed", channel->id, channel->name, e, "with its messages") < 0)
		return -1;
	return admin_commit_reply(r, TAKE(t), true, 200, json_object(), e);
}

int page_channel_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || channel_find(r, t, &channel, e) < 0)
		return -1;
	if (own_channel_purpose(&channel)) {
		err_set(e, ERR_CONFLICT, "the channel %s cannot be removed: it goes to %s", channel.name,
			own_channel_purpose(&channel));
		return err_hint(e, "Disable the channel: then they get nothing.");
	}
	return channel_remove(r, TAKE(t), &channel, e);
}

static int reaches_nobody(const struct rec_channel *channel, struct err *e)
{
	if (own_channel_purpose(channel))
		return err_set(e, ERR_CONFLICT, "%s goes to %s, and has no recipients of its own", channel->name,
			       own_channel_purpose(channel));
	err_set(e, ERR_CONFLICT, "the channel %s reaches nobody: its user has no e-mail address, or is disabled",
		channel->name);
	return err_hint(e, "Add an e-mail address to the user, or enable the user.");
}

int channel_try_out(struct request *r, struct txn *taken, struct rec_channel *channel, struct err *e)
{
	_cleanup_txn_ struct txn *t = taken;
	json_t *answer, *numbers = json_array();
	int64_t before = channel->newest;

	answer = channel_show(t, channel);
	json_object_set_new(answer, "messages", numbers);
	if (alert_test(t, channel, e) < 0 || (channel->newest == before && reaches_nobody(channel, e) < 0) ||
	    admin_event(r, t, "channel.test", channel->id, channel->name, e, "a test message") < 0) {
		json_decref(answer);
		return -1;
	}
	for (int64_t n = before + 1; n <= channel->newest; n++)
		json_array_append_new(numbers, json_integer(n));
	return admin_commit_reply(r, TAKE(t), true, 202, answer, e);
}

int page_channel_test(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || channel_find(r, t, &channel, e) < 0)
		return -1;
	return channel_try_out(r, TAKE(t), &channel, e);
}
