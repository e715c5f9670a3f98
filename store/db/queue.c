#include "store/db/queue.h"

#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/db/bell.h"
#include "store/db/entry.h"
#include "store/db/env.h"
#include "store/db/store_log.h"

#define ENOUGH ((size_t)8 * 1024 * 1024)	/* bytes: such a batch waits for no company */
#define APART_MS 10				/* between batches that are waited for: each gets its company */
#define TRIAL_MS 250				/* between trials to write again */
#define GROWTHS 8				/* of the map, for one batch */

/*
 * Layers and batches, with the lock held.
 */

static void unpin(struct layer *l)
{
	if (!--l->pins)
		layer_free(l);
}

static bool is_private(const struct batch *b, size_t i)
{
	return b->layer[i]->pins == 1;
}

/* Two that nobody reads become one. */
static void merge_layers(struct batch *b)
{
	for (size_t i = b->layers; i-- > 1;) {
		if (!is_private(b, i) || !is_private(b, i - 1))
			continue;
		layer_take(b->layer[i - 1], b->layer[i]);
		layer_free(b->layer[i]);
		b->layers--;
		memmove(b->layer + i, b->layer + i + 1, (b->layers - i) * sizeof(*b->layer));
	}
}

uint64_t queue_add(struct store *s, struct layer *l, bool makes_tables, int64_t within)
{
	struct queue *q = &s->queue;
	struct batch *b = &q->open;
	int64_t due = clock_mono_ms() + within;

	b->bytes += l->bytes;
	b->makes_tables |= makes_tables;
	b->layer = xreallocarray(b->layer, b->layers + 1, sizeof(*b->layer));
	b->layer[b->layers++] = l;
	l->pins = 1;
	merge_layers(b);
	if (b->bytes >= ENOUGH)
		due = clock_mono_ms();
	if (!b->due || due < b->due) {
		b->due = due;
		pthread_cond_signal(&q->work);
	}
	return b->number;
}

static void pin_batch(const struct batch *b, struct layer ***pinned, size_t *count)
{
	*pinned = xreallocarray(*pinned, *count + b->layers, sizeof(**pinned));
	for (size_t i = 0; i < b->layers; i++) {
		b->layer[i]->pins++;
		(*pinned)[(*count)++] = b->layer[i];
	}
}

struct layer **queue_pin(struct store *s, size_t snapshot, size_t *count, uint64_t *newest)
{
	const struct queue *q = &s->queue;
	struct layer **pinned = NULL;

	*count = 0;
	if (q->flying.number && (!q->flying.lmdb || snapshot < q->flying.lmdb)) {
		pin_batch(&q->flying, &pinned, count);
		*newest = q->flying.number;
	}
	if (q->open.due) {
		pin_batch(&q->open, &pinned, count);
		*newest = q->open.number;
	}
	return pinned;
}

void queue_unpin(struct layer **pinned, size_t count)
{
	for (size_t i = 0; i < count; i++)
		unpin(pinned[i]);
	free(pinned);
}

static void drop(struct batch *b)
{
	queue_unpin(b->layer, b->layers);
	*b = (struct batch){ 0 };
}

/*
 * The writer's work on the disk, without the lock.
 */

static int put_rows(MDB_txn *txn, MDB_dbi dbi, const struct layer *l, enum table table)
{
	const struct change *c = layer_seek(l, table, slice(NULL, 0), LAYER_FROM);
	int rc = 0;

	for (; c && !rc; c = c->next[0]) {
		MDB_val key = { c->key.len, (void *)c->key.data }, value = { c->value.len, (void *)c->value.data };

		rc = c->gone ? mdb_del(txn, dbi, &key, NULL) : mdb_put(txn, dbi, &key, &value, 0);
		if (rc == MDB_NOTFOUND)
			rc = 0;
	}
	return rc;
}

static int put_position(struct store *s, MDB_txn *txn, uint64_t position)
{
	char text[24];
	MDB_val key = { strlen(NODE_POSITION), NODE_POSITION };
	MDB_val value = { (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)position), text };

	return mdb_put(txn, s->dbi[TABLE_node], &key, &value, 0);
}

static int put_all(struct store *s, MDB_txn *txn, const struct batch *b)
{
	int rc = b->makes_tables ? env_make_tables(s, txn) : 0;

	for (size_t i = 0; i < b->layers && !rc; i++)
		for (size_t table = 0; table < TABLES && !rc; table++)
			rc = put_rows(txn, s->dbi[table], b->layer[i], table);
	if (!rc && b->position)
		rc = put_position(s, txn, b->position);
	return rc;
}

