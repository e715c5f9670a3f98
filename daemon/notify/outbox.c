#include "daemon/notify/outbox.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/fetch/fetch.h"
#include "base/log.h"
#include "base/metric.h"
#include "store/event/history.h"

#include "daemon/engine/retry.h"

#define KEPT (30 * 86400)		/* seconds that a message stays to be looked at when it is done with */
#define LONGEST_WAIT (6 * 3600)
#define ITEMS_TEXT (48 * 1024)		/* bytes of text in a digest */
#define DIGEST_MOST 1000		/* others in it: they are written in one transaction */

static void delivery_free(struct delivery *d)
{
	if (d->mailing)
		mail_unsend(d->mailing);
	if (d->fetch)
		fetch_cancel(d->fetch);
	if (d->question)
		keeper_cancel(d->question);
	rec_outbox_release(&d->message);
	rec_channel_release(&d->channel);
	wipe_free(d->url);
	free(d->body);
	free(d->signature);
	free(d);
}

static void delivery_cancel(struct job *job)
{
	delivery_free((struct delivery *)job);
}

char *outbox_server(const struct engine *g)
{
	return config_hostname(g->config);
}

bool outbox_same_channel(const char *id, const char *other)
{
	return !strncmp(id, other, strcspn(id, "/") + 1);
}

/*
 * The end of a try.
 */

static int set_row(struct txn *t, const struct rec_channel *channel, struct rec_outbox *m, int64_t due, struct err *e)
{
	if (rec_outbox_put(t, m, e) < 0)
		return -1;
	return agenda_set(t, channel_agenda(channel), m->id, due, e);
}

static int delivered(struct txn *t, struct rec_channel *channel, struct rec_outbox *m, int64_t now, struct err *e)
{
	record_set(&m->state, OUTBOX_SENT);
	record_set(&m->error, NULL);
	m->sent = channel->sent = now;
	m->next_at = 0;
	record_set(&channel->error, NULL);
	metric_add(METRIC_deliveries_sent, 1);
	log_info("alert %s about %s: delivered to %s", m->alert, m->name, m->recipient ? m->recipient : channel->name);
	return set_row(t, channel, m, now + KEPT, e);
}

static int64_t next_try(const struct engine *g, const struct rec_outbox *m, const struct err *why, int64_t now)
{
	int64_t wait = g->config->notify_retry_after;

	for (int64_t i = 1; i < m->tries && wait < LONGEST_WAIT; i++)
		wait *= 2;
	wait = MIN(wait, LONGEST_WAIT);
	wait += (int64_t)random_below((uint64_t)wait / 10 + 1);
	return MAX(now + wait, why->retry_at);
}

static int given_up(struct txn *t, const struct rec_channel *channel, struct rec_outbox *m, const struct err *why,
		    int64_t now, struct err *e)
{
	record_set(&m->state, OUTBOX_DEAD);
	m->next_at = 0;
	metric_add(METRIC_deliveries_dead, 1);
	log_error("alert %s about %s: given up: %s", m->alert, m->name, why->message);
	if (set_row(t, channel, m, now + KEPT, e) < 0)
		return -1;
	return history_add(t, &(struct event_of){ .actor = "engine", .action = "alert.given-up", .object = channel->id,
						  .name = channel->name },
			   e, "message %lld, %s about %s: %s", (long long)record_child_number(m->id), m->alert, m->name,
			   why->message);
}

static int not_delivered(struct engine *g, struct txn *t, struct rec_channel *channel, struct rec_outbox *m,
			 const struct err *why, bool final, int64_t now, struct err *e)
{
	_cleanup_free_ char *problem = error_text(why);
	int64_t again;

	m->tries++;
	record_set(&m->error, problem);
	record_set(&channel->error, problem);
	again = next_try(g, m, why, now);
	if (final || str_eq(m->alert, alert_word(ALERT_test)) || again > m->queued + g->config->notify_give_up_after)
		return given_up(t, channel, m, why, now, e);
	metric_add(METRIC_deliveries_failed, 1);
	log_warn("alert %s about %s: %s", m->alert, m->name, why->message);
	m->next_at = again;
	return set_row(t, channel, m, again, e);
}

