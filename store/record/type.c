/* Records in the store: by id, by name; all of them verified. */
#include "store/record/type.h"

#include "base/clock.h"

#define LONGEST 511	/* bytes of an id, or of an index key: what LMDB takes for a key */
#define SHOWN 200	/* bytes of a name, at most, in a sentence */

#define RECORD(rec, table, index, doc) static const struct field rec##_fields[] = {
#define FIELD(rec, tag, type, name, flags, doc) { tag, type, #name, flags, offsetof(struct rec_##rec, name), doc },
#define END(rec) };
#include "store/record/record.def"
#undef RECORD
#undef FIELD
#undef END

/* By tag: the number of the field, and one more. */
#define RECORD(rec, table, index, doc) static const unsigned char rec##_by_tag[TAGS] = {
#define FIELD(rec, tag, type, name, flags, doc) [tag] = REC_##rec##_##name + 1,
#define END(rec) };
#include "store/record/record.def"
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
#include "store/record/record.def"
#undef RECORD
#undef FIELD
#undef END

const struct record_type *const record_types[] = {
#define RECORD(rec, table, index, doc) &rec_##rec##_type,
#define FIELD(rec, tag, type, name, flags, doc)
#define END(rec)
#include "store/record/record.def"
#undef RECORD
#undef FIELD
#undef END
	NULL
};

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

char *record_parent_id(const char *child)
{
	const char *slash = strrchr(child, '/');

	return slash ? xstrndup(child, (size_t)(slash - child)) : xstrdup(child);
}

int64_t record_child_number(const char *child)
{
	const char *slash = strrchr(child, '/');

	return slash ? strtoll(slash + 1, NULL, 10) : 0;
}

size_t record_count(struct txn *txn, const struct record_type *type)
{
	return txn_count(txn, type->table);
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
	if (record_read(type, rec, &id, in, e) == 0)
		return 0;
	return err_prefix(e, "reading the %s with the id \"%.*s\"", record_noun(type), (int)MIN(id.len, SHOWN),
			  (const char *)id.data);
}

/*
 * The index: the INDEX fields with a NUL between them -> id.
 */

void record_index_key(const struct record_type *type, const void *rec, struct buf *key)
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

/* Where it is sorted, its name or id stands behind what it is sorted by. */
static size_t longest(const struct record_type *type)
{
	return record_order_table(type) == NO_INDEX ? LONGEST : LONGEST - ORDER_PREFIX;
}

static int check_id(const struct record_type *type, const char *id, struct err *e)
{
	if (!*id)
		return err_set(e, ERR_INVALID, "a %s needs an id", record_noun(type));
	if (strlen(id) > longest(type))
		return err_set(e, ERR_INVALID, "the id of a %s is too long: %zu bytes, and at most %zu do",
			       record_noun(type), strlen(id), longest(type));
	return 0;
}