static int commit(struct store *s, MDB_txn *txn)
{
	int rc = mdb_txn_commit(txn);

	if (rc)
		env_note_failure(s, rc);
	return rc;
}

static int write_once(struct store *s, struct batch *b, size_t room)
{
	MDB_txn *txn;
	int rc = env_repair(s);

	if (!rc)
		rc = env_make_room(s, room);
	if (!rc)
		rc = mdb_txn_begin(s->env, NULL, 0, &txn);
	if (rc)
		return rc;
	rc = put_all(s, txn, b);
	if (rc) {
		mdb_txn_abort(txn);
		env_note_failure(s, rc);
		return rc;
	}
	pthread_mutex_lock(&s->queue.lock);
	b->lmdb = mdb_txn_id(txn);
	pthread_mutex_unlock(&s->queue.lock);
	return commit(s, txn);
}

/* How many bytes of the map a batch may take: each change may touch a page of its own. */
static size_t room_for(const struct batch *b)
{
	size_t changes = 0;

	for (size_t i = 0; i < b->layers; i++)
		changes += b->layer[i]->changes;
	return b->bytes + changes * 4096;
}

static int write_batch(struct store *s, struct batch *b)
{
	int rc = write_once(s, b, room_for(b));

	for (int i = 0; i < GROWTHS && rc == MDB_MAP_FULL; i++)
		rc = write_once(s, b, 0);
	if (rc && b->makes_tables && s->env)	/* handles made in a transaction that failed are none */
		env_open_tables(s);
	return rc;
}

