#include "store/db/txn.h"

#include <errno.h>

#include "store/db/apply.h"
#include "store/db/bell.h"
#include "store/db/entry.h"
#include "store/db/env.h"
#include "store/db/queue.h"

#define SOON_MS 25		/* until a change is written that nobody waits for: what follows it comes along */
#define CACHE_LINE 64
#define FETCHED_AHEAD 512	/* bytes: a row of a list */
#define HEADERS 32		/* of two rows in LMDB, with their keys: about */
#define LARGE (TXN_MOST / 4)	/* changes: what comes with one more record, its events and alerts, has room */
#define PENDING_MOST ((size_t)64 * 1024 * 1024)	/* bytes not written yet: more would fill the memory */

/* With the queue's lock held. */
static int open_snapshot(struct txn *t, bool ahead)
{
	struct store *s = t->store;
	uint64_t newest = task_seen(s);
	int rc = s->env ? mdb_txn_begin(s->env, NULL, MDB_RDONLY, &t->mdb) : MDB_PANIC;

	if (rc || !ahead)
		return rc;
	t->below = queue_pin(s, mdb_txn_id(t->mdb), &t->belows, &newest);
	t->losses = s->queue.losses;
	task_saw(s, newest);
	return 0;
}

static void leave(struct txn *t)
{
	struct store *s = t->store;
	bool write = t->write;

	gate_leave(&s->gate, &t->guest);
	layer_free(t->own);
	free(t);
	if (write)
		pthread_mutex_unlock(&s->body);
}

/* Who waits for the writing of others is inside the gate: they never wait for it to open. */
static int begin(struct store *s, bool write, bool ahead, struct txn **out)
{
	struct txn *t = xcalloc(1, sizeof(*t));
	int rc;

	t->store = s;
	t->write = write;
	t->own = write ? layer_new() : NULL;
	gate_enter(&s->gate, &t->guest, write);
	if (write)
		pthread_mutex_lock(&s->body);
	pthread_mutex_lock(&s->queue.lock);
	rc = open_snapshot(t, ahead);
	pthread_mutex_unlock(&s->queue.lock);
	if (rc)
		leave(t);
	else
		*out = t;
	return rc;
}

/* What this thread's task builds on must not be lost. */
static int check_task(struct store *s, bool *ahead, struct err *e)
{
	uint64_t seen = store_seen(s);

	*ahead = seen || task_is_ahead(s);
	return store_fate(s, seen) == FATE_LOST ? store_lost(s, e) : 0;
}

int store_read(struct store *s, struct txn **out, struct err *e)
{
	bool ahead;
	int rc;

	*out = NULL;
	if (check_task(s, &ahead, e) < 0)
		return -1;
	rc = begin(s, false, ahead, out);
	return rc ? env_fail(s, e, "reading", rc) : 0;
}

int store_read_durable(struct store *s, struct txn **out, struct err *e)
{
	int rc;

	*out = NULL;
	rc = begin(s, false, false, out);
	return rc ? env_fail(s, e, "reading", rc) : 0;
}

/* May more be written now? */
static int check_queue(struct store *s, bool local, struct err *e)
{
	struct queue *q = &s->queue;
	bool refusing, full, following;

	pthread_mutex_lock(&q->lock);
	refusing = q->refusing;
	following = (q->following || q->retiring) && !local;
	full = q->open.bytes > PENDING_MOST;
	if (refusing)
		pthread_cond_signal(&q->work);	/* somebody wants to write: it is tried now */
	pthread_mutex_unlock(&q->lock);
	if (following)
		return store_not_ours(s, e);
	if (refusing)
		return store_lost(s, e);
	return full ? env_fail(s, e, "writing", EBUSY) : 0;
}

static int begin_write(struct store *s, bool local, struct txn **out, struct err *e)
{
	bool ahead;
	int rc;

	*out = NULL;
	if (check_task(s, &ahead, e) < 0 || check_queue(s, local, e) < 0)
		return -1;
	rc = begin(s, true, true, out);
	if (rc)
		return env_fail(s, e, "writing", rc);
	(*out)->local = local;
	return 0;
}

int store_write(struct store *s, struct txn **out, struct err *e)
{
	return begin_write(s, false, out, e);
}

int store_write_local(struct store *s, struct txn **out, struct err *e)
{
	return begin_write(s, true, out, e);
}

/* For an entry of the log: when it is taken is store_apply()'s to say. */
static int begin_entry(struct store *s, uint64_t position, struct txn **out, struct err *e)
{
	int rc;

	store_task(s, 0);
	rc = begin(s, true, true, out);
	if (rc)
		return env_fail(s, e, "writing", rc);
	(*out)->entry = position;
	return 0;
}

