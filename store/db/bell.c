#include "store/db/bell.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/db/env.h"

#define CROWD_PART 8		/* of a crowd, so many wait for one batch, */
#define CROWD_EACH_MS 4		/* for each of them: they all take that long anyway */
#define CROWD_MOST 128		/* a larger one is taken for one of this size */
#define AGAIN 5		/* seconds: who is refused may ask again then */
#define LATE_MS 5000	/* a disk that takes as long is told of */

/* The task of this thread. */
static __thread struct {
	uint64_t store;		/* its number: another store's batches are none of ours */
	uint64_t seen;
	bool ahead;
} task;

/*
 * Bells.
 */

/* With the lock held: one waits for this batch, and can for so many ms. */
static void hurry(struct queue *q, uint64_t batch, int64_t patience)
{
	int64_t until = clock_mono_ms() + MIN(patience, q->crowd_ms);

	q->awaited = MAX(q->awaited, batch);
	if (batch == q->open.number) {
		q->open.waiters++;
		q->open.patience = q->open.patience ? MIN(q->open.patience, until) : until;
	}
	pthread_cond_signal(&q->work);
}

static void ring(void *arg)
{
	struct bell *b = arg;
	struct queue *q = &b->store->queue;

	pthread_mutex_lock(&q->lock);
	b->posted = false;
	if (b->awaited <= q->decided)
		b->awaited = 0;
	if (!b->awaited)
		timer_stop(&b->late);
	pthread_mutex_unlock(&q->lock);
	b->fn(b->arg);
}

/* Is it the disk, and not said yet? */
static bool is_news(const struct queue *q)
{
	bool on_disk = q->flying.number && (!q->flying.own || q->flying.position);

	return on_disk && q->slow != q->flying.number && clock_mono_ms() >= q->begun + LATE_MS;
}

static void still_waits(void *arg)
{
	struct bell *b = arg;
	struct queue *q = &b->store->queue;

	timer_start(&b->late, b->loop, LATE_MS, still_waits, b);
	pthread_mutex_lock(&q->lock);
	if (is_news(q)) {
		q->slow = q->flying.number;
		log_warn("writing the store in %s takes longer than %d seconds: orders and changes wait for the disk",
			 b->store->directory, LATE_MS / 1000);
	}
	pthread_mutex_unlock(&q->lock);
}

static void post(struct bell *b)
{
	if (!b->posted)
		loop_post(b->loop, ring, b);
	b->posted = true;
}

struct bell *bell_new(struct store *s, struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct bell *b = xcalloc(1, sizeof(*b));

	*b = (struct bell){ .store = s, .loop = loop, .fn = fn, .arg = arg };
	pthread_mutex_lock(&s->queue.lock);
	b->next = s->queue.bells;
	s->queue.bells = b;
	pthread_mutex_unlock(&s->queue.lock);
	return b;
}

void bell_free(struct bell *b)
{
	struct bell **link;

	if (!b)
		return;
	pthread_mutex_lock(&b->store->queue.lock);
	link = &b->store->queue.bells;
	while (*link != b)
		link = &(*link)->next;
	*link = b->next;
	pthread_mutex_unlock(&b->store->queue.lock);
	timer_stop(&b->late);
	free(b);
}

void bell_await(struct bell *b, uint64_t batch)
{
	struct queue *q = &b->store->queue;

	pthread_mutex_lock(&q->lock);
	if (batch <= q->decided) {
		post(b);
	} else {
		if (!b->awaited)
			timer_start(&b->late, b->loop, LATE_MS, still_waits, b);
		b->awaited = b->awaited ? MIN(b->awaited, batch) : batch;
		hurry(q, batch, b->patience);
	}
	pthread_mutex_unlock(&q->lock);
}

void bell_patience(struct bell *b, int64_t ms)
{
	b->patience = ms;
}

void store_crowd(struct store *s, int count)
{
	struct queue *q = &s->queue;

	count = MIN(count, CROWD_MOST);
	pthread_mutex_lock(&q->lock);
	q->company = 1 + count / CROWD_PART;
	q->crowd_ms = q->company > 1 ? count * CROWD_EACH_MS : 0;
	pthread_mutex_unlock(&q->lock);
}

void bell_watch(struct bell *b, enum table table, bool on)
{
	pthread_mutex_lock(&b->store->queue.lock);
	b->watched[table] = on;
	pthread_mutex_unlock(&b->store->queue.lock);
}

void bells_ring(struct store *s, const bool *touched)
{
	struct queue *q = &s->queue;

	pthread_cond_broadcast(&q->done);
	for (struct bell *b = q->bells; b; b = b->next) {
		bool rings = !touched || (b->awaited && b->awaited <= q->decided);

		for (size_t i = 0; i < TABLES && !rings; i++)
			rings = b->watched[i] && touched[i];
		if (rings)
			post(b);
	}
}

/*
 * Fates.
 */

static bool was_lost(const struct store *s, uint64_t batch)
{
	const struct queue *q = &s->queue;
	size_t remembered = MIN(q->losses, (size_t)QUEUE_LOSSES);

	for (size_t i = 0; i < remembered; i++)
		if (q->loss[i].first <= batch && batch <= q->loss[i].last)
			return true;
	return q->losses > QUEUE_LOSSES && batch < q->loss[q->losses % QUEUE_LOSSES].first;
}

enum fate store_fate(struct store *s, uint64_t batch)
{
	bool is_lost;

	if (!batch)
		return FATE_KEPT;
	if (batch > s->queue.decided)
		return FATE_OPEN;
	pthread_mutex_lock(&s->queue.lock);
	is_lost = was_lost(s, batch);
	pthread_mutex_unlock(&s->queue.lock);
	return is_lost ? FATE_LOST : FATE_KEPT;
}

static int tell_why(struct store *s, const struct err *why, struct err *e)
{
	pthread_mutex_lock(&s->queue.lock);
	if (e) {
		*e = *why;
		e->retry_at = clock_now() + AGAIN;
	}
	pthread_mutex_unlock(&s->queue.lock);
	return -1;
}

int store_lost(struct store *s, struct err *e)
{
	return tell_why(s, &s->queue.trouble, e);
}

int store_not_ours(struct store *s, struct err *e)
{
	return tell_why(s, &s->queue.why, e);
}

/*
 * Tasks.
 */

void task_saw(const struct store *s, uint64_t batch)
{
	if (task.store != s->number)
		task.ahead = false;
	task.store = s->number;
	task.seen = batch;
}

void store_task(struct store *s, uint64_t seen)
{
	task_saw(s, seen);
}

void store_task_ahead(struct store *s)
{
	store_task(s, 0);
	task.ahead = true;
}

uint64_t task_seen(const struct store *s)
{
	return task.store == s->number ? task.seen : 0;
}

bool task_is_ahead(const struct store *s)
{
	return task.store == s->number && task.ahead;
}

uint64_t store_seen(struct store *s)
{
	if (task.store != s->number || store_fate(s, task.seen) == FATE_KEPT)
		task_saw(s, 0);
	return task.seen;
}

int store_settle(struct store *s, struct err *e)
{
	struct queue *q = &s->queue;
	uint64_t batch = store_seen(s);

	if (!batch)
		return 0;
	gate_pin(&s->gate, true);
	pthread_mutex_lock(&q->lock);
	hurry(q, batch, 0);
	while (batch > q->decided || q->trying)
		pthread_cond_wait(&q->done, &q->lock);
	pthread_mutex_unlock(&q->lock);
	gate_pin(&s->gate, false);
	if (store_fate(s, batch) == FATE_KEPT)
		return 0;
	store_task(s, 0);
	return store_lost(s, e);
}
