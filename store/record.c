/* Records in the store: by id, by name, in rows; all of them verified. */
#include "store/record_type.h"

#define LONGEST 511	/* bytes of an id, or of an index key: what LMDB takes for a key */
#define SHOWN 200	/* bytes of a name, at most, in a sentence */

#define RECORD(rec, table, index, doc) static const struct field rec##_fields[] = {
#define FIELD(rec, tag, type, name, flags, doc) { tag, type, #name, flags, offsetof(struct rec_##rec, name), doc },
#define END(rec) };
#include "store/record.def"
#undef RECORD
#undef FIELD
#undef END

/* By tag: the number of the field, and one more. */
#define RECORD(rec, table, index, doc) static const unsigned char rec##_by_tag[TAGS] = {
#define FIELD(rec, tag, type, name, flags, doc) [tag] = REC_##rec##_##name + 1,
#define END(rec) };
#include "store/record.def"
#undef RECORD
#undef FIELD
#undef END

#define TABLE_NO_INDEX NO_INDEX

#define RECORD(rec, table, index, doc) \
	const struct record_type rec_##rec##_type = { #rec, doc, TABLE_##table, TABLE_##index, \
						      rec##_fields, rec##_by_tag, ARRAY_SIZE(rec##_fields), \
						      sizeof(struct rec_##rec) };
#define FIELD(rec, tag, type, name, flags, doc)
#define END(rec)
#include "store/record.def"
#undef RECORD
#undef FIELD
#undef END

const struct record_type *const record_types[] = {
#define RECORD(rec, table, index, doc) &rec_##rec##_type,
#define FIELD(rec, tag, type, name, flags, doc)
#define END(rec)
#include "store/record.def"
#undef RECORD
#undef FIELD
#undef END
	NULL
};

/*
 * Rows: the ROW fields of a record a second time, for lists.  They are numbered as they come, so that those of records
 * added one after another are beside each other in memory: looking at all of them is bound by that.
 */
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

const char *record_noun(const struct record_type *type)
{
	return str_eq(type->name, "cert") ? "certificate" :
	       str_eq(type->name, "key_version") ? "key version" : type->name;
}

void record_set(char **field, const char *value)
{
	char *copy = value ? xstrdup(value) : NULL;

	free(*field);
	*field = copy;
}

void record_set_blob(struct buf *field, struct slice value)
{
	struct buf copy = BUF_INIT;

	buf_add(&copy, value.data, value.len);
	buf_release(field);
	*field = copy;
}

char *record_child_id(const char *parent, int64_t number)
{
	return xasprintf("%s/%08lld", parent, (long long)number);
}

size_t record_size(const struct record_type *type)
{
	return type->size;
}

void record_release(const struct record_type *type, void *rec)
{
	for (size_t i = 0; i < type->fields; i++) {
		const struct field *f = &type->field[i];

		if (f->type == STR)
			free(*str_of(rec, f));
		else if (f->type == STRV)
			strv_free(*strv_of(rec, f));
		else if (f->type == BLOB)
			buf_release(blob_of(rec, f));
	}
	memset(rec, 0, type->size);
}

/* A row of the table: its damage is told with its id. */
static int decode_row(const struct record_type *type, void *rec, struct slice id, struct slice in, struct err *e)
{
	if (!record_read(type, rec, &id, in, e))
		return 0;
	return err_prefix(e, "reading the %s with the id \"%.*s\"", record_noun(type), (int)MIN(id.len, SHOWN),
			  (const char *)id.data);
}

/*
 * The index: the INDEX fields with a NUL between them -> id.
 */

static void index_key(const struct record_type *type, const void *rec, struct buf *key)
{
	bool first = true;

	for (size_t i = 0; i < type->fields; i++) {
		const struct field *f = &type->field[i];

		if (!(f->flags & INDEX))
			continue;
		if (!first)
			buf_add_ch(key, '\0');
		first = false;
		if (f->type == BOOL)
			buf_add_ch(key, *bool_of(rec, f) ? '1' : '0');
		else if (*str_of(rec, f))
			buf_add_str(key, *str_of(rec, f));
	}
}

/* The other way, for people: staging certificate named "www" */
static void describe(const struct record_type *type, struct slice key, struct buf *out)
{
	const char *part = key.len ? key.data : "", *end = part + key.len, *name = "";
	size_t name_len = 0;

	for (size_t i = 0; i < type->fields && part <= end; i++) {
		const struct field *f = &type->field[i];
		size_t len = 0;

		if (!(f->flags & INDEX))
			continue;
		while (part + len < end && part[len])
			len++;
		if (f->type != BOOL) {
			name = part;
			name_len = len;
		} else if (len == 1 && *part == '1') {
			buf_addf(out, "%s ", f->name);
		}
		part += len + 1;
	}
	buf_addf(out, "%s named \"%.*s\"", record_noun(type), (int)MIN(name_len, SHOWN), name);
}

static int check_id(const struct record_type *type, const char *id, struct err *e)
{
	if (!*id)
		return err_set(e, ERR_INVALID, "a %s needs an id", record_noun(type));
	if (strlen(id) > LONGEST)
		return err_set(e, ERR_INVALID, "the id of a %s is too long: %zu bytes, and at most %d do",
			       record_noun(type), strlen(id), LONGEST);
	return 0;
}

static int check_index(const struct record_type *type, struct slice key, struct err *e)
{
	if (!key.len || !*(const char *)key.data)
		return err_set(e, ERR_INVALID, "a %s needs a name", record_noun(type));
	if (key.len > LONGEST)
		return err_set(e, ERR_INVALID, "the name of a %s is too long: %zu bytes, and at most %d do",
			       record_noun(type), key.len, LONGEST - 2);
	return 0;
}

struct sweep {
	struct txn *txn;
	const struct record_type *type;
	struct slice id, keep;
};

static int sweep_row(void *arg, struct slice key, struct slice id, struct err *e)
{
	const struct sweep *s = arg;

	if (!slice_eq(id, s->id) || slice_eq(key, s->keep))
		return 0;
	return txn_delete(s->txn, s->type->index, key, e);
}

/* Removes the index entry of what is stored under the id, unless it is the one to keep. */
static int forget_index(struct txn *txn, const struct record_type *type, const char *id, struct slice keep,
			struct err *e)
{
	struct sweep sweep = { txn, type, slice_str(id), keep };
	_cleanup_free_ void *old = xcalloc(1, type->size);
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct slice stored;
	int found = txn_get(txn, type->table, slice_str(id), &stored, e);

	if (found <= 0)
		return found;
	if (record_decode(type, old, stored, NULL) < 0)		/* damaged: its entry is found by looking at all */
		return txn_walk(txn, type->index, slice(NULL, 0), false, sweep_row, &sweep, e);
	index_key(type, old, &key);
	record_release(type, old);
	return slice_eq(slice_buf(&key), keep) ? 0 : txn_delete(txn, type->index, slice_buf(&key), e);
}

static int put_index(struct txn *txn, const struct record_type *type, const void *rec, struct err *e)
{
	_cleanup_buf_ struct buf key = BUF_INIT, who = BUF_INIT;
	const char *id = id_of(type, rec);
	struct slice holder;
	int found;

	index_key(type, rec, &key);
	if (check_index(type, slice_buf(&key), e) < 0)
		return -1;
	found = txn_get(txn, type->index, slice_buf(&key), &holder, e);
	if (found < 0)
		return -1;
	if (found && !slice_eq(holder, slice_str(id))) {
		describe(type, slice_buf(&key), &who);
		return err_set(e, ERR_CONFLICT, "there is already a %s", buf_str(&who));
	}
	if (forget_index(txn, type, id, slice_buf(&key), e) < 0)
		return -1;
	return found ? 0 : txn_put(txn, type->index, slice_buf(&key), slice_str(id), e);
}

/*
 * Reading and writing.
 */

int record_get(struct txn *txn, const struct record_type *type, void *rec, const char *id, struct err *e)
{
	struct slice stored;
	int found = txn_get(txn, type->table, slice_str(id), &stored, e);

	if (found < 0)
		return -1;
	if (!found)
		return err_set(e, ERR_MISSING, "there is no %s with the id \"%.*s\"", record_noun(type), SHOWN, id);
	return decode_row(type, rec, slice_str(id), stored, e);
}

int record_by_index(struct txn *txn, const struct record_type *type, void *rec, struct slice key, struct err *e)
{
	_cleanup_buf_ struct buf who = BUF_INIT;
	struct slice id, stored;
	int found = txn_get(txn, type->index, key, &id, e);

	if (found < 0)
		return -1;
	describe(type, key, &who);
	if (!found)
		return err_set(e, ERR_MISSING, "there is no %s", buf_str(&who));
	found = txn_get(txn, type->table, id, &stored, e);
	if (found < 0)
		return -1;
	if (!found) {
		err_set(e, ERR_STORAGE, "the index knows a %s, but its record is gone", buf_str(&who));
		return err_hint(e, "Restore a backup.");
	}
	return decode_row(type, rec, id, stored, e);
}

static int take_last(void *arg, struct slice key, struct slice value, struct err *e)
{
	int64_t *last = arg;

	for (size_t i = 0; i < key.len; i++)
		*last = *last << 8 | ((const unsigned char *)key.data)[i];
	return 1;
}

/* The number that the stored record has, else the next one. */
static int number_row(struct txn *txn, const struct rows *rows, void *rec, struct err *e)
{
	_cleanup_free_ void *old = xcalloc(1, rows->type->size);
	int64_t *number = row_number(rows, rec);
	struct slice stored;
	int found = *number ? 0 : txn_get(txn, rows->type->table, slice_str(id_of(rows->type, rec)), &stored, e);

	if (found > 0 && record_decode(rows->type, old, stored, NULL) == 0)
		*number = *row_number(rows, old);
	record_release(rows->type, old);
	if (found < 0 || *number)
		return MIN(found, 0);
	if (txn_walk(txn, rows->table, slice(NULL, 0), true, take_last, number, e) < 0)
		return -1;
	++*number;
	return 0;
}

static int put_row(struct txn *txn, const struct rows *rows, void *rec, struct err *e)
{
	_cleanup_buf_ struct buf row = BUF_INIT;
	unsigned char bytes[ROW_KEY_SIZE];
	struct slice key, there;
	int found;

	if (number_row(txn, rows, rec, e) < 0)
		return -1;
	key = row_key(bytes, *row_number(rows, rec));
	found = txn_get(txn, rows->table, key, &there, e);
	record_write(rows->type, rec, ROW, &row);
	if (found < 0 || (found && slice_eq(there, slice_buf(&row))))
		return MIN(found, 0);
	return txn_put(txn, rows->table, key, slice_buf(&row), e);
}

static int delete_row(struct txn *txn, const struct rows *rows, const char *id, struct err *e)
{
	_cleanup_free_ void *old = xcalloc(1, rows->type->size);
	unsigned char bytes[ROW_KEY_SIZE];
	struct slice stored;
	int result = txn_get(txn, rows->type->table, slice_str(id), &stored, e);

	if (result > 0 && record_decode(rows->type, old, stored, NULL) == 0)
		result = txn_delete(txn, rows->table, row_key(bytes, *row_number(rows, old)), e);
	record_release(rows->type, old);
	return MIN(result, 0);
}

int record_put(struct txn *txn, const struct record_type *type, void *rec, struct err *e)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	const char *id = id_of(type, rec);

	if (check_id(type, id, e) < 0)
		return -1;
	if (type->index != NO_INDEX && put_index(txn, type, rec, e) < 0)
		return -1;
	if (rows_of(type) && put_row(txn, rows_of(type), rec, e) < 0)
		return -1;
	record_encode(type, rec, &bytes);
	return txn_put(txn, type->table, slice_str(id), slice_buf(&bytes), e);
}