/* Can it be written again?  Writes what is there already. */
static int try_to_write(struct store *s)
{
	MDB_val key = { strlen("format"), "format" }, value;
	MDB_txn *txn;
	int rc = env_repair(s);

	if (!rc)
		rc = env_make_room(s, 0);
	if (!rc)
		rc = mdb_txn_begin(s->env, NULL, 0, &txn);
	if (rc)
		return rc;
	rc = s->dbi[TABLE_meta] == NO_TABLE ? MDB_NOTFOUND : mdb_get(txn, s->dbi[TABLE_meta], &key, &value);
	if (!rc) {
		_cleanup_free_ void *copy = xmemdup(value.mv_data, value.mv_size);

		value.mv_data = copy;
		rc = mdb_put(txn, s->dbi[TABLE_meta], &key, &value, 0);
	}
	if (!rc)
		return commit(s, txn);
	mdb_txn_abort(txn);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/*
 * The writer.
 */

static void kept(struct store *s)
{
	struct queue *q = &s->queue;
	bool touched[TABLES] = { false };

	for (size_t table = 0; table < TABLES; table++) {
		for (size_t i = 0; i < q->flying.layers; i++)
			touched[table] |= layer_touches(q->flying.layer[i], table);
		s->changes[table] += touched[table];
	}
	q->decided = q->flying.number;
	if (q->slow == q->flying.number)
		log_warn("the store in %s is written: that took %lld seconds", s->directory,
			 (long long)(clock_mono_ms() - q->begun) / 1000);
	if (q->flying.position)
		q->applied = q->flying.position;
	drop(&q->flying);
	bells_ring(s, touched);
}

static void try_again(struct store *s)
{
	struct queue *q = &s->queue;
	int rc;

	pthread_mutex_unlock(&q->lock);
	rc = try_to_write(s);
	pthread_mutex_lock(&q->lock);
	if (rc)
		return;
	q->refusing = false;
	bells_ring(s, NULL);
	log_info("the store in %s can be written again", s->directory);
}

static void drop_all(struct store *s)
{
	struct queue *q = &s->queue;
	uint64_t last = q->open.number;

	q->loss[q->losses++ % QUEUE_LOSSES] = (struct loss){ q->flying.number ? q->flying.number : last, last };
	drop(&q->flying);
	drop(&q->open);
	q->open.number = last + 1;
	q->decided = last;
	q->position = q->applied;
}

static void lost(struct store *s, int rc)
{
	struct queue *q = &s->queue;
	bool behind = q->flying.own;

	env_fail(s, &q->trouble, "writing", rc);
	drop_all(s);
	q->refusing = q->trying = true;
	if (behind) {
		err_prefix(&q->trouble, "the change was made, but this server cannot keep it");
		q->following = true;
		q->why = q->trouble;
		q->log->fell_behind(q->log->arg);
	}
	log_err(LOG_LEVEL_ERROR, &q->trouble);
	try_again(s);
	q->trying = false;
	bells_ring(s, NULL);
}

/* The log does not have it: our disk is as good as before, but we write no more. */
static void not_appended(struct store *s, const struct err *why)
{
	struct queue *q = &s->queue;

	q->trouble = q->why = *why;
	q->following = true;
	drop_all(s);
	bells_ring(s, NULL);
}

/* Without the lock.  The number of its entry, or 0 and why there is none. */
static uint64_t append(struct store *s, const struct batch *b, uint64_t position, struct err *why)
{
	const struct store_log *log = s->queue.log;
	_cleanup_buf_ struct buf entry = BUF_INIT;

	for (size_t i = 0; i < b->layers; i++)
		entry_add(&entry, b->layer[i]);
	return log->append(log->arg, position, slice_buf(&entry), why) < 0 ? 0 : position;
}

void queue_follow(struct store *s, const struct err *why)
{
	struct queue *q = &s->queue;

	q->following = true;
	q->why = *why;
	if (q->open.own && !q->flying.number)	/* else the writer finds out */
		not_appended(s, why);
}

/* Of a batch of ours.  -1: it is lost. */
static int append_flying(struct store *s)
{
	struct queue *q = &s->queue;
	uint64_t position = q->position + 1;
	struct err why = q->why;

	if (!q->following) {
		pthread_mutex_unlock(&q->lock);
		position = append(s, &q->flying, position, &why);
		pthread_mutex_lock(&q->lock);
	} else {
		position = 0;
	}
	if (!position) {
		not_appended(s, &why);
		return -1;
	}
	q->position = q->flying.position = position;
	return 0;
}

static void write_open(struct store *s)
{
	struct queue *q = &s->queue;
	int rc;

	q->begun = clock_mono_ms();
	q->flying = q->open;
	q->open = (struct batch){ .number = q->flying.number + 1 };
	if (q->flying.own && append_flying(s) < 0)
		return;
	pthread_mutex_unlock(&q->lock);
	rc = write_batch(s, &q->flying);
	pthread_mutex_lock(&q->lock);
	if (rc)
		lost(s, rc);
	else
		kept(s);
}

/* When the open batch is to be written; 0: it is empty.  In a crowd it is waited for until enough wait for it. */
static int64_t due(const struct queue *q)
{
	bool crowd = q->crowd_ms && q->open.bytes < ENOUGH;
	int64_t unasked = q->open.due + (crowd ? q->crowd_ms : 0), asked = q->begun + APART_MS;

	if (!q->open.due || q->ending)
		return q->open.due;
	if (q->awaited < q->open.number)
		return unasked;
	if (crowd && q->open.waiters < q->company)
		asked = MAX(asked, q->open.patience);
	return MIN(unasked, asked);
}

/* until 0: for work alone */
static void wait_until(struct queue *q, int64_t until)
{
	struct timespec at = { until / 1000, until % 1000 * 1000000 };

	if (until)
		pthread_cond_timedwait(&q->work, &q->lock, &at);
	else
		pthread_cond_wait(&q->work, &q->lock);
}

static void *writer(void *arg)
{
	struct store *s = arg;
	struct queue *q = &s->queue;

	log_role("writer");
	pthread_mutex_lock(&q->lock);
	while (!q->ending || (q->open.due && !q->refusing)) {
		if (due(q) && (q->ending || due(q) <= clock_mono_ms()))
			write_open(s);
		else
			wait_until(q, q->refusing ? clock_mono_ms() + TRIAL_MS : due(q));
		if (q->refusing && !q->ending)
			try_again(s);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

int queue_begin(struct store *s, struct err *e)
{
	struct queue *q = &s->queue;
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->work, &attr);
	pthread_cond_init(&q->done, NULL);
	pthread_condattr_destroy(&attr);
	q->open.number = 1;
	if (pthread_create(&q->writer, NULL, writer, s))
		return err_set(e, ERR_INTERNAL, "starting a thread failed");
	q->running = true;
	return 0;
}

void queue_end(struct store *s)
{
	struct queue *q = &s->queue;

	if (!q->running)
		return;
	pthread_mutex_lock(&q->lock);
	q->ending = true;
	pthread_cond_signal(&q->work);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->writer, NULL);
	q->running = false;
	drop(&q->open);
}
