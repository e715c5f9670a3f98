/* The challenge answers of an order on their way to where its CA looks, or set aside for a person to publish. */
#include "daemon/order/issue_type.h"

#include "base/log.h"
#include "daemon/order/by_hand.h"

/* What happens while it publishes, in its history; the last line that is ours is what it does now. */
static void publish_note(void *arg, enum steps_of of, char *const *lines)
{
	struct issue *is = arg;
	_cleanup_txn_ struct txn *t = NULL;
	struct err e = { 0 };

	steps_add(&is->order.log, of, lines);
	if (of == STEPS_OURS)
		record_set(&is->order.activity, lines[strv_len(lines) - 1]);
	if (store_write(is->job.engine->store, &t, &e) < 0 || rec_order_put(t, &is->order, &e) < 0 ||
	    txn_commit(TAKE(t), &e) < 0)
		log_err(LOG_LEVEL_ERROR, &e);	/* the next save tells whether it lasts */
}

static void tell_published(void *arg, const struct err *err)
{
	struct issue *is = arg;
	acme_bytes_cb *cb = TAKE(is->promised);

	cb(is->promised_arg, NULL, err);
}

/* It is durable: so the front hears of it. */
static void await_front(void *arg, const struct err *err)
{
	struct issue *is = arg;

	if (err)
		tell_published(is, err);
	else
		barrier_pass(is->job.engine->published, &is->told, tell_published, is);
}

/* The CA looks as soon as it is told. */
static void publish_done(void *arg, const struct err *err)
{
	struct issue *is = arg;

	is->publication = NULL;
	if (err)
		tell_published(is, err);
	else
		barrier_pass(&is->job.engine->barrier, &is->told, await_front, is);
}

/* The order waits for a person: its row goes, "verify" brings it back. */
static void set_aside(struct issue *is, const struct err *why)
{
	struct err e = { 0 };
	int stored = by_hand_begin(is->job.engine, &is->cert, &is->order, why, &e);

	issue_end(is, stored, &e);
}

static void wait_for_person(void *arg)
{
	set_aside(arg, NULL);
}

static void urls_looked(void *arg, const struct err *err)
{
	struct issue *is = arg;
	struct err e = { 0 };

	is->look = NULL;
	if (err) {
		set_aside(is, err);
		return;
	}
	record_set(&is->order.error, NULL);
	publish_done(is, by_hand_end(is->job.engine, is->cert.id, &e) < 0 ? &e : NULL);
}

static void records_looked(void *arg, const struct err *err)
{
	struct issue *is = arg;
	struct err e = { 0 };

	is->publication = NULL;
	if (!err)
		is->look = by_hand_look_start(is->job.engine, &is->cert, is->order.todo, urls_looked, is, &e);
	if (!is->look)
		set_aside(is, err ? err : &e);
}

void issue_publish(void *engine, struct order *o, const struct acme_answer *answers, size_t count, acme_bytes_cb *cb,
		   void *cb_arg)
{
	struct issue *is = order_owner(o);
	struct publish_of of = {
		.owner = is->order.id,
		.cert = &is->cert,
		.account_url = is->account.kid,
		.only_look = is->cert.by_hand,
		.note = publish_note,
		.done = is->cert.by_hand ? records_looked : publish_done,
		.arg = is,
	};

	is->promised = cb;
	is->promised_arg = cb_arg;
	if (is->cert.by_hand)
		by_hand_todo(&is->order, is->account.kid, answers, count);
	if (is->cert.by_hand && !is->cert.verify)
		timer_start(&is->pause, is->job.engine->loop, 0, wait_for_person, is);
	else
		is->publication = publish_start(engine, &of, answers, count);
}
