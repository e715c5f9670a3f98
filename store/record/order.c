/*
 * Orders: what the SORT fields of records say, sorted.  The tag of the field, its value and the name (where there is
 * no name: the id) lead to the record.  So the first or the thousandth page of a list is found without a look at what
 * it does not show.
 */
#include "store/record/type.h"

static const struct orders {
	const struct record_type *type;
	enum table table;
} orders_of_types[] = {
	{ &rec_cert_type, TABLE_cert_order },
	{ &rec_key_type, TABLE_key_order },
	{ &rec_order_type, TABLE_order_order },
};

int record_order_table(const struct record_type *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(orders_of_types); i++)
		if (orders_of_types[i].type == type)
			return orders_of_types[i].table;
	return NO_INDEX;
}

/* With its sign bit flipped and the most significant byte first: bytes then sort as numbers do. */
static void add_number(struct buf *key, int64_t n)
{
	uint64_t bits = (uint64_t)n ^ (uint64_t)1 << 63;

	for (int shift = 56; shift >= 0; shift -= 8)
		buf_add_ch(key, (char)(bits >> shift));
}

static int64_t value_of(const struct field *f, const void *rec)
{
	int64_t n = *int_of(rec, f);

	return n == 0 && f->flags & LAST ? INT64_MAX : n;
}

static struct slice order_key(const struct record_type *type, const struct field *f, const void *rec, struct buf *key)
{
	buf_clear(key);
	buf_add_ch(key, (char)f->tag);
	add_number(key, value_of(f, rec));
	if (type->index == NO_INDEX)
		buf_add_str(key, id_of(type, rec));
	else
		record_index_key(type, rec, key);
	return slice_buf(key);
}

/* old, rec: NULL: there is none. */
static int put_place(struct txn *txn, const struct record_type *type, const struct field *f, const void *old,
		     const void *rec, struct err *e)
{
	enum table table = (enum table)record_order_table(type);
	_cleanup_buf_ struct buf was = BUF_INIT, is = BUF_INIT;

	if (old)
		order_key(type, f, old, &was);
	if (rec)
		order_key(type, f, rec, &is);
	if (slice_eq(slice_buf(&was), slice_buf(&is)))
		return 0;
	if (old && txn_delete(txn, table, slice_buf(&was), e) < 0)
		return -1;
	return rec ? txn_put(txn, table, slice_buf(&is), slice(NULL, 0), e) : 0;
}

int record_put_order(struct txn *txn, const struct record_type *type, const void *old, const void *rec, struct err *e)
{
	if (record_order_table(type) == NO_INDEX)
		return 0;
	for (size_t i = 0; i < type->fields; i++)
		if (type->field[i].flags & SORT && put_place(txn, type, &type->field[i], old, rec, e) < 0)
			return -1;
	return 0;
}

int record_count_order(struct txn *txn, const struct record_type *type, const void *rec, struct err *e)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct slice found;
	int count = 0;

	if (record_order_table(type) == NO_INDEX)
		return 0;
	for (size_t i = 0; i < type->fields; i++) {
		int there;

		if (!(type->field[i].flags & SORT))
			continue;
		there = txn_get(txn, (enum table)record_order_table(type),
				order_key(type, &type->field[i], rec, &key), &found, e);
		if (there <= 0)
			return there < 0 ? -1 : record_damaged(type, e, "it is not in the order of what it says");
		count++;
	}
	return count;
}

/*
 * Pages.
 */

struct paging {
	struct txn *txn;
	const struct record_type *type;
	bool by_name;
	int64_t skip, left;
	void *rec;
	record_each_fn *fn;
	void *arg;
};

static int page_get(const struct paging *p, struct slice key, struct slice value, struct err *e)
{
	_cleanup_free_ char *id = NULL;

	if (!p->by_name)
		key = slice((const char *)key.data + ORDER_PREFIX, key.len - MIN(key.len, (size_t)ORDER_PREFIX));
	if (!p->by_name && p->type->index != NO_INDEX)
		return record_by_index(p->txn, p->type, p->rec, key, e);
	value = p->by_name ? value : key;
	id = xstrndup(value.data, value.len);
	return record_get(p->txn, p->type, p->rec, id, e);
}

static int page_row(void *arg, struct slice key, struct slice value, struct err *e)
{
	struct paging *p = arg;
	int result;

	if (p->skip > 0)
		return p->skip--, 0;
	if (p->left-- <= 0)
		return 1;
	if (page_get(p, key, value, e) < 0)
		return e && e->kind == ERR_MISSING ? record_damaged(p->type, e, "what leads to it is all there is")
						   : -1;
	result = p->fn(p->arg, p->rec, e);
	record_release(p->type, p->rec);
	return result;
}

bool record_is_ordered(const struct record_type *type, size_t field)
{
	return type->field[field].flags & (SORT | INDEX);
}

int record_page(struct txn *txn, const struct record_type *type, const struct record_page *page, record_each_fn *fn,
		void *arg, struct err *e)
{
	const struct field *f = &type->field[page->field];
	bool by_name = f->flags & INDEX;
	_cleanup_free_ void *rec = xcalloc(1, type->size);
	struct paging p = { txn, type, by_name, page->first, page->limit, rec, fn, arg };
	char tag = (char)f->tag;

	return txn_walk(txn, (enum table)(by_name ? type->index : record_order_table(type)), slice(&tag, !by_name),
			page->backwards, page_row, &p, e);
}

/*
 * For a store of before there were orders.
 */

static int enter_order(void *type, struct txn *t, void *rec, struct err *e)
{
	return record_put_order(t, type, NULL, rec, e);
}

int record_make_order(struct store *store, const struct record_type *type, struct err *e)
{
	if (record_clear_table(store, (enum table)record_order_table(type), e) < 0)
		return -1;
	return record_each_in_steps(store, type, enter_order, (void *)type, e);
}
