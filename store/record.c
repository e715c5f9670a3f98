#include "store/record.h"

/*
 * A record as bytes: one byte, the version of this encoding; then for each field that is not empty its
 * tag and length as varints and its value: text and blobs as they are, numbers as zigzag varints, lists
 * as texts with a varint length in front of each.
 */
#define ENCODING 1
#define LONGEST 511	/* bytes of an id, or of an index key: what LMDB takes for a key */
#define SHOWN 200	/* bytes of a name, at most, in a sentence */

#define HIDE  1
#define INDEX 2
#define ROW   4

enum field_type { STR, STRV, INT, TIME, BOOL, BLOB };

struct field {
	uint64_t tag;
	enum field_type type;
	const char *name;
	unsigned flags;
	size_t offset;
	const char *text;
};

#define RECORD(rec, table, index, doc) static const struct field rec##_fields[] = {
#define FIELD(rec, tag, type, name, flags, doc) { tag, type, #name, flags, offsetof(struct rec_##rec, name), doc },
#define END(rec) };
#include "store/record.def"
#undef RECORD
#undef FIELD
#undef END

/* By tag: the number of the field, and one more. */
#define TAGS 256
#define RECORD(rec, table, index, doc) static const unsigned char rec##_by_tag[TAGS] = {
#define FIELD(rec, tag, type, name, flags, doc) [tag] = REC_##rec##_##name + 1,
#define END(rec) };
#include "store/record.def"
#undef RECORD
#undef FIELD
#undef END

struct record_type {
	const char *name, *text;
	enum table table;
	int index;		/* a table, or NO_INDEX */
	const struct field *field;
	const unsigned char *by_tag;
	size_t fields, size;
};

#define NO_INDEX (-1)
#define TABLE_NO_INDEX NO_INDEX

