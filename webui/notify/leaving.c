/* GET /api/v1/channels/NAME/leaving: what stops when a channel is disabled or removed. */
#include "store/notify/alert.h"
#include "store/notify/own_channel.h"
#include "webui/notify/channel.h"

struct channel_leaving {
	const struct rec_channel *channel;
	bool others[ALERTS];	/* a different channel, which is for everything, gets this alert */
	int64_t waiting;
};

static int look_channel(void *arg, void *rec, struct err *e)
{
	const struct rec_channel *other = rec;
	struct channel_leaving *l = arg;

	if (str_eq(other->id, l->channel->id) || (other->owner_id && *other->owner_id) || own_channel_purpose(other))
		return 0;
	for (int i = 0; i < ALERTS; i++)
		l->others[i] |= channel_wants(other, (enum alert)i, ALERT_LEVEL_error);
	return 0;
}

static int look_message(void *arg, void *rec, struct err *e)
{
	const struct rec_outbox *message = rec;

	((struct channel_leaving *)arg)->waiting += str_eq(message->state, OUTBOX_QUEUED);
	return 0;
}

/* Alerts that nobody else gets.  Of a channel of one user that is the user's affair. */
static json_t *show_alone(const struct channel_leaving *l)
{
	bool personal = (l->channel->owner_id && *l->channel->owner_id) || own_channel_purpose(l->channel);
	json_t *list = json_array();

	for (int i = 0; i < ALERTS && !personal; i++)
		if (i != ALERT_test && !l->others[i] && channel_wants(l->channel, (enum alert)i, ALERT_LEVEL_error))
			json_array_append_new(list, json_string(alert_word((enum alert)i)));
	return list;
}

int page_channel_leaving(struct request *r, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	struct channel_leaving l = { .channel = &channel };
	_cleanup_free_ char *prefix = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_read(r->webui->env->store, &t, e) < 0 || channel_find(r, t, &channel, e) < 0)
		return -1;
	prefix = xasprintf("%s/", channel.id);
	if (record_each(t, &rec_channel_type, "", false, look_channel, &l, e) < 0 ||
	    record_each(t, &rec_outbox_type, prefix, false, look_message, &l, e) < 0)
		return -1;
	answer = channel_show(t, &channel);
	json_put_int(answer, "waiting", l.waiting);
	json_object_set_new(answer, "alone", show_alone(&l));
	return reply_json(r, 200, answer);
}
