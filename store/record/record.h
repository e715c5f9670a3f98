/*
 * The records of the store, one room for all that is done to any of them: as bytes, as JSON, by name, in lists.
 *
 * They are C structs: struct rec_account, struct rec_cert, ... out of record.def.
 *
 * A zeroed struct is an empty record.  Strings, lists and blobs in it are owned by it:
 * set them with record_set(), free all with rec_X_release().
 *
 *	struct rec_cert c = { 0 };
 *	if (rec_cert_by_name(txn, &c, name, staging, e) < 0) ...
 *	record_set(&c.key_type, "p256");
 *	rec_cert_put(txn, &c, e);
 *	rec_cert_release(&c);
 *
 * _get and _by_name return 0, or -1 with ERR_MISSING (or ERR_STORAGE) in e; what was in rec is then still there.
 * _put checks that no other record has the same index fields: ERR_CONFLICT.  It refuses an empty name.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/buf.h"
#include "base/json.h"
#include "store/db/txn.h"

#define RECORD_TYPE_STR  char *
#define RECORD_TYPE_STRV char **
#define RECORD_TYPE_INT  int64_t
#define RECORD_TYPE_TIME int64_t
#define RECORD_TYPE_BOOL bool
#define RECORD_TYPE_BLOB struct buf

#define RECORD(rec, table, index, doc) struct rec_##rec {
#define FIELD(rec, tag, type, name, flags, doc) RECORD_TYPE_##type name;
#define END(rec) };
#include "store/record/record.def"
#undef RECORD
#undef FIELD
#undef END

/* The number of each field in its record: REC_cert_name, ...; REC_cert_fields: how many there are. */
#define RECORD(rec, table, index, doc) enum {
#define FIELD(rec, tag, type, name, flags, doc) REC_##rec##_##name,
#define END(rec) REC_##rec##_fields };
#include "store/record/record.def"
#undef RECORD
#undef FIELD
#undef END

struct record_type;	/* the rows of record.def, for the generic functions below */

int record_get(struct txn *, const struct record_type *, void *rec, const char *id, struct err *);
int record_by_index(struct txn *, const struct record_type *, void *rec, struct slice index_key, struct err *);
int record_put(struct txn *, const struct record_type *, void *rec, struct err *);
int record_delete(struct txn *, const struct record_type *, const char *id, struct err *);
size_t record_size(const struct record_type *);		/* bytes of its struct */
void record_release(const struct record_type *, void *rec);	/* frees what it owns and zeroes it */
/* All but HIDE fields; times as RFC 3339, problems as objects, empty texts and times as null. */
json_t *record_json(const struct record_type *, const void *rec);
/* What that JSON looks like, as a JSON Schema; NULL: there is no record of that name. */
json_t *record_schema(const char *name);
/* The bytes as stored, and back. */
void record_encode(const struct record_type *, const void *rec, struct buf *);
int record_decode(const struct record_type *, void *rec, struct slice, struct err *);