int record_delete(struct txn *txn, const struct record_type *type, const char *id, struct err *e)
{
	if (type->index != NO_INDEX && forget_index(txn, type, id, slice(NULL, 0), e) < 0)
		return -1;
	if (rows_of(type) && delete_row(txn, rows_of(type), id, e) < 0)
		return -1;
	return txn_delete(txn, type->table, slice_str(id), e);
}

int rec_account_by_name(struct txn *txn, struct rec_account *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_account_type, rec, slice_str(name), e);
}

int rec_key_by_name(struct txn *txn, struct rec_key *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_key_type, rec, slice_str(name), e);
}

int rec_channel_by_name(struct txn *txn, struct rec_channel *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_channel_type, rec, slice_str(name), e);
}

int rec_cert_by_name(struct txn *txn, struct rec_cert *rec, const char *name, bool staging, struct err *e)
{
	const struct rec_cert sought = { .name = (char *)name, .staging = staging };
	_cleanup_buf_ struct buf key = BUF_INIT;

	index_key(&rec_cert_type, &sought, &key);
	return record_by_index(txn, &rec_cert_type, rec, slice_buf(&key), e);
}

int rec_user_by_name(struct txn *txn, struct rec_user *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_user_type, rec, slice_str(name), e);
}

int rec_token_by_name(struct txn *txn, struct rec_token *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_token_type, rec, slice_str(name), e);
}

