#include "store/db/layer.h"

#define FLOORS 14	/* of a skip list: enough for millions of changes */
#define OVERHEAD 64	/* bytes that a change takes besides its key and value, about */

struct layer_rows {
	struct change *first[FLOORS], *last;
	int64_t more;
};

struct layer *layer_new(void)
{
	struct layer *l = xcalloc(1, sizeof(*l));

	l->dice = 0x9e3779b9;
	return l;
}

static void rows_free(struct layer_rows *rows)
{
	for (struct change *c = rows ? rows->first[0] : NULL, *next; c; c = next) {
		next = c->next[0];
		free((void *)c->value.data);
		free(c);
	}
	free(rows);
}

void layer_free(struct layer *l)
{
	for (size_t i = 0; l && i < TABLES; i++)
		rows_free(l->rows[i]);
	free(l);
}

/* Every floor has a quarter of the one below. */
static int throw_dice(struct layer *l)
{
	int height = 1;

	do {
		l->dice ^= l->dice << 13;
		l->dice ^= l->dice >> 17;
		l->dice ^= l->dice << 5;
	} while (!(l->dice & 3) && ++height < FLOORS);
	return height;
}

/* The last change before the key; link (may be NULL): on each floor, what would lead to the key. */
static struct change *find_place(struct layer_rows *rows, struct slice key, struct change **link[FLOORS])
{
	struct change **next = rows->first, *before = NULL;

	for (int floor = FLOORS - 1; floor >= 0; floor--) {
		while (next[floor] && key_compare(next[floor]->key, key) < 0) {
			before = next[floor];
			next = before->next;
		}
		if (link)
			link[floor] = &next[floor];
	}
	return before;
}

static void insert(struct layer_rows *rows, struct change *c, struct change *before, struct change **link[FLOORS])
{
	for (int floor = 0; floor < c->height; floor++) {
		c->next[floor] = *link[floor];
		*link[floor] = c;
	}
	c->before = before;
	if (c->next[0])
		c->next[0]->before = c;
	else
		rows->last = c;
}

static struct change *change_new(int height, struct slice key)
{
	struct change *c = xmalloc(sizeof(*c) + (size_t)height * sizeof(c->next[0]) + key.len);
	void *bytes = &c->next[height];

	memcpy(bytes, key.data, key.len);
	*c = (struct change){ .key = slice(bytes, key.len), .height = height };
	return c;
}

static void set_value(struct layer *l, struct change *c, const struct slice *value)
{
	void *copy = value && value->len ? xmemdup(value->data, value->len) : NULL;

	l->bytes += (value ? value->len : 0) - c->value.len;
	free((void *)c->value.data);
	c->value = slice(copy, value ? value->len : 0);
	c->gone = !value;
}

static struct layer_rows *rows_for(struct layer *l, enum table table)
{
	if (!l->rows[table])
		l->rows[table] = xcalloc(1, sizeof(*l->rows[table]));
	return l->rows[table];
}

void layer_put(struct layer *l, enum table table, struct slice key, const struct slice *value, int more)
{
	struct layer_rows *rows = rows_for(l, table);
	struct change **link[FLOORS], *before = find_place(rows, key, link), *c = *link[0];

	if (!c || key_compare(c->key, key)) {
		c = change_new(throw_dice(l), key);
		insert(rows, c, before, link);
		l->changes++;
		l->bytes += OVERHEAD + key.len;
	}
	set_value(l, c, value);
	rows->more += more;
}

static void take_change(struct layer *to, struct layer_rows *rows, struct change *c)
{
	struct change **link[FLOORS], *before = find_place(rows, c->key, link), *there = *link[0];

	if (there && !key_compare(there->key, c->key)) {
		to->bytes += c->value.len - there->value.len;
		free((void *)there->value.data);
		there->value = c->value;
		there->gone = c->gone;
		free(c);
		return;
	}
	insert(rows, c, before, link);
	to->changes++;
	to->bytes += OVERHEAD + c->key.len + c->value.len;
}

void layer_take(struct layer *to, struct layer *from)
{
	for (size_t i = 0; i < TABLES; i++) {
		struct layer_rows *rows = TAKE(from->rows[i]);

		if (!rows)
			continue;
		rows_for(to, i)->more += rows->more;
		for (struct change *c = rows->first[0], *next; c; c = next) {
			next = c->next[0];
			take_change(to, to->rows[i], c);
		}
		free(rows);
	}
	from->changes = from->bytes = 0;
}

const struct change *layer_seek(const struct layer *l, enum table table, struct slice key, enum layer_place place)
{
	struct layer_rows *rows = l->rows[table];
	struct change *before, *c;

	if (!rows)
		return NULL;
	if (place == LAYER_BEFORE && !key.len)
		return rows->last;
	before = find_place(rows, key, NULL);
	if (place == LAYER_BEFORE)
		return before;
	c = before ? before->next[0] : rows->first[0];
	return place == LAYER_AFTER && c && !key_compare(c->key, key) ? c->next[0] : c;
}

const struct change *layer_find(const struct layer *l, enum table table, struct slice key)
{
	const struct change *c = layer_seek(l, table, key, LAYER_FROM);

	return c && !key_compare(c->key, key) ? c : NULL;
}

int64_t layer_more(const struct layer *l, enum table table)
{
	return l->rows[table] ? l->rows[table]->more : 0;
}

bool layer_touches(const struct layer *l, enum table table)
{
	return l->rows[table];
}