#define RECORD(rec, table, index, doc) \
	extern const struct record_type rec_##rec##_type; \
	static inline int rec_##rec##_get(struct txn *t, struct rec_##rec *r, const char *id, struct err *e) \
	{ return record_get(t, &rec_##rec##_type, r, id, e); } \
	static inline int rec_##rec##_put(struct txn *t, struct rec_##rec *r, struct err *e) \
	{ return record_put(t, &rec_##rec##_type, r, e); } \
	static inline int rec_##rec##_delete(struct txn *t, const char *id, struct err *e) \
	{ return record_delete(t, &rec_##rec##_type, id, e); } \
	static inline void rec_##rec##_release(struct rec_##rec *r) \
	{ record_release(&rec_##rec##_type, r); } \
	static inline json_t *rec_##rec##_json(const struct rec_##rec *r) \
	{ return record_json(&rec_##rec##_type, r); }
#define FIELD(rec, tag, type, name, flags, doc)
#define END(rec)
#include "store/record/record.def"
#undef RECORD
#undef FIELD
#undef END

int rec_account_by_name(struct txn *, struct rec_account *, const char *name, struct err *);
int rec_key_by_name(struct txn *, struct rec_key *, const char *name, struct err *);
int rec_channel_by_name(struct txn *, struct rec_channel *, const char *name, struct err *);
int rec_cert_by_name(struct txn *, struct rec_cert *, const char *name, bool staging, struct err *);
int rec_user_by_name(struct txn *, struct rec_user *, const char *name, struct err *);
int rec_token_by_name(struct txn *, struct rec_token *, const char *name, struct err *);
int rec_plan_by_name(struct txn *, struct rec_plan *, const char *name, struct err *);

/* Replaces an owned string by a copy (NULL clears). */
void record_set(char **field, const char *value);
void record_set_blob(struct buf *field, struct slice value);
/* "id/00000007": the id of the nth child; sorts by number. */
char *record_child_id(const char *parent, int64_t number);
/* And back: its parent's id (owned), and its number; of an id that has no parent, all of it, and 0. */
char *record_parent_id(const char *child);
int64_t record_child_number(const char *child);

/*
 * Walks a table in order of id (or backwards: newest child first), over the ids that start with `prefix`
 * (NULL: all).  rec is filled anew for each and released after it; fn may TAKE() what it wants to keep.
 * Return of fn: 0 go on, 1 stop, -1 stop with e.  In a write, fn may put and delete records.
 */
typedef int record_each_fn(void *arg, void *rec, struct err *);
int record_each(struct txn *, const struct record_type *, const char *prefix, bool backwards, record_each_fn *fn,
		void *arg, struct err *);

/*
 * The same over the records whose field says so (REC_x_y, a REF field), by their id.  fn may put and delete records.
 */
int record_each_with(struct txn *, const struct record_type *, size_t field, const char *value, record_each_fn *fn,
		     void *arg, struct err *);
/* For a store of before there were REF fields: enters all records anew, in steps. */
int record_make_refs(struct store *, const struct record_type *, struct err *);

/*
 * A page of all records in the order of one field: of its name (the first INDEX field), or of a SORT field, those that
 * say the same by name, or by id where there is no name.  What is before the page is counted, not read.
 */
struct record_page {
	size_t field;		/* REC_x_y */
	bool backwards;
	int64_t first, limit;
};
bool record_is_ordered(const struct record_type *, size_t field);
int record_page(struct txn *, const struct record_type *, const struct record_page *, record_each_fn *fn, void *arg,
		struct err *);
/* For a store of before there were SORT fields. */
int record_make_order(struct store *, const struct record_type *, struct err *);
size_t record_count(struct txn *, const struct record_type *);	/* how many there are */

/*
 * For changes to as many records as there are: walks all of a table in steps, each a write transaction of its own over
 * 256 records (or fewer, with many changes each), so that no transaction is large and others get their turn.  Return of
 * fn: 0 go on, -1 stop with e: this step is not written, those before are.
 */
#define RECORD_STEP 256
typedef int record_step_fn(void *arg, struct txn *, void *rec, struct err *);
int record_each_in_steps(struct store *, const struct record_type *, record_step_fn *fn, void *arg, struct err *);
/* The same for a loop, which does a step whenever it has time: 1 there may be more, 0 that was all, -1. */
struct record_steps;
struct record_steps *record_steps_new(const struct record_type *, record_step_fn *fn, void *arg);
int record_steps_next(struct store *, struct record_steps *, struct err *);
void record_steps_free(struct record_steps *);		/* NULL is fine */

/*
 * The same over all of a table, without copies: 100,000 records in some 20 ms.  In rec there are numbers and flags
 * only; what is text, list or blob is value[REC_x_y], as it is stored and until fn returns (in a read: until that
 * ends).  Of types that have ROW fields, only those are there: they are stored a second time, beside each other.
 */
typedef int record_skim_fn(void *arg, const void *rec, const struct slice *value, struct err *);
int record_skim(struct txn *, const struct record_type *, record_skim_fn *, void *arg, struct err *);
/* the table that reads: it changes whenever what is seen there does */
enum table record_skimmed(const struct record_type *);
/* Reads every record of every type, and follows every index.  -1: the first that is not as it must be. */
int record_verify_all(struct txn *, int64_t *records, struct err *);
/* Takes the first text off a list as it is stored; false: it is at its end. */
bool record_next_text(struct slice *list, struct slice *text);

#endif