int rec_plan_by_name(struct txn *txn, struct rec_plan *rec, const char *name, struct err *e)
{
	return record_by_index(txn, &rec_plan_type, rec, slice_str(name), e);
}

struct each {
	const struct record_type *type;
	void *rec;
	record_each_fn *fn;
	void *arg;
};

static int each_row(void *arg, struct slice id, struct slice stored, struct err *e)
{
	const struct each *each = arg;
	int result;

	if (decode_row(each->type, each->rec, id, stored, e) < 0)
		return -1;
	result = each->fn(each->arg, each->rec, e);
	record_release(each->type, each->rec);
	return result;
}

int record_each(struct txn *txn, const struct record_type *type, const char *prefix, bool backwards, record_each_fn *fn,
		void *arg, struct err *e)
{
	_cleanup_free_ void *rec = xcalloc(1, type->size);
	struct each each = { type, rec, fn, arg };

	return txn_walk(txn, type->table, slice_str(prefix), backwards, each_row, &each, e);
}

/*
 * Skimming.
 */

struct skim {
	const struct record_type *type;
	void *rec;
	struct slice *value;
	record_skim_fn *fn;
	void *arg;
};

static int skim_row(void *arg, struct slice key, struct slice stored, struct err *e)
{
	const struct skim *s = arg;

	memset(s->rec, 0, s->type->size);
	memset(s->value, 0, s->type->fields * sizeof(*s->value));
	if (!record_look(s->type, s->rec, s->value, stored))
		return record_damaged(s->type, e, "what lists need of it cannot be read");
	return s->fn(s->arg, s->rec, s->value, e);
}

