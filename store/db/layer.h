/*
 * Changes that are not in LMDB yet: for each table a map sorted by key, in memory.  Layers lie upon each other and all
 * upon LMDB; of a key, the topmost that knows it is right.  A key that is deleted is known, too: as gone.
 *
 * A layer that somebody has pinned does not change any more, so that reading it needs no lock.
 */
#ifndef STORE_DB_LAYER_H
#define STORE_DB_LAYER_H

#include "base/buf.h"
#include "store/db/table.h"

struct change {
	struct slice key, value;
	bool gone;
	struct change *before;		/* in the order of keys */
	int height;
	struct change *next[];		/* on each floor of the skip list; behind them the key */
};

struct layer_rows;			/* of one table */
struct layer {
	int pins;			/* guarded by the queue */
	size_t changes, bytes;
	uint32_t dice;
	struct layer_rows *rows[TABLES];
};

struct layer *layer_new(void);
void layer_free(struct layer *);	/* NULL is fine */

/* value NULL: gone.  more: how many more keys the table has then, seen from here: 1, 0 or -1. */
void layer_put(struct layer *, enum table, struct slice key, const struct slice *value, int more);
/* All that `from` knows is said by `to`, too; `from` is empty then. */
void layer_take(struct layer *to, struct layer *from);

/* Where to look: at the first key that is `key` or behind it, behind it, or at the last before it (no key: of all). */
enum layer_place { LAYER_FROM, LAYER_AFTER, LAYER_BEFORE };
/* NULL: there is none. */
const struct change *layer_seek(const struct layer *, enum table, struct slice key, enum layer_place);
const struct change *layer_find(const struct layer *, enum table, struct slice key);
int64_t layer_more(const struct layer *, enum table);	/* keys, more than below it */
bool layer_touches(const struct layer *, enum table);

/* As LMDB sorts keys. */
static inline int key_compare(struct slice a, struct slice b)
{
	size_t shared = MIN(a.len, b.len);
	int order = shared ? memcmp(a.data, b.data, shared) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

#endif