static int outbox_finish(struct delivery *d, const struct err *why, bool final, char ***dialogue, struct err *e)
{
	_cleanup_(rec_channel_release) struct rec_channel channel = { 0 };
	_cleanup_(rec_outbox_release) struct rec_outbox m = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	struct engine *g = d->job.engine;
	int64_t now = clock_now();

	if (store_write(g->store, &t, e) < 0)
		return -1;
	if (rec_outbox_get(t, &m, d->message.id, e) < 0 || rec_channel_get(t, &channel, d->channel.id, e) < 0)
		return e->kind == ERR_MISSING ? 0 : -1;	/* removed meanwhile, with its row */
	strv_free(m.dialogue);
	m.dialogue = TAKE(*dialogue);
	if ((why ? not_delivered(g, t, &channel, &m, why, final, now, e) : delivered(t, &channel, &m, now, e)) < 0 ||
	    rec_channel_put(t, &channel, e) < 0)
		return -1;
	return txn_commit(TAKE(t), e);
}

void outbox_ended(struct delivery *d, const struct err *why, bool final, char **dialogue)
{
	struct engine *g = d->job.engine;
	struct err e = { 0 };

	if (why && str_eq(why->code, KEEPER_DIED)) {
		engine_hold(g, why);	/* we are going down with it: nothing was tried */
	} else if (outbox_finish(d, why, final, &dialogue, &e) < 0) {
		engine_hold(g, &e);
	}
	strv_free(dialogue);
	engine_end(&d->job);
	delivery_free(d);
}

/*
 * Many at once become one.
 */

struct digest {
	const struct rec_outbox *first;
	char **ids;		/* of the others */
	json_t *items;
	size_t text, left_out;
	int level;
};

static void outbox_add_item(struct digest *d, const struct rec_outbox *m)
{
	json_t *item = json_object();

	d->level = MAX(d->level, alert_level_by_word(m->level, NULL));
	d->text += strlen(m->subject) + strlen(m->text);
	if (d->text > ITEMS_TEXT) {
		d->left_out++;
		json_decref(item);
		return;
	}
	json_put_str(item, "alert", m->alert);
	json_put_str(item, "level", m->level);
	json_put_time(item, "time", m->created);
	json_put_str(item, "name", m->name);
	json_put_str(item, "subject", m->subject);
	json_put_str(item, "text", m->text);
	json_array_append_new(d->items, item);
}

static bool is_fresh(const struct rec_outbox *m)
{
	return str_eq(m->state, OUTBOX_QUEUED) && !m->tries && !m->urgent && !m->items;
}

/* From the newest back to the first: what is older was dealt with before it. */
static int collect_fresh(void *arg, void *rec, struct err *e)
{
	const struct rec_outbox *m = rec;
	struct digest *d = arg;

	if (record_child_number(m->id) <= record_child_number(d->first->id) || strv_len(d->ids) == DIGEST_MOST)
		return 1;
	if (is_fresh(m) && str_eq(m->recipient ? m->recipient : "", d->first->recipient ? d->first->recipient : "")) {
		outbox_add_item(d, m);
		strv_add(&d->ids, m->id);
	}
	return 0;
}

static int fold_in(struct txn *t, const struct rec_channel *channel, char *const *ids, int64_t now, struct err *e)
{
	for (; ids && *ids; ids++) {
		_cleanup_(rec_outbox_release) struct rec_outbox m = { 0 };

		if (rec_outbox_get(t, &m, *ids, e) < 0)
			return -1;
		record_set(&m.state, OUTBOX_DIGESTED);
		m.next_at = 0;
		if (set_row(t, channel, &m, now + KEPT, e) < 0)
			return -1;
	}
	return 0;
}