static void end(struct txn *t)
{
	mdb_txn_abort(t->mdb);
	pthread_mutex_lock(&t->store->queue.lock);
	queue_unpin(t->below, t->belows);
	pthread_mutex_unlock(&t->store->queue.lock);
	leave(t);
}

enum handed { HANDED, HANDED_LOST, HANDED_NOT_OURS };

/* LOST: what it builds on was, meanwhile.  NOT_OURS: its changes are not ours to make any more. */
static enum handed hand_over(struct txn *t, int64_t within)
{
	struct store *s = t->store;
	struct queue *q = &s->queue;
	bool own = q->log && !t->local && !t->entry, good, ours;

	pthread_mutex_lock(&q->lock);
	ours = !own || !(q->following || q->retiring);
	/* Of an entry that comes after the end the log still has all. */
	good = t->losses == q->losses && !q->refusing && ours && !(t->entry && q->ending);
	queue_unpin(TAKE(t->below), t->belows);		/* so that the layers can be added to */
	t->belows = 0;
	if (good) {
		task_saw(s, queue_add(s, TAKE(t->own), t->makes_tables, within));
		q->open.own |= own;
	}
	if (good && t->entry)
		q->open.position = q->position = t->entry;
	pthread_mutex_unlock(&q->lock);
	return good ? HANDED : ours ? HANDED_LOST : HANDED_NOT_OURS;
}

/* So that what was only half put is not kept by who did not look. */
static int check_size(const struct txn *t, struct err *e)
{
	if (!t->own || t->entry || t->own->changes <= TXN_MOST)	/* an entry has those of many */
		return 0;
	return err_set(e, ERR_INTERNAL, "a transaction has more than %d changes", TXN_MOST);
}

int txn_commit_within(struct txn *t, int64_t within, struct err *e)
{
	struct store *s = t->store;
	bool changes = t->own && (t->own->changes || t->makes_tables || t->entry);
	enum handed handed;

	if (check_size(t, e) < 0) {
		end(t);
		return -1;
	}
	handed = changes ? hand_over(t, within) : HANDED;
	end(t);
	if (handed == HANDED)
		return 0;
	return handed == HANDED_LOST ? store_lost(s, e) : store_not_ours(s, e);
}

int txn_commit(struct txn *t, struct err *e)
{
	return txn_commit_within(t, SOON_MS, e);
}

/*
 * Entries of the log.
 */

/* Is nothing of ours under way that the log does not have, and can the disk follow? */
static bool takes_entry(struct store *s, uint64_t position)
{
	struct queue *q = &s->queue;
	bool takes;

	pthread_mutex_lock(&q->lock);
	takes = q->following && !q->ending && !q->open.own && !q->flying.own && !q->refusing &&
		q->open.bytes <= PENDING_MOST &&
		position == q->position + 1 && (!q->hold || position <= q->hold);
	pthread_mutex_unlock(&q->lock);
	return takes;
}

static int apply_change(void *arg, enum table table, struct slice key, const struct slice *value, struct err *e)
{
	return value ? txn_put(arg, table, key, *value, e) : txn_delete(arg, table, key, e);
}

int store_apply(struct store *s, uint64_t position, struct slice entry, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;

	if (!takes_entry(s, position))
		return 1;
	if (begin_entry(s, position, &t, e) < 0 || entry_read(entry, apply_change, t, e) < 0)
		return -1;
	return txn_commit_within(TAKE(t), 0, NULL) < 0;
}

void txn_abort(struct txn *t)
{
	if (t)
		end(t);
}

void cleanup_txn(struct txn **t)
{
	txn_abort(*t);
}

/*
 * Keys and values.
 */

static MDB_val to_val(struct slice s)
{
	return (MDB_val){ s.len, (void *)s.data };
}

static struct slice from_val(MDB_val v)
{
	return slice(v.mv_data, v.mv_size);
}

static bool key_fits(const struct txn *t, struct slice key)
{
	return key.len > 0 && key.len <= (size_t)mdb_env_get_maxkeysize(t->store->env);
}

static bool has_table(const struct txn *t, enum table table)
{
	return t->store->dbi[table] != NO_TABLE;
}

/* The layers, from the topmost on. */
static const struct layer *layer_at(const struct txn *t, size_t i)
{
	if (t->own && i-- == 0)
		return t->own;
	return i < t->belows ? t->below[t->belows - 1 - i] : NULL;
}

static struct slice value_of(const struct change *c)
{
	return c->value.len ? c->value : slice("", 0);
}

int txn_get(struct txn *t, enum table table, struct slice key, struct slice *value, struct err *e)
{
	MDB_val k = to_val(key), v;
	const struct layer *l;
	int rc;

	*value = slice(NULL, 0);
	if (!key_fits(t, key))
		return 0;
	for (size_t i = 0; (l = layer_at(t, i)); i++) {
		const struct change *c = layer_find(l, table, key);

		if (c && !c->gone)
			*value = value_of(c);
		if (c)
			return !c->gone;
	}
	rc = has_table(t, table) ? mdb_get(t->mdb, t->store->dbi[table], &k, &v) : MDB_NOTFOUND;
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return env_fail(t->store, e, "reading", rc);
	*value = from_val(v);
	return 1;
}

