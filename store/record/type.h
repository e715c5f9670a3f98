/*
 * Record types from inside: for type.c (records in the store), row.c, ref.c and order.c (how they are
 * found), code.c (as bytes) and json.c (as JSON).
 */
#ifndef STORE_RECORD_TYPE_H
#define STORE_RECORD_TYPE_H

#include "store/record/record.h"

/* Flags of fields, see record.def. */
#define HIDE  1
#define INDEX 2
#define ROW   4
#define REF   8
#define MADE_BY    16
#define CHANGED    32
#define CHANGED_BY 64
#define SORT  128
#define LAST  256

enum field_type { STR, STRV, INT, TIME, BOOL, BLOB };

struct field {
	uint64_t tag;
	enum field_type type;
	const char *name;
	unsigned flags;
	size_t offset;
	const char *text;
};

struct record_type {
	const char *name, *text;
	enum table table;
	int index;		/* a table, or NO_INDEX */
	const struct field *field;
	const unsigned char *by_tag;	/* the number of the field, and one more */
	size_t fields, size;
};

#define TAGS 256	/* tags are below */
#define NO_INDEX (-1)

/* All of them, in the order of record.def; NULL behind the last. */
extern const struct record_type *const record_types[];

/* NULL: there is none with that tag. */
static inline const struct field *record_field(const struct record_type *type, uint64_t tag)
{
	return tag < TAGS && type->by_tag[tag] ? &type->field[type->by_tag[tag] - 1] : NULL;
}

/* The fields of a record in memory, by type. */

static inline char **str_of(const void *rec, const struct field *f)
{
	return (char **)((char *)rec + f->offset);
}

static inline char ***strv_of(const void *rec, const struct field *f)
{
	return (char ***)((char *)rec + f->offset);
}

static inline int64_t *int_of(const void *rec, const struct field *f)
{
	return (int64_t *)((char *)rec + f->offset);
}

static inline bool *bool_of(const void *rec, const struct field *f)
{
	return (bool *)((char *)rec + f->offset);
}

static inline struct buf *blob_of(const void *rec, const struct field *f)
{
	return (struct buf *)((char *)rec + f->offset);
}

static inline const char *id_of(const struct record_type *type, const void *rec)
{
	const char *id = *str_of(rec, &type->field[0]);

	return id ? id : "";
}

/* What people call such a record. */
const char *record_noun(const struct record_type *);
/* Sets e: the stored one is damaged; returns -1. */
int record_damaged(const struct record_type *, struct err *e, const char *where);

/*
 * ref.c: what the REF fields of a record say leads to it.  old: what was stored until now; NULL: it is new, or damaged
 * (then it has none that we could find).  rec NULL: it goes.
 */
int record_put_refs(struct txn *, const struct record_type *, const char *id, const void *old, const void *rec,
		    struct err *);
/* How many there are of this record; -1: one is not there. */
int record_count_refs(struct txn *, const struct record_type *, const void *rec, struct err *);
/* NO_INDEX: such records have no REF fields. */
int record_ref_table(const struct record_type *);
/* Empties it in steps: what a former attempt has entered may not hold any more. */
int record_clear_table(struct store *, enum table, struct err *);

/* row.c: the same for rows; their number is the record's, or given here.  All is well where a type has none. */
int record_put_row(struct txn *, const struct record_type *, const void *old, void *rec, struct err *);
int record_delete_row(struct txn *, const struct record_type *, const void *old, struct err *);
int record_verify_row(struct txn *, const struct record_type *, const void *rec, struct err *);
int record_row_table(const struct record_type *);

/* order.c: the same for SORT fields. */
int record_put_order(struct txn *, const struct record_type *, const void *old, const void *rec, struct err *);
int record_count_order(struct txn *, const struct record_type *, const void *rec, struct err *);
int record_order_table(const struct record_type *);
#define ORDER_PREFIX 9	/* bytes of tag and value before the name in a key */

/* The key of its index: a name, or more (see RECORD in record.def). */
void record_index_key(const struct record_type *, const void *rec, struct buf *key);

/* As bytes; flags: only fields with one of these; 0: all. */
void record_write(const struct record_type *, const void *rec, unsigned flags, struct buf *out);
/* With an id: must be the record that belongs there.  rec is replaced as a whole, or left alone. */
int record_read(const struct record_type *, void *rec, const struct slice *id, struct slice in, struct err *);
/*
 * Numbers and flags go to rec, what else there is stays where it lies: value[REC_..._field].  What the former look had
 * found is cleared before, and only that: a record has many more fields than are set.
 */
struct glance {
	void *rec;
	struct slice *value;
	unsigned char set[TAGS];	/* fields of the former look */
	size_t sets;
};
/* False: it cannot be read. */
bool record_look(const struct record_type *, struct glance *, struct slice in);

#endif
