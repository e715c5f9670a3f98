/*
 * Rows: the ROW fields of a record a second time, for lists.  They are numbered as they come, so that those of records
 * added one after another are beside each other in memory: looking at all of them is bound by that.
 */
#include "store/record/type.h"

#define ROW_KEY_SIZE 8

static const struct rows {
	const struct record_type *type;
	enum table table;
	size_t number;		/* where the record has its row's number; 0: it has none yet */
} rows_of_types[] = {
	{ &rec_cert_type, TABLE_cert_row, offsetof(struct rec_cert, row) },
	{ &rec_key_type, TABLE_key_row, offsetof(struct rec_key, row) },
};

/* NULL: such records are few or small, and have no rows. */
static const struct rows *rows_of(const struct record_type *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows_of_types); i++)
		if (rows_of_types[i].type == type)
			return &rows_of_types[i];
	return NULL;
}

int record_row_table(const struct record_type *type)
{
	const struct rows *rows = rows_of(type);

	return rows ? (int)rows->table : NO_INDEX;
}

static int64_t *row_number(const struct rows *rows, const void *rec)
{
	return (int64_t *)((char *)rec + rows->number);
}

static struct slice row_key(unsigned char key[ROW_KEY_SIZE], int64_t number)
{
	for (int i = ROW_KEY_SIZE - 1; i >= 0; i--, number >>= 8)
		key[i] = (unsigned char)number;
	return slice(key, ROW_KEY_SIZE);
}

static int take_last(void *arg, struct slice key, struct slice value, struct err *e)
{
	int64_t *last = arg;

	for (size_t i = 0; i < key.len; i++)
		*last = *last << 8 | ((const unsigned char *)key.data)[i];
	return 1;
}

/* The number that the stored record has, else the next one. */
static int number_row(struct txn *txn, const struct rows *rows, const void *old, void *rec, struct err *e)
{
	int64_t *number = row_number(rows, rec);

	if (!*number && old)
		*number = *row_number(rows, old);
	if (*number)
		return 0;
	if (txn_walk(txn, rows->table, slice(NULL, 0), true, take_last, number, e) < 0)
		return -1;
	++*number;
	return 0;
}

int record_put_row(struct txn *txn, const struct record_type *type, const void *old, void *rec, struct err *e)
{
	const struct rows *rows = rows_of(type);
	_cleanup_buf_ struct buf row = BUF_INIT;
	unsigned char bytes[ROW_KEY_SIZE];
	struct slice key, there;
	int found;

	if (!rows)
		return 0;
	if (number_row(txn, rows, old, rec, e) < 0)
		return -1;
	key = row_key(bytes, *row_number(rows, rec));
	found = txn_get(txn, rows->table, key, &there, e);
	record_write(type, rec, ROW, &row);
	if (found < 0 || (found && slice_eq(there, slice_buf(&row))))
		return MIN(found, 0);
	return txn_put(txn, rows->table, key, slice_buf(&row), e);
}

int record_delete_row(struct txn *txn, const struct record_type *type, const void *old, struct err *e)
{
	const struct rows *rows = rows_of(type);
	unsigned char bytes[ROW_KEY_SIZE];

	return rows ? txn_delete(txn, rows->table, row_key(bytes, *row_number(rows, old)), e) : 0;
}

int record_verify_row(struct txn *txn, const struct record_type *type, const void *rec, struct err *e)
{
	const struct rows *rows = rows_of(type);
	_cleanup_buf_ struct buf row = BUF_INIT;
	unsigned char bytes[ROW_KEY_SIZE];
	struct slice there;

	if (!rows)
		return 0;
	record_write(type, rec, ROW, &row);
	if (txn_get(txn, rows->table, row_key(bytes, *row_number(rows, rec)), &there, e) < 0)
		return -1;
	return slice_eq(there, slice_buf(&row)) ? 0
						: record_damaged(type, e, "what lists know of it is not what it says");
}

/*
 * Skimming.
 */

struct skim {
	const struct record_type *type;
	struct glance look;
	record_skim_fn *fn;
	void *arg;
};

static int skim_row(void *arg, struct slice key, struct slice stored, struct err *e)
{
	struct skim *s = arg;

	if (!record_look(s->type, &s->look, stored))
		return record_damaged(s->type, e, "what lists need of it cannot be read");
	return s->fn(s->arg, s->look.rec, s->look.value, e);
}

enum table record_skimmed(const struct record_type *type)
{
	const struct rows *rows = rows_of(type);

	return rows ? rows->table : type->table;
}

int record_skim(struct txn *txn, const struct record_type *type, record_skim_fn *fn, void *arg, struct err *e)
{
	_cleanup_free_ void *rec = xcalloc(1, type->size);
	_cleanup_free_ struct slice *value = xcalloc(type->fields, sizeof(*value));
	struct skim skim = { type, { .rec = rec, .value = value }, fn, arg };

	return txn_walk(txn, record_skimmed(type), slice(NULL, 0), false, skim_row, &skim, e);
}