static int check_index(const struct record_type *type, struct slice key, struct err *e)
{
	if (!key.len || !*(const char *)key.data)
		return err_set(e, ERR_INVALID, "a %s needs a name", record_noun(type));
	if (key.len > longest(type))
		return err_set(e, ERR_INVALID, "the name of a %s is too long: %zu bytes, and at most %zu do",
			       record_noun(type), key.len, longest(type) - 2);
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

/* What is stored under the id now. */
struct former {
	void *rec;		/* NULL: nothing, or it is damaged */
	bool damaged;
};

static void former_release(const struct record_type *type, struct former *former)
{
	if (former->rec)
		record_release(type, former->rec);
	free(former->rec);
}

static int read_former(struct txn *txn, const struct record_type *type, const char *id, struct former *former,
		       struct err *e)
{
	struct slice stored;
	int found = txn_get(txn, type->table, slice_str(id), &stored, e);

	*former = (struct former){ 0 };
	if (found <= 0)
		return found;
	former->rec = xcalloc(1, type->size);
	if (record_decode(type, former->rec, stored, NULL) < 0) {
		former_release(type, former);
		*former = (struct former){ .damaged = true };
	}
	return 0;
}

/* Removes the index entry of what was stored under the id, unless it is the one to keep. */
static int forget_index(struct txn *txn, const struct record_type *type, const char *id, const struct former *former,
			struct slice keep, struct err *e)
{
	struct sweep sweep = { txn, type, slice_str(id), keep };
	_cleanup_buf_ struct buf key = BUF_INIT;

	if (former->damaged)		/* its entry is found by looking at all */
		return txn_walk(txn, type->index, slice(NULL, 0), false, sweep_row, &sweep, e);
	if (!former->rec)
		return 0;
	record_index_key(type, former->rec, &key);
	return slice_eq(slice_buf(&key), keep) ? 0 : txn_delete(txn, type->index, slice_buf(&key), e);
}

static int put_index(struct txn *txn, const struct record_type *type, const struct former *former, const void *rec,
		     struct err *e)
{
	_cleanup_buf_ struct buf key = BUF_INIT, who = BUF_INIT;
	const char *id = id_of(type, rec);
	struct slice holder;
	int found;

	record_index_key(type, rec, &key);
	if (check_index(type, slice_buf(&key), e) < 0)
		return -1;
	found = txn_get(txn, type->index, slice_buf(&key), &holder, e);
	if (found < 0)
		return -1;
	if (found && !slice_eq(holder, slice_str(id))) {
		describe(type, slice_buf(&key), &who);
		return err_set(e, ERR_CONFLICT, "there is already a %s", buf_str(&who));
	}
	if (forget_index(txn, type, id, former, slice_buf(&key), e) < 0)
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

/* Who made it, or changed it, and when: in a transaction of somebody's. */
static int stamp(struct txn *txn, const struct record_type *type, void *rec, const char *actor, struct err *e)
{
	struct slice there;
	int found = txn_get(txn, type->table, slice_str(id_of(type, rec)), &there, e);

	for (size_t i = 0; found >= 0 && i < type->fields; i++) {
		const struct field *f = &type->field[i];

		if (f->flags & CHANGED)
			*int_of(rec, f) = clock_now();
		else if ((f->flags & CHANGED_BY) || (!found && (f->flags & MADE_BY)))
			record_set(str_of(rec, f), actor);
	}
	return MIN(found, 0);
}

static int put_with(struct txn *txn, const struct record_type *type, const struct former *former, void *rec,
		    struct err *e)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	const char *id = id_of(type, rec);

	if ((type->index != NO_INDEX && put_index(txn, type, former, rec, e) < 0) ||
	    record_put_row(txn, type, former->rec, rec, e) < 0 ||
	    record_put_refs(txn, type, id, former->rec, rec, e) < 0 ||
	    record_put_order(txn, type, former->rec, rec, e) < 0)
		return -1;
	record_encode(type, rec, &bytes);
	return txn_put(txn, type->table, slice_str(id), slice_buf(&bytes), e);
}

/* Does more than the table have to know what was there before? */
static bool is_found_elsewhere(const struct record_type *type)
{
	return type->index != NO_INDEX || record_ref_table(type) != NO_INDEX || record_order_table(type) != NO_INDEX;
}

int record_put(struct txn *txn, const struct record_type *type, void *rec, struct err *e)
{
	const char *id = id_of(type, rec);
	struct former former = { 0 };
	int result;

	if (check_id(type, id, e) < 0 || (is_found_elsewhere(type) && read_former(txn, type, id, &former, e) < 0))
		return -1;
	result = txn_actor(txn) ? stamp(txn, type, rec, txn_actor(txn), e) : 0;
	if (!result)
		result = put_with(txn, type, &former, rec, e);
	former_release(type, &former);
	return result;
}

int record_delete(struct txn *txn, const struct record_type *type, const char *id, struct err *e)
{
	struct former former = { 0 };
	int result;

	if (is_found_elsewhere(type) && read_former(txn, type, id, &former, e) < 0)
		return -1;
	result = type->index == NO_INDEX ? 0 : forget_index(txn, type, id, &former, slice(NULL, 0), e);
	if (!result && former.rec)
		result = MIN(record_delete_row(txn, type, former.rec, e), 0);
	if (!result)
		result = record_put_refs(txn, type, id, former.rec, NULL, e);
	if (!result)
		result = record_put_order(txn, type, former.rec, NULL, e);
	former_release(type, &former);
	return result < 0 ? -1 : txn_delete(txn, type->table, slice_str(id), e);
}

struct record_type_each {
	const struct record_type *type;
	void *rec;
	record_each_fn *fn;
	void *arg;
};

static int each_row(void *arg, struct slice id, struct slice stored, struct err *e)
{
	const struct record_type_each *each = arg;
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
	struct record_type_each each = { type, rec, fn, arg };

	return txn_walk(txn, type->table, slice_str(prefix), backwards, each_row, &each, e);
}

struct record_steps {
	struct txn *txn;
	const struct record_type *type;
	record_step_fn *fn;
	void *arg;
	struct buf last;	/* the id of the last one */
	int count;		/* of this step */
	bool more;		/* there may be more behind it */
};

static int step_row(void *arg, void *rec, struct err *e)
{
	struct record_steps *s = arg;
	const char *id = id_of(s->type, rec);

	buf_clear(&s->last);
	buf_add(&s->last, id, strlen(id) + 1);	/* with its NUL: the first that may come behind it */
	if (s->fn(s->arg, s->txn, rec, e) < 0)
		return -1;
	s->more = ++s->count == RECORD_STEP || txn_is_large(s->txn);
	return s->more;
}

int record_steps_next(struct store *store, struct record_steps *s, struct err *e)
{
	_cleanup_free_ void *rec = xcalloc(1, s->type->size);
	struct record_type_each each = { s->type, rec, step_row, s };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_buf_ struct buf first = BUF_INIT;
	int failed;

	if (store_write(store, &t, e) < 0)
		return -1;
	s->txn = t;
	s->count = 0;
	s->more = false;
	buf_add(&first, s->last.data, s->last.len);
	failed = txn_range(t, s->type->table, slice_buf(&first), slice(NULL, 0), false, each_row, &each, e);
	return failed < 0 || txn_commit(TAKE(t), e) < 0 ? -1 : s->more;
}

struct record_steps *record_steps_new(const struct record_type *type, record_step_fn *fn, void *arg)
{
	struct record_steps *s = xcalloc(1, sizeof(*s));

	s->type = type;
	s->fn = fn;
	s->arg = arg;
	return s;
}

void record_steps_free(struct record_steps *s)
{
	if (!s)
		return;
	buf_release(&s->last);
	free(s);
}

int record_each_in_steps(struct store *store, const struct record_type *type, record_step_fn *fn, void *arg,
			 struct err *e)
{
	struct record_steps *s = record_steps_new(type, fn, arg);
	int more;

	do {
		more = record_steps_next(store, s, e);
	} while (more > 0);
	record_steps_free(s);
	return more;
}

/*
 * Verifying.
 */

struct record_type_verifying {
	struct txn *txn;
	const struct record_type *type;
	int64_t *records;
	size_t refs, places;
};

static int count_found(int found, size_t *count)
{
	*count += (size_t)MAX(found, 0);
	return MIN(found, 0);
}

static int verify_one(void *arg, struct slice id, struct slice stored, struct err *e)
{
	struct record_type_verifying *v = arg;
	_cleanup_free_ void *rec = xcalloc(1, v->type->size);
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct slice found = slice(NULL, 0);
	int result = decode_row(v->type, rec, id, stored, e);

	++*v->records;
	if (!result)
		result = record_verify_row(v->txn, v->type, rec, e);
	if (!result && v->type->index != NO_INDEX) {
		record_index_key(v->type, rec, &key);
		result = MIN(txn_get(v->txn, v->type->index, slice_buf(&key), &found, e), 0);
		if (!result && !slice_eq(found, id))
			result = record_damaged(v->type, e, "its name leads elsewhere");
	}
	if (!result)
		result = count_found(record_count_refs(v->txn, v->type, rec, e), &v->refs);
	if (!result)
		result = count_found(record_count_order(v->txn, v->type, rec, e), &v->places);
	record_release(v->type, rec);
	return result;
}

/* A table that leads to records, and has so many rows if all is as it should be. */
static int verify_count(struct txn *txn, const struct record_type *type, int table, size_t count, const char *says,
			struct err *e)
{
	return table == NO_INDEX || txn_count(txn, (enum table)table) == count ? 0 : record_damaged(type, e, says);
}

static int verify_type(struct record_type_verifying *v, struct err *e)
{
	const struct record_type *type = v->type;
	size_t records;

	/* The audit log has a check of its own. */
	if (type != &rec_event_type && txn_walk(v->txn, type->table, slice(NULL, 0), false, verify_one, v, e) < 0)
		return -1;
	records = txn_count(v->txn, type->table);
	if (verify_count(v->txn, type, type->index, records, "there are more names than records, or less", e) < 0 ||
	    verify_count(v->txn, type, record_row_table(type), records, "there are more rows than records, or less",
			 e) < 0 ||
	    verify_count(v->txn, type, record_ref_table(type), v->refs,
			 "more is known of where they are used than they say, or less", e) < 0)
		return -1;
	return verify_count(v->txn, type, record_order_table(type), v->places,
			    "more is known of their order than they say, or less", e);
}

int record_verify_all(struct txn *txn, int64_t *records, struct err *e)
{
	for (size_t i = 0; record_types[i]; i++) {
		struct record_type_verifying v = { .txn = txn, .type = record_types[i], .records = records };

		if (verify_type(&v, e) < 0)
			return -1;
	}
	return 0;
}
