/*
 * Lists: a page of what passes the filters, in an order.  A page without filters, in an order that the store has
 * (record_page), is read from there.  For any other all rows are looked at, as they are stored (record_skim), and only
 * those of the page are made into records: so any filter, any order and any page cost the same, some 20 ms for 100,000
 * records.  Nothing is kept in memory between two, and nothing can be out of date.
 */
#ifndef WEBUI_LIST_LIST_H
#define WEBUI_LIST_LIST_H

#include "webui/http/handler.h"
#include "webui/list/facets.h"

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
		size_t field;			/* the store has the order by it; 0: it has not */
	} *sorts;
	/* Also by these of its texts; NULL: by none, a NULL word ends them. */
	const struct list_text {
		const char *word;
		size_t field;
	} *texts;
	/* what its values are counted by; NULL: nothing, a NULL word ends them */
	const struct list_facet *facets;
	list_show_fn *show;
	void (*release)(void *filters);		/* what they own; NULL: nothing */
};

/* From a day or time on, until another. */
struct list_span {
	int64_t since, until;
};

struct list {
	const struct list_type *of;
	const struct scope *scope;		/* of the visitor */
	struct params query;
	int64_t now, first, limit;
	bool csv;
	const struct list_sort *sort;
	size_t text;				/* the field that it is sorted by, where sort has no key */
	bool descending;
	/* of the parameters created_since, created_until, ends_since, ends_until */
	struct list_span created, ends;
	char search[256];			/* the parameter of that name in lower case, names as A-labels */
	char **ids;				/* only these, in their order; NULL: any */
	void *filters;				/* of the type's own; lives as long as the request */
	struct row *row;
	size_t count, room;
	bool full;				/* what comes behind the page's end is not kept */
	size_t total;				/* of what passes the filters */
	struct facets *facets;			/* of these, while they are counted; NULL: they are not */
};

/* Answers the request with the page it asks for. */
int list_reply(struct request *, const struct list_type *, size_t filters_size, struct err *);

/* For filters.  A parameter that is not given, or is empty, lets everything pass. */
const char *list_filter(const struct list *, const char *name);
/* Is the text in it, whatever the case?  NULL or "" is in everything; `text` is in lower case. */
bool list_contains(struct slice, const char *text);
bool list_is(struct slice, const char *text);	/* equal, or text is NULL */
/* 0 is a time that is not known: it is in no span but in the one of a query that names none. */
bool list_in(const struct list_span *, int64_t time);
/* Is the parameter true or false, or not there?  Then, does it let this flag pass? */
int list_read_flag(const struct list *, const char *name, struct err *);
bool list_flag(const struct list *, const char *name, bool value);
/* Is this type of key of the algorithm (ecdsa, rsa)?  NULL: any. */
int list_read_algorithm(const struct list *, const char **algorithm, struct err *);
bool list_is_algorithm(struct slice key_type, const char *algorithm);
/* Is the name this domain, or below it?  NULL: any. */
bool list_in_domain(struct slice name, const char *domain);
/* "first" and "limit" of a query; "first", "limit", "total", "previous" and "next" of the answer. */
int list_read_page(const struct params *, int64_t *first, int64_t *limit, struct err *);
void list_put_page(json_t *answer, int64_t first, int64_t limit, int64_t total);
/* "format": json, or csv for spreadsheets. */
int list_read_format(const struct params *, bool *csv, struct err *);
/* The answer; or, of a list that is to be mailed (request.take_csv), for that. */
int list_reply_csv(struct request *, const char *name, const struct buf *csv, int64_t shown, int64_t total,
		   struct err *);
#define LIST_MAILED_MOST 5000	/* rows */
#define LIST_PAGE_MOST 250	/* rows of a page, whatever it is asked for: it stays small (t/4854) */
/* A day (its first second) or a time like 2026-11-25T12:00:00Z. */
int list_read_time(const struct params *, const char *name, int64_t otherwise, int64_t *, struct err *);
/* A number of the query from least on. */
int list_read_number(const struct params *, const char *name, int64_t least, int64_t most, int64_t otherwise, int64_t *,
		     struct err *);

#endif
