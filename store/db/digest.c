#include "store/db/digest.h"

#include "store/db/env.h"
#include "store/db/txn.h"

#define LENGTHS 16

static int add_row(void *arg, struct slice key, struct slice value, struct err *e)
{
	unsigned char *digest = arg, next[SHA256_SIZE];
	char lengths[LENGTHS + 1];

	snprintf(lengths, sizeof(lengths), "%08zx%08zx", key.len, value.len);
	sha256_slices((const struct slice[]){ slice(digest, SHA256_SIZE), slice(lengths, LENGTHS), key, value }, 4,
		      next);
	memcpy(digest, next, SHA256_SIZE);
	return 0;
}

int store_digest_position(struct txn *t, uint64_t *position, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct slice value;
	int found = txn_get(t, TABLE_node, slice_str(NODE_POSITION), &value, e);

	text = found > 0 ? xstrndup(value.data, value.len) : NULL;
	*position = text ? strtoull(text, NULL, 10) : 0;
	return MIN(found, 0);
}

int store_digest_tables(struct txn *t, struct store_digest *d, struct err *e)
{
	memset(d, 0, sizeof(*d));
	if (store_digest_position(t, &d->position, e) < 0)
		return -1;
	for (size_t table = 0; table < TABLES; table++)
		if (table != TABLE_node && txn_walk(t, table, slice("", 0), false, add_row, d->table[table], e) < 0)
			return -1;
	return 0;
}

const char *store_table_name(enum table table)
{
	return table_name(table);
}

void store_hold(struct store *s, uint64_t position)
{
	pthread_mutex_lock(&s->queue.lock);
	s->queue.hold = position;
	pthread_mutex_unlock(&s->queue.lock);
}