static int check_write(const struct txn *t, enum table table, struct err *e)
{
	if (!t->write)
		die("a change of table %s in a read transaction", table_name(table));
	if ((table == TABLE_node) != t->local)
		die("a change of table %s in a transaction that is not for it", table_name(table));
	if (!has_table(t, table) && !t->makes_tables)
		return err_set(e, ERR_STORAGE, "the store in %s has no table %s before it is upgraded",
			       t->store->directory, table_name(table));
	return 0;
}

int txn_put(struct txn *t, enum table table, struct slice key, struct slice value, struct err *e)
{
	struct slice there;
	int found;

	if (check_write(t, table, e) < 0)
		return -1;
	if (!key_fits(t, key))
		return err_set(e, ERR_INVALID, "a key of %zu bytes does not fit into table %s of the store: 1 to %d do",
			       key.len, table_name(table), mdb_env_get_maxkeysize(t->store->env));
	found = txn_get(t, table, key, &there, e);
	if (found < 0)
		return -1;
	layer_put(t->own, table, key, &value, !found);
	return check_size(t, e);
}

int txn_delete(struct txn *t, enum table table, struct slice key, struct err *e)
{
	struct slice there;
	int found;

	if (check_write(t, table, e) < 0)
		return -1;
	found = txn_get(t, table, key, &there, e);
	if (found > 0)
		layer_put(t->own, table, key, NULL, -1);
	return found < 0 ? -1 : check_size(t, e);
}

bool txn_is_large(const struct txn *t)
{
	return t->own && t->own->changes >= LARGE;
}

uint64_t store_changes(const struct store *s, enum table table)
{
	return s->changes[table];
}

size_t txn_count(struct txn *t, enum table table)
{
	MDB_stat stat = { 0 };
	const struct layer *l;
	int64_t count;

	if (has_table(t, table) && mdb_stat(t->mdb, t->store->dbi[table], &stat))
		return 0;
	count = (int64_t)stat.ms_entries;
	for (size_t i = 0; (l = layer_at(t, i)); i++)
		count += layer_more(l, table);
	return (size_t)count;
}

/*
 * Walks.  LMDB's snapshot stands still, so its cursor goes from row to row, and so do the layers that are pinned.  What
 * the walk calls may change the topmost: then, and only then, its next row is looked for.
 */

struct walk {
	struct txn *txn;
	enum table table;
	bool backwards;
	MDB_cursor *cursor;	/* NULL: LMDB does not have the table */
	MDB_val key, value;	/* LMDB's next row */
	int rc;			/* what LMDB said when it was asked for that */
	const struct change **at;	/* the next one in each layer, from the topmost on */
	const struct change *first;	/* of these: the topmost of the next key */
	size_t changes;			/* of the topmost when its next one was looked for */
};

/*
 * While one row is looked at, the processor fetches the next: skims wait for memory, and for little else.  LMDB fills
 * its pages downwards, so there begins the one behind that.  A macro, as compilers drop a function that does nothing
 * else.
 */
#define FETCH_AHEAD(value) do { \
	const char *byte_ = (value).mv_data; \
	for (size_t i_ = 0; i_ < MIN((value).mv_size, (size_t)FETCHED_AHEAD); i_ += CACHE_LINE) \
		__builtin_prefetch(byte_ + i_); \
	__builtin_prefetch(byte_ - (value).mv_size - HEADERS); \
} while (0)

static void step(struct walk *w)
{
	w->rc = mdb_cursor_get(w->cursor, &w->key, &w->value, w->backwards ? MDB_PREV : MDB_NEXT);
	if (!w->rc)
		FETCH_AHEAD(w->value);
}

/* The first key at or after `from`; none: the first of all. */
static void seek(struct walk *w, struct slice from)
{
	w->key = to_val(from);
	w->rc = mdb_cursor_get(w->cursor, &w->key, &w->value, from.len ? MDB_SET_RANGE : MDB_FIRST);
}

/* The last key before `end`; none: the last of all. */
static void seek_before(struct walk *w, struct slice end)
{
	w->rc = MDB_NOTFOUND;
	if (end.len)
		seek(w, end);
	if (!w->rc || w->rc == MDB_NOTFOUND)
		w->rc = mdb_cursor_get(w->cursor, &w->key, &w->value, w->rc ? MDB_LAST : MDB_PREV);
}