int record_skim(struct txn *txn, const struct record_type *type, record_skim_fn *fn, void *arg, struct err *e)
{
	_cleanup_free_ void *rec = xcalloc(1, type->size);
	_cleanup_free_ struct slice *value = xcalloc(type->fields, sizeof(*value));
	struct skim skim = { type, rec, value, fn, arg };
	const struct rows *rows = rows_of(type);

	return txn_walk(txn, rows ? rows->table : type->table, slice(NULL, 0), false, skim_row, &skim, e);
}

/*
 * Verifying.
 */

struct verifying {
	struct txn *txn;
	const struct record_type *type;
	int64_t *records;
};

static int verify_row(const struct verifying *v, const void *rec, struct err *e)
{
	const struct rows *rows = rows_of(v->type);
	_cleanup_buf_ struct buf row = BUF_INIT;
	unsigned char bytes[ROW_KEY_SIZE];
	struct slice there;

	record_write(v->type, rec, ROW, &row);
	if (txn_get(v->txn, rows->table, row_key(bytes, *row_number(rows, rec)), &there, e) < 0)
		return -1;
	if (slice_eq(there, slice_buf(&row)))
		return 0;
	return record_damaged(v->type, e, "what lists know of it is not what it says");
}

static int verify_one(void *arg, struct slice id, struct slice stored, struct err *e)
{
	struct verifying *v = arg;
	_cleanup_free_ void *rec = xcalloc(1, v->type->size);
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct slice found = slice(NULL, 0);
	int result = decode_row(v->type, rec, id, stored, e);

	++*v->records;
	if (!result && rows_of(v->type))
		result = verify_row(v, rec, e);
	if (!result && v->type->index != NO_INDEX) {
		index_key(v->type, rec, &key);
		result = MIN(txn_get(v->txn, v->type->index, slice_buf(&key), &found, e), 0);
		if (!result && !slice_eq(found, id))
			result = record_damaged(v->type, e, "its name leads elsewhere");
	}
	record_release(v->type, rec);
	return result;
}

int record_verify_all(struct txn *txn, int64_t *records, struct err *e)
{
	for (size_t i = 0; record_types[i]; i++) {
		struct verifying v = { txn, record_types[i], records };
		const struct record_type *type = record_types[i];

		/* The audit log has a check of its own. */
		if (type != &rec_event_type && txn_walk(txn, type->table, slice(NULL, 0), false, verify_one, &v, e) < 0)
			return -1;
		if (type->index != NO_INDEX && txn_count(txn, type->index) != txn_count(txn, type->table))
			return record_damaged(type, e, "there are more names than records, or less");
		if (rows_of(type) && txn_count(txn, rows_of(type)->table) != txn_count(txn, type->table))
			return record_damaged(type, e, "there are more rows than records, or less");
	}
	return 0;
}
