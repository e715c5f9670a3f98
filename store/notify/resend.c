#include "store/notify/resend.h"

#include "base/clock.h"
#include "base/digest.h"
#include "store/notify/alert.h"
#include "store/notify/own_channel.h"

#define KEY_BYTES 16

struct last_alert {
	const char *object;
	int64_t created;
	char *id;
};

static int look_at(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	const struct rec_outbox *m = rec;
	struct last_alert *n = arg;

	if (!slice_eq(value[REC_outbox_object], slice_str(n->object)) || m->created < n->created)
		return 0;
	free(n->id);
	n->id = xstrndup(value[REC_outbox_id].data, value[REC_outbox_id].len);
	n->created = m->created;
	return 0;
}

static int find_newest(struct txn *t, const char *object, struct rec_outbox *m, struct err *e)
{
	struct last_alert n = { .object = object };
	int result = record_skim(t, &rec_outbox_type, look_at, &n, e);

	if (result == 0 && !n.id)
		result = err_set(e, ERR_MISSING, "there is no alert about it yet: nothing to send again");
	if (result == 0)
		result = rec_outbox_get(t, m, n.id, e);
	free(n.id);
	return result;
}

int resend_last(struct txn *t, const char *object, const char *recipient, struct rec_outbox *m, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };

	if (find_newest(t, object, m, e) < 0 || own_channel(t, OWN_CONTACTS, &channel, e) < 0)
		return -1;
	if (channel.disabled)
		return err_set(e, ERR_CONFLICT, "the channel %s is disabled", channel.name);
	free(m->id);
	m->id = record_child_id(channel.id, ++channel.newest);
	free(m->key);
	m->key = random_hex(KEY_BYTES);
	record_set(&m->recipient, recipient);
	record_set(&m->state, OUTBOX_QUEUED);
	record_set(&m->error, NULL);
	strv_free(TAKE(m->dialogue));
	m->queued = m->next_at = clock_now();
	m->tries = m->sent = 0;
	m->urgent = true;
	if (rec_outbox_put(t, m, e) < 0 || rec_channel_put(t, &channel, e) < 0)
		return -1;
	return agenda_set(t, channel_agenda(&channel), m->id, m->queued, e);
}
