/*
 * Record types from inside: for record.c (records in the store), record_code.c (as bytes) and record_json.c (as JSON).
 */
#ifndef STORE_RECORD_TYPE_H
#define STORE_RECORD_TYPE_H

#include "store/record.h"

/* Flags of fields, see record.def. */
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

/* As bytes; flags: only fields with one of these; 0: all. */
void record_write(const struct record_type *, const void *rec, unsigned flags, struct buf *out);
/* With an id: must be the record that belongs there.  rec is replaced as a whole, or left alone. */
int record_read(const struct record_type *, void *rec, const struct slice *id, struct slice in, struct err *);
/*
 * Numbers and flags go to rec, what else there is stays where it lies: value[REC_..._field].
 * False: it cannot be read.
 */
bool record_look(const struct record_type *, void *rec, struct slice *value, struct slice in);

#endif
