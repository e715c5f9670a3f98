#include "webui/list/list.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/csv.h"
#include "pki/identifier.h"

#define LIMIT 100
#define LIMIT_MOST 1000
#define FIRST_MOST 1000000000
#define ROOM_LEAST 1024	/* rows */

/* One that passes the filters.  Its texts are in the store. */
struct row {
	int64_t key;
	struct slice text, name, id;	/* text: what it is sorted by, if that is one */
};

/*
 * The query.
 */

int list_read_number(const struct params *query, const char *name, int64_t least, int64_t most, int64_t otherwise,
		     int64_t *n, struct err *e)
{
	const char *text = params_get(query, name);
	char *end = NULL;

	*n = text && *text ? strtoll(text, &end, 10) : otherwise;
	if (!end || (!*end && *n >= least && *n <= most && *text >= '0' && *text <= '9'))
		return 0;
	err_set(e, ERR_USAGE, "%s=%.40s is not understood; it is a number from %lld to %lld", name, text,
		(long long)least, (long long)most);
	return err_field(e, name);
}

int list_read_page(const struct params *query, int64_t *first, int64_t *limit, struct err *e)
{
	if (list_read_number(query, "first", 0, FIRST_MOST, 0, first, e) < 0)
		return -1;
	return list_read_number(query, "limit", 1, LIMIT_MOST, LIMIT, limit, e);
}

int list_read_format(const struct params *query, bool *csv, struct err *e)
{
	const char *text = params_get(query, "format");

	*csv = str_eq(text, "csv");
	if (*csv || !text || !*text || str_eq(text, "json"))
		return 0;
	err_set(e, ERR_USAGE, "format=%.40s is not understood; it is json or csv", text);
	return err_field(e, "format");
}

int list_read_time(const struct params *query, const char *name, int64_t otherwise, int64_t *t, struct err *e)
{
	const char *text = params_get(query, name);
	_cleanup_free_ char *day =
		text && strlen(text) == strlen("2026-11-25") ? xasprintf("%sT00:00:00Z", text) : NULL;

	*t = otherwise;
	if (!text || !*text || clock_parse_rfc3339(day ? day : text, t) == 0)
		return 0;
	err_set(e, ERR_USAGE, "%s=%.40s is not understood; it is a day or a time like 2026-11-25T12:00:00Z", name,
		text);
	return err_field(e, name);
}

const char *list_filter(const struct list *l, const char *name)
{
	const char *text = params_get(&l->query, name);

	return text && *text ? text : NULL;
}

bool list_in(const struct list_span *span, int64_t time)
{
	bool named = span->since || span->until != INT64_MAX;

	return !named || (time && time >= span->since && time < span->until);
}

static int read_span(const struct list *l, const char *since, const char *until, struct list_span *span, struct err *e)
{
	return list_read_time(&l->query, since, 0, &span->since, e) < 0 ? -1 :
		       list_read_time(&l->query, until, INT64_MAX, &span->until, e);
}

int list_read_flag(const struct list *l, const char *name, struct err *e)
{
	const char *text = list_filter(l, name);

	if (!text || str_eq(text, "true") || str_eq(text, "false"))
		return 0;
	err_set(e, ERR_USAGE, "%s=%.40s is not understood; it is true or false", name, text);
	return err_field(e, name);
}

bool list_flag(const struct list *l, const char *name, bool value)
{
	const char *text = list_filter(l, name);

	return !text || value == str_eq(text, "true");
}

int list_read_algorithm(const struct list *l, const char **algorithm, struct err *e)
{
	*algorithm = list_filter(l, "algorithm");
	if (!*algorithm || str_eq(*algorithm, "ecdsa") || str_eq(*algorithm, "rsa"))
		return 0;
	err_set(e, ERR_USAGE, "algorithm=%.40s is not understood; it is ecdsa or rsa", *algorithm);
	return err_field(e, "algorithm");
}

bool list_is_algorithm(struct slice key_type, const char *algorithm)
{
	bool rsa = key_type.len > 3 && !memcmp(key_type.data, "rsa", 3);

	return !algorithm || rsa == str_eq(algorithm, "rsa");
}

bool list_in_domain(struct slice name, const char *domain)
{
	size_t len = domain ? strlen(domain) : 0;
	const char *text = name.data;

	return !len || (name.len >= len && !memcmp(text + name.len - len, domain, len) &&
			(name.len == len || text[name.len - len - 1] == '.'));
}

