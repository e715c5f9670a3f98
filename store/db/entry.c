#include "store/db/entry.h"

#include "store/db/env.h"

/*
 *	entry = version (1 byte), format of the store (2 bytes), then for each table that changes
 *		length of its name (1 byte), name, its changes, END
 *	change = PUT, key, value | GONE, key
 *	key, value = length (4 bytes), bytes
 * Numbers have the high byte first.
 */
#define VERSION_BYTE 1

enum { END, PUT, GONE };

static void add_number(struct buf *out, size_t number, int bytes)
{
	while (bytes--)
		buf_add_ch(out, (char)(number >> 8 * bytes));
}

static void add_bytes(struct buf *out, struct slice bytes)
{
	add_number(out, bytes.len, 4);
	buf_add(out, bytes.data, bytes.len);
}

static void add_table(struct buf *out, const struct layer *l, enum table table)
{
	const struct change *c = layer_seek(l, table, slice(NULL, 0), LAYER_FROM);
	const char *name = table_name(table);

	if (!c)
		return;
	add_number(out, strlen(name), 1);
	buf_add_str(out, name);
	for (; c; c = c->next[0]) {
		buf_add_ch(out, c->gone ? GONE : PUT);
		add_bytes(out, c->key);
		if (!c->gone)
			add_bytes(out, c->value);
	}
	buf_add_ch(out, END);
}

void entry_add(struct buf *out, const struct layer *l)
{
	if (!out->len) {
		add_number(out, VERSION_BYTE, 1);
		add_number(out, STORE_FORMAT, 2);
	}
	for (size_t table = 0; table < TABLES; table++)
		if (table != TABLE_node)
			add_table(out, l, table);
}

/*
 * Reading.
 */

struct entry_told {
	entry_change_fn *fn;
	void *arg;
};

struct entry_rest {
	const unsigned char *at;
	size_t left;
	bool cut; /* it ended before its end */
};

static size_t take_number(struct entry_rest *r, int bytes)
{
	size_t number = 0;

	if (r->left < (size_t)bytes) {
		r->cut = true;
		r->left = 0;
		return 0;
	}
	r->left -= bytes;
	while (bytes--)
		number = number << 8 | *r->at++;
	return number;
}

static struct slice take_bytes(struct entry_rest *r, size_t len)
{
	struct slice bytes = { r->at, len };

	if (len > r->left) {
		r->cut = true;
		r->left = 0;
		return slice("", 0);
	}
	r->at += len;
	r->left -= len;
	return bytes;
}

static enum table table_by_name(struct slice name)
{
	size_t table = 0;

	while (table < TABLES && !slice_eq(name, slice_str(table_name(table))))
		table++;
	return table == TABLE_node ? TABLES : table;
}

static int apply_change(struct entry_rest *r, const struct entry_told *t, enum table table, size_t op, struct err *e)
{
	struct slice key = take_bytes(r, take_number(r, 4));
	struct slice value = op == PUT ? take_bytes(r, take_number(r, 4)) : slice("", 0);

	if (r->cut || op > GONE)
		return err_set(e, ERR_STORAGE, "an entry of the cluster's log is damaged");
	return t->fn(t->arg, table, key, op == PUT ? &value : NULL, e);
}

static int apply_table(struct entry_rest *r, const struct entry_told *t, struct err *e)
{
	struct slice name = take_bytes(r, take_number(r, 1));
	enum table table = table_by_name(name);
	size_t op;

	if (table == TABLES)
		return err_set(e, ERR_STORAGE,
			       "an entry of the cluster's log changes the table %.*s, which this program does not have",
			       (int)name.len, (const char *)name.data);
	while ((op = take_number(r, 1)) != END)
		if (apply_change(r, t, table, op, e) < 0)
			return -1;
	return r->cut ? err_set(e, ERR_STORAGE, "an entry of the cluster's log is cut short") : 0;
}

int entry_read(struct slice entry, entry_change_fn *fn, void *arg, struct err *e)
{
	const struct entry_told told = { fn, arg };
	struct entry_rest r = { entry.data, entry.len, false };
	size_t version = take_number(&r, 1), format = take_number(&r, 2);

	if (version != VERSION_BYTE || format > STORE_FORMAT) {
		err_set(e, ERR_STORAGE,
			"an entry of the cluster's log is of format %zu.%zu, and this program knows formats up to "
			"%d.%d",
			version, format, VERSION_BYTE, STORE_FORMAT);
		return err_hint(e, "Upgrade Certera on this server to the version of the others.");
	}
	while (r.left)
		if (apply_table(&r, &told, e) < 0)
			return -1;
	return 0;
}