#define RECORD(rec, table, index, doc) \
	const struct record_type rec_##rec##_type = { #rec, doc, TABLE_##table, TABLE_##index, rec##_fields, rec##_by_tag, \
						      ARRAY_SIZE(rec##_fields), sizeof(struct rec_##rec) };
#define FIELD(rec, tag, type, name, flags, doc)
#define END(rec)
#include "store/record.def"
#undef RECORD
#undef FIELD
#undef END

/*
 * Rows: the ROW fields of a record a second time, for lists.  They are numbered as they come, so that those of records added
 * one after another are beside each other in memory: looking at all of them is bound by that.
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

static const struct field *field_by_tag(const struct record_type *type, uint64_t tag)
{
	return tag < TAGS && type->by_tag[tag] ? &type->field[type->by_tag[tag] - 1] : NULL;
}

/* What people call such a record. */
static const char *noun(const struct record_type *type)
{
	return str_eq(type->name, "cert") ? "certificate" : str_eq(type->name, "key_version") ? "key version" : type->name;
}

/* The fields of a record in memory, by type. */

static char **str_of(const void *rec, const struct field *f)
{
	return (char **)((char *)rec + f->offset);
}

static char ***strv_of(const void *rec, const struct field *f)
{
	return (char ***)((char *)rec + f->offset);
}

static int64_t *int_of(const void *rec, const struct field *f)
{
	return (int64_t *)((char *)rec + f->offset);
}

static bool *bool_of(const void *rec, const struct field *f)
{
	return (bool *)((char *)rec + f->offset);
}

static struct buf *blob_of(const void *rec, const struct field *f)
{
	return (struct buf *)((char *)rec + f->offset);
}

static const char *id_of(const struct record_type *type, const void *rec)
{
	const char *id = *str_of(rec, &type->field[0]);

	return id ? id : "";
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

/*
 * Encoding.
 */

static void add_varint(struct buf *out, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_add_ch(out, (char)(n | 0x80));
	buf_add_ch(out, (char)n);
}

static void add_number(struct buf *out, int64_t n)
{
	add_varint(out, ((uint64_t)n << 1) ^ (n < 0 ? UINT64_MAX : 0));
}

static void add_text(struct buf *out, const char *s)
{
	add_varint(out, strlen(s));
	buf_add_str(out, s);
}

static void encode_value(const void *rec, const struct field *f, struct buf *out)
{
	switch (f->type) {
	case STR:
		if (*str_of(rec, f))
			buf_add_str(out, *str_of(rec, f));
		break;
	case STRV:
		for (char **s = *strv_of(rec, f); s && *s; s++)
			add_text(out, *s);
		break;
	case INT:
	case TIME:
		if (*int_of(rec, f))
			add_number(out, *int_of(rec, f));
		break;
	case BOOL:
		if (*bool_of(rec, f))
			add_number(out, 1);
		break;
	case BLOB:
		buf_add(out, blob_of(rec, f)->data, blob_of(rec, f)->len);
		break;
	}
}

/* flags: only fields with one of these; 0: all.  In the order of their tags: that of the rows in record.def is for readers. */
static void encode(const struct record_type *type, const void *rec, unsigned flags, struct buf *out)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	buf_add_ch(out, ENCODING);
	for (uint64_t tag = 1; tag < TAGS; tag++) {
		const struct field *f = field_by_tag(type, tag);

		if (!f || (flags && !(f->flags & flags)))
			continue;
		buf_clear(&value);
		encode_value(rec, f, &value);
		if (!value.len)
			continue;
		add_varint(out, tag);
		add_varint(out, value.len);
		buf_add(out, value.data, value.len);
	}
}

void record_encode(const struct record_type *type, const void *rec, struct buf *out)
{
	encode(type, rec, 0, out);
}

/*
 * Decoding.  Each take_ function takes something off the front, or returns false if it is not there.
 */

static bool take_long_varint(struct slice *in, uint64_t *n)
{
	const unsigned char *byte = in->data;

	*n = 0;
	for (size_t i = 0; i < in->len && i < 10; i++) {
		if (i == 9 && byte[i] > 1)	/* more than 64 bits */
			return false;
		*n |= (uint64_t)(byte[i] & 0x7f) << (7 * i);
		if (byte[i] & 0x80)
			continue;
		*in = slice(byte + i + 1, in->len - i - 1);
		return true;
	}
	return false;
}

/* Nearly all are of one byte. */
static inline bool take_varint(struct slice *in, uint64_t *n)
{
	const unsigned char *byte = in->data;

	if (!in->len || *byte & 0x80)
		return take_long_varint(in, n);
	*n = *byte;
	*in = slice(byte + 1, in->len - 1);
	return true;
}

static bool take_number(struct slice *in, int64_t *n)
{
	uint64_t zigzag;

	if (!take_varint(in, &zigzag))
		return false;
	*n = (int64_t)((zigzag >> 1) ^ (zigzag & 1 ? UINT64_MAX : 0));
	return true;
}

static bool take_bytes(struct slice *in, struct slice *bytes)
{
	uint64_t len;

	if (!take_varint(in, &len) || len > in->len)
		return false;
	*bytes = slice(in->data, len);
	*in = slice((const char *)in->data + len, in->len - len);
	return true;
}

/* Owned; NULL if it holds a NUL. */
static char *to_text(struct slice bytes)
{
	return bytes.len && memchr(bytes.data, 0, bytes.len) ? NULL : xstrndup(bytes.data, bytes.len);
}

static bool decode_list(struct slice in, char ***list)
{
	struct slice bytes;

	strv_free(TAKE(*list));
	while (in.len) {
		_cleanup_free_ char *text = NULL;

		if (!take_bytes(&in, &bytes) || !(text = to_text(bytes)))
			return false;
		strv_add(list, text);
	}
	return true;
}

static bool decode_value(void *rec, const struct field *f, struct slice in)
{
	int64_t n;

	switch (f->type) {
	case STR:
		free(*str_of(rec, f));
		*str_of(rec, f) = to_text(in);
		return *str_of(rec, f);
	case STRV:
		return decode_list(in, strv_of(rec, f));
	case INT:
	case TIME:
		return take_number(&in, int_of(rec, f)) && !in.len;
	case BOOL:
		if (!take_number(&in, &n) || in.len)
			return false;
		*bool_of(rec, f) = n;
		return true;
	case BLOB:
		record_set_blob(blob_of(rec, f), in);
		return true;
	}
	return false;
}

static int damaged(const struct record_type *type, struct err *e, const char *where)
{
	err_set(e, ERR_STORAGE, "the stored %s is damaged: %s", noun(type), where);
	return err_hint(e, "Restore a backup.");
}

static int decode_fields(const struct record_type *type, void *rec, struct slice in, struct err *e)
{
	const unsigned char *version = in.data;

	if (!in.len)
		return damaged(type, e, "it is empty");
	if (*version != ENCODING)
		return damaged(type, e, "its encoding is unknown");
	in = slice(version + 1, in.len - 1);
	while (in.len) {
		const struct field *f;
		struct slice value;
		uint64_t tag;

		if (!take_varint(&in, &tag) || !take_bytes(&in, &value))
			return damaged(type, e, "it is cut short");
		f = field_by_tag(type, tag);
		if (f && !decode_value(rec, f, value))	/* an unknown one is of a newer program: skipped */
			return damaged(type, e, f->name);
	}
	return 0;
}

/* With an id: must be the record that belongs there.  rec is replaced as a whole, or left alone. */
static int decode_as(const struct record_type *type, void *rec, const struct slice *id, struct slice in, struct err *e)
{
	_cleanup_free_ void *fresh = xcalloc(1, type->size);

	if (decode_fields(type, fresh, in, e) < 0) {
		record_release(type, fresh);
		return -1;
	}
	if (id && !slice_eq(*id, slice_str(id_of(type, fresh)))) {
		record_release(type, fresh);
		return damaged(type, e, "its id is another");
	}
	record_release(type, rec);
	memcpy(rec, fresh, type->size);
	return 0;
}

int record_decode(const struct record_type *type, void *rec, struct slice in, struct err *e)
{
	return decode_as(type, rec, NULL, in, e);
}

/* A row of the table: its damage is told with its id. */
static int decode_row(const struct record_type *type, void *rec, struct slice id, struct slice in, struct err *e)
{
	if (!decode_as(type, rec, &id, in, e))
		return 0;
	return err_prefix(e, "reading the %s with the id \"%.*s\"", noun(type), (int)MIN(id.len, SHOWN),
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
	buf_addf(out, "%s named \"%.*s\"", noun(type), (int)MIN(name_len, SHOWN), name);
}

static int check_id(const struct record_type *type, const char *id, struct err *e)
{
	if (!*id)
		return err_set(e, ERR_INVALID, "a %s needs an id", noun(type));
	if (strlen(id) > LONGEST)
		return err_set(e, ERR_INVALID, "the id of a %s is too long: %zu bytes, and at most %d do", noun(type),
			       strlen(id), LONGEST);
	return 0;
}

static int check_index(const struct record_type *type, struct slice key, struct err *e)
{
	if (!key.len || !*(const char *)key.data)
		return err_set(e, ERR_INVALID, "a %s needs a name", noun(type));
	if (key.len > LONGEST)
		return err_set(e, ERR_INVALID, "the name of a %s is too long: %zu bytes, and at most %d do", noun(type),
			       key.len, LONGEST - 2);
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
		return err_set(e, ERR_MISSING, "there is no %s with the id \"%.*s\"", noun(type), SHOWN, id);
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
	encode(rows->type, rec, ROW, &row);
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

/* As take_varint(), of bytes that stay in registers: this is the innermost of all.  NULL: it is not there. */
static inline const unsigned char *varint_at(const unsigned char *p, const unsigned char *end, uint64_t *n)
{
	struct slice rest = slice(p, (size_t)(end - p));

	if (p < end && !(*p & 0x80)) {
		*n = *p;
		return p + 1;
	}
	return take_long_varint(&rest, n) ? rest.data : NULL;
}

static bool skim_number(void *rec, const struct field *f, const unsigned char *p, const unsigned char *end)
{
	uint64_t zigzag;

	if (varint_at(p, end, &zigzag) != end)
		return false;
	if (f->type == BOOL)
		*bool_of(rec, f) = zigzag;
	else
		*int_of(rec, f) = (int64_t)((zigzag >> 1) ^ (zigzag & 1 ? UINT64_MAX : 0));
	return true;
}

static bool skim_fields(const struct skim *s, struct slice in)
{
	const unsigned char *p = in.data, *end = p + in.len;

	if (p == end || *p++ != ENCODING)
		return false;
	while (p < end) {
		const struct field *f;
		uint64_t tag, len;

		p = varint_at(p, end, &tag);
		p = p ? varint_at(p, end, &len) : NULL;
		if (!p || len > (size_t)(end - p))
			return false;
		f = field_by_tag(s->type, tag);
		if (f && f->type != INT && f->type != TIME && f->type != BOOL)
			s->value[f - s->type->field] = slice(p, len);
		else if (f && !skim_number(s->rec, f, p, p + len))
			return false;
		p += len;
	}
	return true;
}

static int skim_row(void *arg, struct slice key, struct slice stored, struct err *e)
{
	const struct skim *s = arg;

	memset(s->rec, 0, s->type->size);
	memset(s->value, 0, s->type->fields * sizeof(*s->value));
	if (!skim_fields(s, stored))
		return damaged(s->type, e, "what lists need of it cannot be read");
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

/* All of them, one after another. */
static const struct record_type *const types[] = {
#define RECORD(rec, table, index, doc) &rec_##rec##_type,
#define FIELD(rec, tag, type, name, flags, doc)
#define END(rec)
#include "store/record.def"
#undef RECORD
#undef FIELD
#undef END
};

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

	encode(v->type, rec, ROW, &row);
	if (txn_get(v->txn, rows->table, row_key(bytes, *row_number(rows, rec)), &there, e) < 0)
		return -1;
	return slice_eq(there, slice_buf(&row)) ? 0 : damaged(v->type, e, "what lists know of it is not what it says");
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
			result = damaged(v->type, e, "its name leads elsewhere");
	}
	record_release(v->type, rec);
	return result;
}

int record_verify_all(struct txn *txn, int64_t *records, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct verifying v = { txn, types[i], records };
		const struct record_type *type = types[i];

		/* The audit log has a check of its own. */
		if (type != &rec_event_type && txn_walk(txn, type->table, slice(NULL, 0), false, verify_one, &v, e) < 0)
			return -1;
		if (type->index != NO_INDEX && txn_count(txn, type->index) != txn_count(txn, type->table))
			return damaged(type, e, "there are more names than records, or less");
		if (rows_of(type) && txn_count(txn, rows_of(type)->table) != txn_count(txn, type->table))
			return damaged(type, e, "there are more rows than records, or less");
	}
	return 0;
}

bool record_next_text(struct slice *list, struct slice *text)
{
	return list->len && take_bytes(list, text);
}

/*
 * JSON.
 */

static bool is_problem(const struct field *f)
{
	return str_ends(f->name, "error") || str_eq(f->name, "trouble");
}

/* A problem kept as JSON text is shown as what it says. */
static void put_problem(json_t *obj, const char *name, const char *text)
{
	json_t *problem = text && *text ? json_read(text, strlen(text), NULL) : NULL;

	if (problem)
		json_object_set_new(obj, name, problem);
	else
		json_put_str(obj, name, text && *text ? text : NULL);
}

json_t *record_json(const struct record_type *type, const void *rec)
{
	json_t *obj = json_object();

	for (size_t i = 0; i < type->fields; i++) {
		const struct field *f = &type->field[i];

		if (f->flags & HIDE)
			continue;
		switch (f->type) {
		case STR:
			if (is_problem(f))
				put_problem(obj, f->name, *str_of(rec, f));
			else
				json_put_str(obj, f->name,
					     *str_of(rec, f) && **str_of(rec, f) ? *str_of(rec, f) : NULL);
			break;
		case STRV:
			json_put_strv(obj, f->name, *strv_of(rec, f));
			break;
		case INT:
			json_put_int(obj, f->name, *int_of(rec, f));
			break;
		case TIME:
			json_put_time(obj, f->name, *int_of(rec, f));
			break;
		case BOOL:
			json_put_bool(obj, f->name, *bool_of(rec, f));
			break;
		case BLOB:	/* sealed or hashed: not for people */
			break;
		}
	}
	return obj;
}

static json_t *field_schema(const struct field *f)
{
	switch (f->type) {
	case STR:
		if (is_problem(f))
			return json_pack("{s:[{s:s},{s:s}]}", "anyOf", "$ref", "#/components/schemas/problem", "type", "null");
		return json_pack("{s:[s,s]}", "type", "string", "null");
	case STRV:
		return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
	case INT:
		return json_pack("{s:s}", "type", "integer");
	case TIME:
		return json_pack("{s:[s,s], s:s}", "type", "string", "null", "format", "date-time");
	case BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case BLOB:
		break;
	}
	return NULL;
}

static json_t *type_schema(const struct record_type *type)
{
	json_t *schema = json_pack("{s:s, s:s, s:{}}", "type", "object", "description", type->text, "properties");

	for (size_t i = 0; i < type->fields; i++) {
		const struct field *f = &type->field[i];
		json_t *one = f->flags & HIDE ? NULL : field_schema(f);

		if (!one)
			continue;
		json_put_str(one, "description", f->text);
		json_object_set_new(json_object_get(schema, "properties"), f->name, one);
	}
	return schema;
}

json_t *record_schema(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_eq(types[i]->name, name))
			return type_schema(types[i]);
	return NULL;
}