static int make_digest(struct txn *t, const struct rec_channel *channel, struct rec_outbox *m, struct digest *d,
		       struct err *e)
{
	_cleanup_free_ char *items = json_write(d->items);
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t count = strv_len(d->ids) + 1;

	buf_addf(&text, "%zu alerts came together.", count);
	if (d->left_out)
		buf_addf(&text, " %zu of them are left out here; the page Messages (certeractl outbox list) has all.",
			 d->left_out);
	free(m->subject);
	m->subject = xasprintf("%zu alerts", count);
	record_set(&m->text, buf_str(&text));
	record_set(&m->items, items);
	record_set(&m->alert, "digest");
	record_set(&m->level, alert_level_word((enum alert_level)d->level));
	record_set(&m->facts, NULL);
	record_set(&m->object, NULL);
	record_set(&m->name, channel->name);
	if (rec_outbox_put(t, m, e) < 0)
		return -1;
	return fold_in(t, channel, d->ids, clock_now(), e);
}

/* If enough others are fresh, the message becomes the digest of them all. */
static int gather(struct engine *g, struct txn *t, const struct rec_channel *channel, struct rec_outbox *m,
		  struct err *e)
{
	_cleanup_free_ char *prefix = xasprintf("%s/", channel->id);
	struct digest d = { .first = m, .items = json_array() };
	int failed;

	outbox_add_item(&d, m);
	failed = record_each(t, &rec_outbox_type, prefix, true, collect_fresh, &d, e);
	if (!failed && (int64_t)strv_len(d.ids) + 1 >= g->config->notify_digest)
		failed = make_digest(t, channel, m, &d, e);
	json_decref(d.items);
	strv_free(d.ids);
	return failed;
}

/*
 * The due row.
 */

static int outbox_drop_row(struct txn *t, const struct agenda_row *row, struct err *e)
{
	return rec_outbox_delete(t, row->id, e) < 0 ? -1 : agenda_delete(t, row->kind, row->id, e);
}

/* 1: it is to be tried now; 0: the row is dealt with. */
static int outbox_look_up(struct engine *g, struct txn *t, const struct agenda_row *row, struct delivery *d,
			  struct err *e)
{
	_cleanup_free_ char *channel_id = record_parent_id(row->id);
	int64_t now = clock_now(), from;

	if (rec_outbox_get(t, &d->message, row->id, e) < 0 || rec_channel_get(t, &d->channel, channel_id, e) < 0)
		return e->kind == ERR_MISSING ? outbox_drop_row(t, row, e) : -1;
	if (!str_eq(d->message.state, OUTBOX_QUEUED))	/* it was kept long enough */
		return outbox_drop_row(t, row, e);
	if (!is_fresh(&d->message))
		return 1;
	from = d->message.created + g->config->notify_gather;
	if (from > now) {
		d->message.next_at = from;
		return set_row(t, &d->channel, &d->message, from, e);
	}
	return gather(g, t, &d->channel, &d->message, e) < 0 ? -1 : 1;
}

static void outbox_begin(struct delivery *d)
{
	struct err why = { 0 };

	if (d->channel.disabled) {
		err_set(&why, ERR_CONFLICT, "the channel %s is disabled", d->channel.name);
		outbox_ended(d, &why, false, NULL);
	} else if (channel_agenda(&d->channel) == AGENDA_mail) {
		mail_out(d);
	} else {
		post_out(d);
	}
}

int outbox_due(struct engine *g, const struct agenda_row *row, struct err *e)
{
	struct delivery *d = xcalloc(1, sizeof(*d));
	_cleanup_txn_ struct txn *t = NULL;
	int go = store_write(g->store, &t, e);

	if (go == 0)
		go = outbox_look_up(g, t, row, d, e);
	if (go >= 0 && txn_commit(TAKE(t), e) < 0)
		go = -1;
	if (go > 0) {
		engine_begin(g, &d->job, row, delivery_cancel);
		outbox_begin(d);
		return 0;
	}
	delivery_free(d);
	if (go == 0)
		engine_wake(g);
	return go;
}
