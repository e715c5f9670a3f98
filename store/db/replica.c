#include "store/db/replica.h"

#include "base/clock.h"
#include "store/db/env.h"
#include "store/db/queue.h"
#include "store/db/store.h"

static int read_position(struct store *s, uint64_t *position, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_free_ char *text = NULL;
	struct slice value;
	int found;

	if (store_read_durable(s, &t, e) < 0)
		return -1;
	found = txn_get(t, TABLE_node, slice_str(NODE_POSITION), &value, e);
	text = found > 0 ? xstrndup(value.data, value.len) : NULL;
	*position = text ? strtoull(text, NULL, 10) : 0;
	return MIN(found, 0);
}

static int take_position(struct store *s, struct err *e)
{
	struct queue *q = &s->queue;
	uint64_t position;

	if (read_position(s, &position, e) < 0)
		return -1;
	pthread_mutex_lock(&q->lock);
	q->position = position;
	q->applied = position;
	pthread_mutex_unlock(&q->lock);
	return 0;
}

int store_replicate(struct store *s, const struct store_log *log, struct err *e)
{
	struct queue *q = &s->queue;

	if (take_position(s, e) < 0)
		return -1;
	pthread_mutex_lock(&q->lock);
	q->log = log;
	q->following = true;
	err_set(&q->why, ERR_LATER, "this server has not joined the others yet");
	pthread_mutex_unlock(&q->lock);
	return 0;
}

void store_lead(struct store *s)
{
	pthread_mutex_lock(&s->queue.lock);
	s->queue.following = s->queue.retiring = false;
	pthread_mutex_unlock(&s->queue.lock);
}

void store_retire(struct store *s, const struct err *why)
{
	struct queue *q = &s->queue;

	pthread_mutex_lock(&q->lock);
	q->retiring = true;
	q->why = *why;
	q->open.due = q->open.due ? MIN(q->open.due, clock_mono_ms()) : 0;
	pthread_cond_signal(&q->work);
	pthread_mutex_unlock(&q->lock);
}

bool store_retired(struct store *s)
{
	bool retired;

	pthread_mutex_lock(&s->queue.lock);
	retired = !s->queue.open.own && !s->queue.flying.own;
	pthread_mutex_unlock(&s->queue.lock);
	return retired;
}

void store_follow(struct store *s, const struct err *why)
{
	pthread_mutex_lock(&s->queue.lock);
	queue_follow(s, why);
	pthread_mutex_unlock(&s->queue.lock);
}

uint64_t store_position(struct store *s)
{
	uint64_t position;

	pthread_mutex_lock(&s->queue.lock);
	position = s->queue.position;
	pthread_mutex_unlock(&s->queue.lock);
	return position;
}

uint64_t store_applied(const struct store *s)
{
	return s->queue.applied;
}

int store_cluster(struct store *s, char **id, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	struct slice value;
	int found;

	*id = NULL;
	if (store_read_durable(s, &t, e) < 0)
		return -1;
	found = txn_get(t, TABLE_node, slice_str(NODE_CLUSTER), &value, e);
	if (found > 0)
		*id = xstrndup(value.data, value.len);
	return MIN(found, 0);
}

int store_join(struct store *s, const char *id, uint64_t position, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)position);
	if (store_write_local(s, &t, e) < 0)
		return -1;
	if (id ? txn_put(t, TABLE_node, slice_str(NODE_CLUSTER), slice_str(id), e) < 0 ||
			    txn_put(t, TABLE_node, slice_str(NODE_POSITION), slice_str(text), e) < 0
	       : txn_delete(t, TABLE_node, slice_str(NODE_CLUSTER), e) < 0 ||
			    txn_delete(t, TABLE_node, slice_str(NODE_POSITION), e) < 0)
		return -1;
	return txn_commit(TAKE(t), e) < 0 || store_settle(s, e) < 0 ? -1 : take_position(s, e);
}
