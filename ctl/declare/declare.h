/*
 * certeractl export and apply: what the server has, as a text without secrets, and the other way round.
 *
 * Both sides of a comparison have one form, "a state": an object with an array for each kind, of objects with "name"
 * and members by declare.def.  Values are texts or arrays of texts, as a YAML file has them.
 */
#ifndef CTL_DECLARE_DECLARE_H
#define CTL_DECLARE_DECLARE_H

#include "base/json.h"
#include "ctl/ctl.h"

enum declare_type {
	DECLARE_TEXT,
	DECLARE_FLAG,
	DECLARE_ONOFF,
	DECLARE_NUMBER,
	DECLARE_LIST,
	DECLARE_NAMES,
	DECLARE_MAILS,
	DECLARE_WORDS,
	DECLARE_SWITCH,
	DECLARE_DISABLED,
	DECLARE_REUSE,
	DECLARE_OWNER,
	DECLARE_FILE,
};

struct declare_field {
	const char *member;
	enum declare_type type;
	const char *otherwise, *from, *create, *call;
};

struct declare_kind {
	const char *word, *one, *path, *list;
	bool (*which)(const json_t *thing, const json_t *answer);
	const struct declare_field *fields;
	size_t count;
};

extern const struct declare_kind declare_kinds[];
extern const size_t declare_kinds_count;
const struct declare_field *declare_find(const struct declare_kind *, const char *member);

/* type.c: values.  New references. */
json_t *declare_value(const struct declare_field *, const json_t *thing);	/* of an answer; NULL: it has none */
/* Of a file, whatever it wrote: as above.  NULL and e if it cannot be one. */
json_t *declare_read(const struct declare_field *, const json_t *typed, struct err *);
json_t *declare_otherwise(const struct declare_field *);			/* NULL: it stays */
bool declare_equal(const struct declare_field *, const json_t *is, const json_t *wanted, const json_t *shown);
int declare_put_create(const struct declare_field *, json_t *body, const json_t *value, struct err *);
void declare_put_change(const struct declare_field *, json_t *body, const json_t *value);

/* state.c: what the server has.  A new reference. */
json_t *declare_state(struct ctl *, struct err *);
/* read.c: what a file says, in the same form; without a section for what it does not mention. */
json_t *declare_file(const char *path, struct err *);
/* text.c: a state as YAML, appended. */
void declare_write(struct buf *, const json_t *state);

/*
 * change.c: what has to be done, in this order: an array of {"action", "kind", "name", "line" (of the file), "used"
 * (who uses what is removed), "members": {m: {"from", "to"}}}.
 */
json_t *declare_compare(const json_t *is, const json_t *wanted, bool prune);
/* Before anything is done: does what the file names exist?  The error has the line. */
int declare_check(const json_t *is, const json_t *wanted, const char *path, struct err *);
/* Does one of these; its secrets (passwords, tokens, API keys) go to the file. */
int declare_do(struct ctl *, const json_t *is, const json_t *wanted, const json_t *change, FILE *secrets, struct err *);
const json_t *declare_thing(const json_t *state, const char *kind, const char *name, bool staging);

#endif
