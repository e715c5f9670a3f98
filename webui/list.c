#include "webui/list.h"

#include <ctype.h>

#include "base/clock.h"
#include "pki/identifier.h"

#define LIMIT 100
#define LIMIT_MOST 1000
#define FIRST_MOST 1000000000

/* One that passes the filters.  name and id are in the store. */
struct row {
	int64_t key;
	struct slice name, id;
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

const char *list_filter(const struct list *l, const char *name)
{
	const char *text = params_get(&l->query, name);

	return text && *text ? text : NULL;
}

/* "-expiry" is by expiry, the last first. */
static int read_sort(struct list *l, struct err *e)
{
	const char *text = list_filter(l, "sort");
	_cleanup_buf_ struct buf words = BUF_INIT;

	l->sort = l->of->sorts;
	if (!text)
		return l->descending = *l->sort->word == '-', 0;
	l->descending = *text == '-';
	for (; l->sort->word; l->sort++) {
		const char *word = l->sort->word + (*l->sort->word == '-');

		if (str_eq(word, text + l->descending))
			return 0;
		buf_addf(&words, "%s%s", words.len ? ", " : "", word);
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

bool list_contains(struct slice value, const char *text)
{
	const char *at = value.data;
	size_t len = text ? strlen(text) : 0;

	if (!len)
		return true;
	for (; value.len >= len; at++, value.len--) {
		size_t same = 0;

		while (same < len && tolower((unsigned char)at[same]) == text[same])
			same++;
		if (same == len)
			return true;
	}
	return false;
}

static int add_row(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct list *l = arg;

	if (!scope_has_row(l->scope, l->of->type, value) || (l->of->wanted && !l->of->wanted(l, rec, value)))
		return 0;
	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 1024;
		l->row = xreallocarray(l->row, l->room, sizeof(*l->row));
	}
	l->row[l->count++] = (struct row){ l->sort->key ? l->sort->key(l, rec) : 0, value[l->of->name], value[0] };
	return 0;
}

/*
 * The order: only the part of it that is shown is put in order.
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

static int show_page(struct list *l, struct txn *t, json_t *answer, struct err *e)
{
	size_t first = MIN((size_t)l->first, l->count), end = MIN(first + (size_t)l->limit, l->count);
	json_t *page = json_array(), *query = json_object();

	sort_part(l, 0, l->count, first, end);
	json_object_set_new(answer, l->of->member, page);
	for (size_t i = first; i < end; i++)
		if (show_row(l, t, &l->row[i], page, e) < 0)
			return -1;
	list_put_page(answer, l->first, l->limit, (int64_t)l->count);
	for (size_t i = 0; i < l->query.count; i++)
		json_put_str(query, l->query.item[i].name, l->query.item[i].value);
	json_object_set_new(answer, "query", query);
	return 0;
}

static void list_release(void *state)
{
	struct list *l = state;

	params_release(&l->query);
	free(l->filters);
	free(l->row);
}

int list_reply(struct request *r, const struct list_type *of, size_t filters_size, struct err *e)
{
	struct list *l = request_state(r, sizeof(*l), list_release);
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_txn_ struct txn *t = NULL;

	l->of = of;
	l->scope = &r->visitor.scope;
	l->now = clock_now();
	l->filters = xcalloc(1, filters_size + 1);
	if (admin_query(r, &l->query, e) < 0 || list_read_page(&l->query, &l->first, &l->limit, e) < 0 ||
	    read_sort(l, e) < 0 || store_read(r->webui->env->store, &t, e) < 0 ||
	    (of->prepare && of->prepare(l, t, e) < 0))
		return -1;
	read_search(l);
	if (record_skim(t, of->type, add_row, l, e) < 0 || show_page(l, t, answer, e) < 0)
		return -1;
	return reply_json(r, 200, TAKE(answer));
}
