/*
 * What a list can be filtered by: for each of the type's facets the values there are, and how many rows have each.
 * They are counted in the same walk that filters; those of the whole list are kept by each desk until one of its
 * records changes, or a minute is over.
 */
#ifndef WEBUI_LIST_FACETS_H
#define WEBUI_LIST_FACETS_H

#include "base/json.h"
#include "store/record/record.h"

struct list;
typedef const char *list_word_fn(const struct list *, const void *rec);

/* What the values of a list are counted by; a NULL word ends them. */
struct list_facet {
	const char *word;		/* the parameter that filters by it */
	size_t field;			/* a text; or, `several`, a list of them */
	bool several;
	/* it is the id of such a record, which is called by its name; NULL: it is not */
	const struct record_type *names;
	list_word_fn *says;		/* instead of a field */
};

#define FACET_VALUES 100	/* that are told of one; "more": there are others */

struct facets;
struct facets *facets_new(const struct list_facet *, const struct list *);
void facets_free(struct facets *);	/* NULL is fine */
/* One row that is counted; its texts must stay where they are until facets_json(). */
void facets_count(struct facets *, const void *rec, const struct slice *value);
/*
 * {"tag": {"values": [{"value": "web", "count": 12}, ...], "more": false}, ...}, the most frequent first.  New
 * reference.
 */
json_t *facets_json(const struct facets *, struct txn *);

struct facet_cache;
struct facet_cache *facet_cache_new(void);
void facet_cache_free(struct facet_cache *);	/* NULL is fine */
/*
 * Of the whole list, for a visitor who may see all of it.  exact: nothing has changed since; else they may be a minute
 * old.  Borrowed, until the next one is asked for; NULL and e: the store could not be read.
 */
const json_t *facet_cache_get(struct facet_cache *, const struct list_facet *, const struct list *,
			      const struct record_type *, struct store *, struct txn *, bool exact, struct err *);

#endif