/* "-expiry" is by expiry, the last first. */
static int read_sort(struct list *l, struct err *e)
{
	const char *text = list_filter(l, "sort");
	_cleanup_buf_ struct buf words = BUF_INIT;

	l->sort = l->of->sorts;
	l->text = l->of->name;
	if (!text)
		return l->descending = *l->sort->word == '-', 0;
	l->descending = *text == '-';
	for (; l->sort->word; l->sort++) {
		const char *word = l->sort->word + (*l->sort->word == '-');

		if (str_eq(word, text + l->descending))
			return 0;
		buf_addf(&words, "%s%s", words.len ? ", " : "", word);
	}
	for (const struct list_text *by = l->of->texts; by && by->word; by++) {
		static const struct list_sort none = { NULL, NULL, 0 };

		if (str_eq(by->word, text + l->descending))
			return l->sort = &none, l->text = by->field, 0;
		buf_addf(&words, ", %s", by->word);
	}
	err_set(e, ERR_USAGE, "sort=%.40s is not understood; it is one of %s, with - in front for the other way round",
		text, buf_str(&words));
	return err_field(e, "sort");
}

/* Names are stored as A-labels in lower case; a person may type the others. */
static void read_search(struct list *l)
{
	const char *text = list_filter(l, "search");
	_cleanup_free_ char *normal = text ? identifier_normal(text, NULL) : NULL;

	snprintf(l->search, sizeof(l->search), "%s", normal ? normal : text ? text : "");
	for (char *c = l->search; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

/*
 * Filters.
 */

bool list_is(struct slice value, const char *text)
{
	return !text || slice_eq(value, slice_str(text));
}

/* Without a call and a branch a byte: a search looks at millions of them. */
static inline unsigned char lower(unsigned char c)
{
	return c | (unsigned char)((unsigned char)(c - 'A') < 26) << 5;
}

bool list_contains(struct slice value, const char *text)
{
	const unsigned char *at = value.data, first = text ? (unsigned char)*text : 0;
	size_t len = text ? strlen(text) : 0;

	if (!len)
		return true;
	for (; value.len >= len; at++, value.len--) {
		size_t same = 1;

		if (lower(*at) != first)
			continue;
		while (same < len && lower(at[same]) == (unsigned char)text[same])
			same++;
		if (same == len)
			return true;
	}
	return false;
}

/*
 * The order: only the part of it that is shown is put in order, and what comes behind it is not even kept.
 */

static int compare_slices(struct slice a, struct slice b)
{
	size_t shared = MIN(a.len, b.len);
	int order = shared ? memcmp(a.data, b.data, shared) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_rows(const struct list *l, const struct row *a, const struct row *b)
{
	int order = (a->key > b->key) - (a->key < b->key);

	if (!order)
		order = compare_slices(a->text, b->text);
	if (!order)
		order = compare_slices(a->name, b->name);
	if (!order)
		order = compare_slices(a->id, b->id);
	return l->descending ? -order : order;
}

static void swap_rows(struct row *a, struct row *b)
{
	struct row c = *a;

	*a = *b;
	*b = c;
}

/* Moves what belongs before the one in the middle to its left, and returns where that one then is. */
static size_t partition(struct list *l, size_t from, size_t to)
{
	size_t place = from;

	swap_rows(&l->row[from + (to - from) / 2], &l->row[to - 1]);
	for (size_t i = from; i + 1 < to; i++)
		if (compare_rows(l, &l->row[i], &l->row[to - 1]) < 0)
			swap_rows(&l->row[i], &l->row[place++]);
	swap_rows(&l->row[place], &l->row[to - 1]);
	return place;
}

/* Quicksort of [from, to) that leaves alone what is outside [first, end). */
static void sort_part(struct list *l, size_t from, size_t to, size_t first, size_t end)
{
	while (to - from > 1 && from < end && to > first) {
		size_t middle = partition(l, from, to);

		if (middle - from < to - middle) { /* the smaller part by recursion: the stack stays small */
			sort_part(l, from, middle, first, end);
			from = middle + 1;
		} else {
			sort_part(l, middle + 1, to, first, end);
			to = middle;
		}
	}
}

/* Doubled, until all up to the page's end have room twice. */
static void make_room(struct list *l)
{
	size_t most = 2 * (size_t)(l->first + l->limit);

	l->room = MIN(MAX(l->room * 2, (size_t)ROOM_LEAST), MAX(most, (size_t)ROOM_LEAST));
	l->row = xreallocarray(l->row, l->room, sizeof(*l->row));
}

/* Only those that come before the page's end are kept, the last of them at their end. */
static void keep_first(struct list *l)
{
	size_t most = (size_t)(l->first + l->limit);

	sort_part(l, 0, l->count, most - 1, most);
	l->count = most;
	l->full = true;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "ids": in their order, for is_named(). */
static void read_ids(struct list *l)
{
	const char *text = list_filter(l, "ids");

	l->ids = text ? strv_split(text, ", ") : NULL;
	if (l->ids)
		qsort(l->ids, strv_len(l->ids), sizeof(*l->ids), compare_texts);
}

static int compare_id(const void *key, const void *text)
{
	return compare_slices(*(const struct slice *)key, slice_str(*(char *const *)text));
}

static bool is_named(const struct list *l, struct slice id)
{
	return !l->ids || bsearch(&id, l->ids, strv_len(l->ids), sizeof(*l->ids), compare_id);
}

static int add_row(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct list *l = arg;
	struct row row;

	if (!scope_has_row(l->scope, l->of->type, value) || !is_named(l, value[0]) ||
	    (l->of->wanted && !l->of->wanted(l, rec, value)))
		return 0;
	l->total++;
	if (l->facets)
		facets_count(l->facets, rec, value);
	row = (struct row){ l->sort->key ? l->sort->key(l, rec) : 0, value[l->text], value[l->of->name], value[0] };
	if (l->full && compare_rows(l, &row, &l->row[l->first + l->limit - 1]) > 0)
		return 0;
	if (l->count == l->room && l->room >= 2 * (size_t)(l->first + l->limit))
		keep_first(l);
	else if (l->count == l->room)
		make_room(l);
	l->row[l->count++] = row;
	return 0;
}

/*
 * The answer.
 */

void list_put_page(json_t *answer, int64_t first, int64_t limit, int64_t total)
{
	json_put_int(answer, "first", first);
	json_put_int(answer, "limit", limit);
	json_put_int(answer, "total", total);
	json_object_set_new(answer, "previous", first > 0 ? json_integer(MAX(first - limit, 0)) : json_null());
	json_object_set_new(answer, "next", first + limit < total ? json_integer(first + limit) : json_null());
}

static int show_row(struct list *l, struct txn *t, const struct row *row, json_t *page, struct err *e)
{
	_cleanup_free_ char *id = xstrndup(row->id.data, row->id.len);
	_cleanup_free_ void *rec = xcalloc(1, record_size(l->of->type));

	if (record_get(t, l->of->type, rec, id, e) < 0)
		return -1;
	json_array_append_new(page, l->of->show(t, rec));
	record_release(l->of->type, rec);
	return 0;
}

/* All rows are looked at. */
static int search_page(struct list *l, struct txn *t, json_t *page, struct err *e)
{
	size_t first, end;

	if (record_skim(t, l->of->type, add_row, l, e) < 0)
		return -1;
	first = MIN((size_t)l->first, l->count);
	end = MIN(first + (size_t)l->limit, l->count);
	sort_part(l, 0, l->count, first, end);
	for (size_t i = first; i < end; i++)
		if (show_row(l, t, &l->row[i], page, e) < 0)
			return -1;
	return 0;
}

struct plain {
	const struct list *list;
	struct txn *txn;
	json_t *page;
};

static int show_plain(void *arg, void *rec, struct err *e)
{
	const struct plain *p = arg;

	json_array_append_new(p->page, p->list->of->show(p->txn, rec));
	return 0;
}

static int plain_page(struct list *l, struct txn *t, json_t *page, struct err *e)
{
	struct record_page of = { l->sort->field, l->descending, l->first, l->limit };

	l->total = record_count(t, l->of->type);
	return record_page(t, l->of->type, &of, show_plain, &(struct plain){ l, t, page }, e);
}

/* Is nothing left out? */
static bool is_whole(const struct list *l)
{
	static const char *const plain[] = { "first", "limit", "sort", "format", "facets", NULL };

	for (size_t i = 0; i < l->query.count; i++)
		if (*l->query.item[i].value && !strv_has((char *const *)plain, l->query.item[i].name))
			return false;
	return !scope_limited(l->scope);
}

/* And the store knows the order: then it knows the page. */
static bool is_plain(const struct list *l)
{
	return l->sort->field && record_is_ordered(l->of->type, l->sort->field) && is_whole(l);
}

/* What a filter leaves has one value of it; which others there are is known of the whole list only, without numbers. */
static void put_others(json_t *facets, const struct list *l, const json_t *whole)
{
	const char *word;
	json_t *facet, *value;
	size_t i;

	json_object_foreach ((json_t *)whole, word, facet) {
		json_t *copy;

		if (!list_filter(l, word))
			continue;
		copy = json_deep_copy(facet);
		json_array_foreach (json_object_get(copy, "values"), i, value)
			json_object_set_new(value, "count", json_null());
		json_object_set_new(facets, word, copy);
	}
}

static int put_facets(const struct request *r, struct list *l, struct txn *t, json_t *answer, struct err *e)
{
	const json_t *whole = scope_limited(l->scope) ? NULL
						      : facet_cache_get(r->webui->facets, l->of->facets, l, l->of->type,
									r->webui->env->store, t, is_whole(l), e);
	json_t *facets;

	if (!whole && !scope_limited(l->scope))
		return -1;
	facets = l->facets ? facets_json(l->facets, t) : json_deep_copy(whole);
	if (l->facets)
		put_others(facets, l, whole);
	json_object_set_new(answer, "facets", facets);
	return 0;
}

static int show_page(const struct request *r, struct list *l, struct txn *t, json_t *answer, struct err *e)
{
	json_t *page = json_array(), *query = json_object();
	bool counted = l->of->facets && !l->csv && (r->html || str_eq(list_filter(l, "facets"), "true"));

	json_object_set_new(answer, l->of->member, page);
	json_object_set_new(answer, "query", query);
	if (counted && !is_whole(l))
		l->facets = facets_new(l->of->facets, l);
	if ((is_plain(l) ? plain_page : search_page)(l, t, page, e) < 0 ||
	    (counted && put_facets(r, l, t, answer, e) < 0))
		return -1;
	list_put_page(answer, l->first, l->limit, (int64_t)l->total);
	for (size_t i = 0; i < l->query.count; i++)
		json_put_str(query, l->query.item[i].name, l->query.item[i].value);
	return 0;
}

/* Only which ones; what the request goes on with may free the list. */
static int give_ids(struct request *r, struct list *l, struct txn *t, struct err *e)
{
	char **ids = NULL;

	l->first = 0;
	l->limit = r->ids_most;
	if (record_skim(t, l->of->type, add_row, l, e) < 0)
		return -1;
	sort_part(l, 0, l->count, 0, l->count);
	for (size_t i = 0; i < MIN(l->count, (size_t)l->limit); i++) {
		_cleanup_free_ char *id = xstrndup(l->row[i].id.data, l->row[i].id.len);

		strv_add(&ids, id);
	}
	return r->take_ids(r, ids, (int64_t)l->total, e);
}

static void list_release(void *state)
{
	struct list *l = state;

	strv_free(l->ids);
	params_release(&l->query);
	if (l->of->release && l->filters)
		l->of->release(l->filters);
	free(l->filters);
	free(l->row);
	facets_free(l->facets);
}

int list_reply_csv(struct request *r, const char *name, const struct buf *csv, int64_t shown, int64_t total,
		   struct err *e)
{
	_cleanup_free_ char *file = xasprintf("attachment; filename=\"certera-%s.csv\"", name);

	if (r->take_csv)
		return r->take_csv(r, csv, shown, total, e);
	reply_header(r, "Content-Disposition", file);
	return reply(r, 200, "text/csv; charset=utf-8; header=present", slice_buf(csv));
}

static int reply_csv(struct request *r, const struct list *l, const json_t *answer, struct err *e)
{
	const json_t *rows = json_object_get(answer, l->of->member);
	_cleanup_buf_ struct buf csv = BUF_INIT;

	csv_add_rows(&csv, rows);
	return list_reply_csv(r, l->of->member, &csv, (int64_t)json_array_size(rows), (int64_t)l->total, e);
}

int list_reply(struct request *r, const struct list_type *of, size_t filters_size, struct err *e)
{
	struct list *l = request_state(r, sizeof(*l), list_release);
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;

	l->of = of;	/* first: list_release() asks it */
	l->scope = &r->visitor.scope;
	l->now = clock_now();
	l->filters = xcalloc(1, filters_size + 1);
	if (admin_query(r, &l->query, e) < 0)
		return -1;
	read_search(l);
	read_ids(l);
	if (list_read_page(&l->query, &l->first, &l->limit, e) < 0 || list_read_format(&l->query, &l->csv, e) < 0 ||
	    list_read_flag(l, "facets", e) < 0 || read_span(l, "created_since", "created_until", &l->created, e) < 0 ||
	    read_span(l, "ends_since", "ends_until", &l->ends, e) < 0 || read_sort(l, e) < 0 ||
	    store_read(r->webui->env->store, &t, e) < 0 || (of->prepare && of->prepare(l, t, e) < 0))
		return -1;
	if (r->html && !l->csv)
		l->limit = MIN(l->limit, LIST_PAGE_MOST);
	if (r->take_ids)
		return give_ids(r, l, t, e);
	if (r->take_csv || r->ids_most) {
		l->first = 0;
		l->limit = r->take_csv ? LIST_MAILED_MOST : r->ids_most;
	}
	if (show_page(r, l, t, answer, e) < 0)
		return -1;
	txn_abort(TAKE(t));
	return l->csv ? reply_csv(r, l, answer, e) : reply_json(r, 200, TAKE(answer));
}
