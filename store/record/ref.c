/*
 * What the REF fields of records say, and which records say it: the tag of the field, the value, a NUL and the id lead
 * to the id.
 */
#include "store/record/type.h"

static const struct refs {
	const struct record_type *type;
	enum table table;
} refs_of_types[] = {
	{ &rec_cert_type, TABLE_cert_ref },
};

int record_ref_table(const struct record_type *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(refs_of_types); i++)
		if (refs_of_types[i].type == type)
			return refs_of_types[i].table;
	return NO_INDEX;
}

/* Of all ids: id "". */
static struct slice ref_key(const struct field *f, const char *value, const char *id, struct buf *key)
{
	buf_clear(key);
	buf_add_ch(key, (char)f->tag);
	buf_add_str(key, value);
	buf_add_ch(key, '\0');
	buf_add_str(key, id);
	return slice_buf(key);
}

static const char *value_of(const struct field *f, const void *rec)
{
	const char *value = rec ? *str_of(rec, f) : NULL;

	return value ? value : "";
}

int record_put_refs(struct txn *txn, const struct record_type *type, const char *id, const void *old, const void *rec,
		    struct err *e)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	int result = 0;

	if (record_ref_table(type) == NO_INDEX)
		return 0;
	for (size_t i = 0; !result && i < type->fields; i++) {
		const struct field *f = &type->field[i];
		const char *was = f->flags & REF ? value_of(f, old) : "", *is = f->flags & REF ? value_of(f, rec) : "";

		if (!strcmp(was, is))
			continue;
		if (*was)
			result = txn_delete(txn, record_ref_table(type), ref_key(f, was, id, &key), e);
		if (!result && *is)
			result = txn_put(txn, record_ref_table(type), ref_key(f, is, id, &key), slice_str(id), e);
	}
	return result;
}

int record_count_refs(struct txn *txn, const struct record_type *type, const void *rec, struct err *e)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	const char *id = id_of(type, rec);
	struct slice found;
	int count = 0;

	for (size_t i = 0; i < type->fields; i++) {
		const struct field *f = &type->field[i];
		const char *value = f->flags & REF ? value_of(f, rec) : "";
		int there;

		if (!*value)
			continue;
		there = txn_get(txn, record_ref_table(type), ref_key(f, value, id, &key), &found, e);
		if (there <= 0)
			return there < 0 ? -1 : record_damaged(type, e, "it is not found by what it says");
		count++;
	}
	return count;
}

static int collect_id(void *arg, struct slice key, struct slice id, struct err *e)
{
	_cleanup_free_ char *text = xstrndup(id.data, id.len);

	strv_add(arg, text);
	return 0;
}

int record_each_with(struct txn *txn, const struct record_type *type, size_t field, const char *value,
		     record_each_fn *fn, void *arg, struct err *e)
{
	_cleanup_free_ void *rec = xcalloc(1, type->size);
	_cleanup_buf_ struct buf prefix = BUF_INIT;
	_cleanup_strv_ char **ids = NULL;
	size_t count;
	int result;

	if (!value || !*value)
		return 0;
	ref_key(&type->field[field], value, "", &prefix);
	result = txn_walk(txn, record_ref_table(type), slice_buf(&prefix), false, collect_id, &ids, e);
	count = strv_len(ids);
	for (size_t i = 0; !result && i < count; i++) {
		if (record_get(txn, type, rec, ids[i], e) < 0)
			result = e && e->kind == ERR_MISSING
					 ? record_damaged(type, e, "what leads to it is all there is")
					 : -1;
		else
			result = fn(arg, rec, e);
		record_release(type, rec);
	}
	return result;
}

static int drop_row(void *arg, struct slice key, struct slice id, struct err *e)
{
	void **args = arg;
	struct txn *t = args[0];

	return txn_delete(t, *(enum table *)args[1], key, e) < 0 ? -1 : txn_is_large(t);
}

/* What a former attempt has entered may not hold any more.  1: there may be more. */
static int drop_some(struct store *store, enum table table, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	int more;

	if (store_write(store, &t, e) < 0)
		return -1;
	if (txn_walk(t, table, slice(NULL, 0), false, drop_row, (void *[]){ t, &table }, e) < 0)
		return -1;
	more = txn_is_large(t);
	return txn_commit(TAKE(t), e) < 0 ? -1 : more;
}

int record_clear_table(struct store *store, enum table table, struct err *e)
{
	int more;

	do {
		more = drop_some(store, table, e);
	} while (more > 0);
	return more;
}

static int enter_one(void *type, struct txn *t, void *rec, struct err *e)
{
	return record_put_refs(t, type, id_of(type, rec), NULL, rec, e);
}

int record_make_refs(struct store *store, const struct record_type *type, struct err *e)
{
	if (record_clear_table(store, (enum table)record_ref_table(type), e) < 0)
		return -1;
	return record_each_in_steps(store, type, enter_one, (void *)type, e);
}
