/*
 * Lists: a page of what passes the filters, in an order.  All rows are looked at for each, as they are stored
 * (record_skim), and only those of the page are made into records: so any filter, any order and any page cost the same,
 * some 20 ms for 100,000 records, nothing is kept in memory between two, and nothing can be out of date.
 */
#ifndef WEBUI_LIST_H
#define WEBUI_LIST_H

#include "webui/admin.h"

struct list;
typedef json_t *list_show_fn(struct txn *, const void *rec);

/* Reads the filters of its own from l->query; keeps them in l->filters. */
typedef int list_prepare_fn(struct list *, struct txn *, struct err *);
typedef bool list_wanted_fn(const struct list *, const void *rec, const struct slice *value);
typedef int64_t list_key_fn(const struct list *, const void *rec);

struct list_type {
	const char *member;			/* of the answer: "certificates" */
	const struct record_type *type;
	size_t name;				/* number of the field name */
	list_prepare_fn *prepare;
	list_wanted_fn *wanted;
	/* The first is the default, the other way round if its word begins with -; NULL ends them. */
	const struct list_sort {
		const char *word;
		list_key_fn *key;		/* NULL: by name */
	} *sorts;
	list_show_fn *show;
};

struct list {
	const struct list_type *of;
	const struct scope *scope;		/* of the visitor */
	struct params query;
	int64_t now, first, limit;
	const struct list_sort *sort;
	bool descending;
	char search[256];			/* the parameter of that name in lower case, names as A-labels */
	void *filters;				/* of the type's own; lives as long as the request */
	struct row *row;
	size_t count, room;
};

/* Answers the request with the page it asks for. */
int list_reply(struct request *, const struct list_type *, size_t filters_size, struct err *);

/* For filters.  A parameter that is not given, or is empty, lets everything pass. */
const char *list_filter(const struct list *, const char *name);
/* Is the text in it, whatever the case?  NULL or "" is in everything; `text` is in lower case. */
bool list_contains(struct slice, const char *text);
bool list_is(struct slice, const char *text);	/* equal, or text is NULL */
/* "first" and "limit" of a query; "first", "limit", "total", "previous" and "next" of the answer. */
int list_read_page(const struct params *, int64_t *first, int64_t *limit, struct err *);
void list_put_page(json_t *answer, int64_t first, int64_t limit, int64_t total);
/* A number of the query from least on. */
int list_read_number(const struct params *, const char *name, int64_t least, int64_t most, int64_t otherwise, int64_t *,
		     struct err *);

#endif