static int walk_begin(struct walk *w, struct slice first, struct slice end)
{
	w->rc = MDB_NOTFOUND;
	if (!has_table(w->txn, w->table))
		return 0;
	w->rc = mdb_cursor_open(w->txn->mdb, w->txn->store->dbi[w->table], &w->cursor);
	if (w->rc)
		return w->rc;
	if (w->backwards)
		seek_before(w, end);
	else
		seek(w, first);
	return w->rc == MDB_NOTFOUND ? 0 : w->rc;
}

static void walk_end(struct walk *w)
{
	if (w->cursor)
		mdb_cursor_close(w->cursor);
	free(w->at);
}

static void choose_change(struct walk *w)
{
	const struct layer *l;

	w->first = NULL;
	for (size_t i = 0; (l = layer_at(w->txn, i)); i++) {
		int order = w->at[i] && w->first ? key_compare(w->at[i]->key, w->first->key) : 0;

		if (w->at[i] && (!w->first || (w->backwards ? order > 0 : order < 0)))
			w->first = w->at[i];
	}
}

static void seek_changes(struct walk *w, struct slice here, enum layer_place place)
{
	const struct layer *l;
	size_t layers = 0;

	while (layer_at(w->txn, layers))
		layers++;
	w->at = xcalloc(layers + 1, sizeof(*w->at));
	for (size_t i = 0; (l = layer_at(w->txn, i)); i++)
		w->at[i] = layer_seek(l, w->table, here, place);
	w->changes = w->txn->own ? w->txn->own->changes : 0;
	choose_change(w);
}

/* Behind a row that was told: were there more put into the topmost layer? */
static void follow_own(struct walk *w, struct slice here)
{
	const struct layer *own = w->txn->own;

	if (!own || own->changes == w->changes)
		return;
	w->changes = own->changes;
	w->at[0] = layer_seek(own, w->table, here, w->backwards ? LAYER_BEFORE : LAYER_AFTER);
	choose_change(w);
}

/* All layers go on to what is behind the key. */
static void step_changes(struct walk *w, struct slice key)
{
	for (size_t i = 0; layer_at(w->txn, i); i++)
		if (w->at[i] && !key_compare(w->at[i]->key, key))
			w->at[i] = w->backwards ? w->at[i]->before : w->at[i]->next[0];
	choose_change(w);
}

/* The next row; 0: there is none; -1: LMDB failed (rc). */
static int next_row(struct walk *w, struct slice *key, struct slice *value)
{
	for (;;) {
		const struct change *c = w->first;
		int order;

		if (w->rc && w->rc != MDB_NOTFOUND)
			return -1;
		if (w->rc && !c)
			return 0;
		order = !c ? 1 : w->rc ? -1 : key_compare(c->key, from_val(w->key)) * (w->backwards ? -1 : 1);
		*key = order <= 0 ? c->key : from_val(w->key);
		*value = order <= 0 ? value_of(c) : from_val(w->value);
		if (order >= 0)
			step(w);
		if (order <= 0)
			step_changes(w, c->key);
		if (order > 0 || !c->gone)
			return 1;
	}
}

static int walk(struct walk *w, struct slice first, struct slice end, txn_walk_fn *fn, void *arg, struct err *e)
{
	struct slice key, value;
	int result = 0, found;

	seek_changes(w, w->backwards ? end : first, w->backwards ? LAYER_BEFORE : LAYER_FROM);
	while (!result) {
		found = next_row(w, &key, &value);
		if (found <= 0)
			return found ? env_fail(w->txn->store, e, "reading", w->rc) : 0;
		if (w->backwards ? key_compare(key, first) < 0 : end.len && key_compare(key, end) >= 0)
			return 0;
		result = fn(arg, key, value, e);
		follow_own(w, key);
	}
	return MIN(result, 0);
}

int txn_range(struct txn *t, enum table table, struct slice first, struct slice end, bool backwards, txn_walk_fn *fn,
	      void *arg, struct err *e)
{
	struct walk w = { .txn = t, .table = table, .backwards = backwards };
	int rc = walk_begin(&w, first, end);
	int result = rc ? env_fail(t->store, e, "reading", rc) : walk(&w, first, end, fn, arg, e);

	walk_end(&w);
	return result;
}

int txn_walk(struct txn *t, enum table table, struct slice prefix, bool backwards, txn_walk_fn *fn, void *arg,
	     struct err *e)
{
	_cleanup_buf_ struct buf end = BUF_INIT;

	/* The first key behind all with the prefix: the prefix with its last byte raised by one. */
	buf_add(&end, prefix.data, prefix.len);
	while (end.len && (unsigned char)end.data[end.len - 1] == 0xff)
		end.len--;
	if (end.len)
		end.data[end.len - 1]++;
	return txn_range(t, table, prefix, slice_buf(&end), backwards, fn, arg, e);
}

void txn_act_for(struct txn *t, const char *actor)
{
	t->actor = actor;
}

const char *txn_actor(const struct txn *t)
{
	return t->actor;
}
