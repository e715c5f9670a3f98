#include "webui/page/listing.h"

#include "base/encode.h"
#include "base/json.h"
#include "webui/http/call.h"
#include "webui/list/actions.h"
#include "webui/list/filters.h"

#define AROUND 2	/* numbers of pages shown on each side */
#define FEW 25		/* rows, the least that is a page */

enum listed_kind { LISTED_VIEW, LISTED_SORT, LISTED_MENU, LISTED_TEXT, LISTED_DAYS };

struct listed {
	enum listed_kind kind;
	const char *word, *label, *texts;
};

#define LIST(page, hint) static const struct listed page##_listed[] = {
#define VIEW(query, label) { LISTED_VIEW, query, label, "" },
#define SORT(word, label) { LISTED_SORT, word, label, "" },
#define CHIP(word, kind, label, texts) { LISTED_##kind, word, label, texts },
#define END(page) { .word = NULL } };
#include "webui/lists.def"
#undef LIST
#undef VIEW
#undef SORT
#undef CHIP
#undef END

static const struct list_offer {
	page_fn *page;
	const char *hint;
	const struct listed *item;
} listings[] = {
#define LIST(page, hint) { page, hint, page##_listed },
#define VIEW(query, label)
#define SORT(word, label)
#define CHIP(word, kind, label, texts)
#define END(page)
#include "webui/lists.def"
#undef LIST
#undef VIEW
#undef SORT
#undef CHIP
#undef END
};

/* Parameters that say which part of the list is shown, not which list. */
static const char *const apart[] = { "first", "before", "limit", "format", "facets", NULL };

static bool is_apart(const char *name)
{
	return strv_has((char *const *)apart, name);
}

/* One page, while its parts are put together. */
struct listing_page {
	const struct request *r;
	const json_t *page, *query;
	const struct list_offer *of;
};

/*
 * Addresses.
 */

/* Every parameter the call knows, "" where it is not given. */
static json_t *show_query(const struct request *r)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	const struct api_call *call = call_of(r->route);
	json_t *o = json_object();

	if (request_query(r, &query, NULL) < 0)
		params_release(&query);
	for (size_t i = 0; i < call->count; i++)
		if (call->item[i].need == ITEM_QUERY)
			json_put_str(o, call->item[i].name, params_get(&query, call->item[i].name));
	return o;
}

static const char *asked(const json_t *query, const char *name)
{
	const char *text = json_str(query, name);

	return text && *text ? text : NULL;
}

/* The page's address with these parameters; owned. */
static char *address(const struct request *r, const json_t *query)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	json_t *value;
	const char *name;

	buf_add_str(&out, request_path(r));
	json_object_foreach ((json_t *)query, name, value) {
		if (!asked(query, name))
			continue;
		buf_addf(&out, "%c%s=", strchr(buf_str(&out), '?') ? '&' : '?', name);
		url_add(&out, json_string_value(value));
	}
	return buf_detach(&out);
}

/* With another value of a parameter, from the first row on; owned.  NULL: without it. */
static char *address_with(const struct listing_page *p, const char *name, const char *value)
{
	_cleanup_json_ json_t *query = json_copy((json_t *)p->query);

	json_object_del(query, "first");
	json_object_del(query, "before");
	json_put_str(query, name, value);
	return address(p->r, query);
}

static void put_address(json_t *o, const char *member, const struct listing_page *p, const char *name,
			const char *value)
{
	_cleanup_free_ char *text = address_with(p, name, value);

	json_put_str(o, member, text);
}

static void put_first(json_t *o, const char *member, const struct listing_page *p, int64_t first)
{
	_cleanup_free_ char *number = xasprintf("%lld", (long long)first);

	put_address(o, member, p, "first", first ? number : NULL);
}

/*
 * Views and orders.
 */

/* Does the address ask for these filters, and for no others? */
static bool is_here(const struct listing_page *p, const struct params *view)
{
	const char *name;
	json_t *value;

	for (size_t i = 0; i < view->count; i++)
		if (strcmp(view->item[i].name, "sort") &&
		    !str_eq(asked(p->query, view->item[i].name), view->item[i].value))
			return false;
	json_object_foreach ((json_t *)p->query, name, value)
		if (asked(p->query, name) && !is_apart(name) && strcmp(name, "sort") && !params_get(view, name))
			return false;
	return true;
}

static json_t *show_view(const struct listing_page *p, const struct listed *item)
{
	_cleanup_(params_release) struct params view = { NULL, 0 };
	_cleanup_free_ char *path = xasprintf("%s%s%s", request_path(p->r), *item->word ? "?" : "", item->word);
	json_t *o = json_object();

	params_parse(&view, item->word, strlen(item->word), NULL);
	json_put_str(o, "label", item->label);
	json_put_str(o, "href", path);
	json_put_bool(o, "here", is_here(p, &view));
	return o;
}

static const char *without_sign(const char *word)
{
	return word + (*word == '-');
}

/* The order of this page: what is asked for, or the list's first. */
static const char *order_of(const struct listing_page *p)
{
	const struct listed *item = p->of->item;

	while (item->word && item->kind != LISTED_SORT)
		item++;
	return asked(p->query, "sort") ? asked(p->query, "sort") : item->word ? item->word : "";
}

/* A second click turns it round. */
static json_t *show_sort(const struct listing_page *p, const struct listed *item)
{
	const char *now = order_of(p), *word = without_sign(item->word);
	bool here = str_eq(without_sign(now), word), down = *now == '-';
	_cleanup_free_ char *next = xasprintf("%s%s", here ? (down ? "" : "-") : *item->word == '-' ? "-" : "", word);
	json_t *o = json_object();

	json_put_str(o, "label", item->label);
	put_address(o, "href", p, "sort", next);
	json_put_str(o, "direction", !here ? NULL : down ? "descending" : "ascending");
	return o;
}

/*
 * Filters.
 */

static json_t *show_option(const struct listing_page *p, const struct listed *chip, const char *value,
			   const char *label, json_t *count)
{
	bool chosen = str_eq(asked(p->query, chip->word), value);
	json_t *o = json_object();

	json_put_str(o, "label", label);
	json_object_set_new(o, "count", count);
	json_put_bool(o, "chosen", chosen);
	put_address(o, "href", p, chip->word, chosen ? NULL : value);
	return o;
}

/* How a value is called: as the chip's texts say, or as it is.  Owned. */
static char *label_of(const struct listed *chip, const char *value)
{
	_cleanup_strv_ char **texts = strv_split(chip->texts, "|");

	for (char **text = texts; text && *text; text++) {
		const char *equals = strchr(*text, '=');

		if (equals && (size_t)(equals - *text) == strlen(value) && !strncmp(*text, value, strlen(value)))
			return xstrdup(equals + 1);
	}
	return xstrdup(value);
}

/*
 * Those that its rows have; before them what stands for several, and instead of them all there are where nobody counts.
 */
static json_t *show_options(const struct listing_page *p, const struct listed *chip)
{
	const json_t *facet = json_object_get(json_object_get(p->page, "facets"), chip->word), *value;
	_cleanup_strv_ char **texts = strv_split(chip->texts, "|");
	json_t *list = json_array();
	size_t i;

	for (char **text = texts; text && *text; text++) {
		char *label = *text, *word = strsep(&label, "=");

		if (!facet || strchr(word, ','))
			json_array_append_new(list, show_option(p, chip, word, label, json_null()));
	}
	json_array_foreach (json_object_get(facet, "values"), i, value) {
		const char *word = json_str(value, "value");
		_cleanup_free_ char *label = label_of(chip, word);

		json_array_append_new(list,
				      show_option(p, chip, word, label, json_incref(json_object_get(value, "count"))));
	}
	return list;
}

static void add_field(json_t *fields, const struct listing_page *p, const char *name, const char *label,
		      const char *type, const char *example)
{
	json_array_append_new(fields, json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", name, "label", label, "type", type,
						"example", example, "value",
						asked(p->query, name) ? asked(p->query, name) : ""));
}

/* What stands in a filter's place while it is in use; NULL: it is not.  Owned. */
static char *chosen_text(const struct listing_page *p, const struct listed *chip)
{
	_cleanup_free_ char *since = xasprintf("%ssince", chip->word), *until = xasprintf("%suntil", chip->word);
	const char *from = asked(p->query, since), *to = asked(p->query, until), *value = asked(p->query, chip->word);

	if (chip->kind != LISTED_DAYS)
		return value ? label_of(chip, value) : NULL;
	return from && to ? xasprintf("%s to %s", from, to) : from ? xasprintf("from %s", from) :
	       to ? xasprintf("before %s", to) : NULL;
}

static void add_typed(json_t *fields, const struct listing_page *p, const struct listed *chip)
{
	_cleanup_free_ char *since = xasprintf("%ssince", chip->word), *until = xasprintf("%suntil", chip->word),
			    *from = xasprintf("%s from", chip->label), *before = xasprintf("%s before", chip->label);

	if (chip->kind != LISTED_DAYS) {
		add_field(fields, p, chip->word, chip->label, "text", chip->kind == LISTED_TEXT ? chip->texts : "");
		return;
	}
	add_field(fields, p, since, from, "date", "");
	add_field(fields, p, until, before, "date", "");
}

/* Without this filter. */
static void put_clear(json_t *o, const struct listing_page *p, const struct listed *chip)
{
	_cleanup_free_ char *since = xasprintf("%ssince", chip->word), *until = xasprintf("%suntil", chip->word);
	_cleanup_json_ json_t *query = json_copy((json_t *)p->query);
	_cleanup_free_ char *path = NULL;
	const char *const names[] = { chip->word, since, until, "first", "before" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_object_del(query, names[i]);
	path = address(p->r, query);
	json_put_str(o, "clear", path);
}

/* Shown if there is something to choose, or to take back. */
static void add_chip(json_t *chips, json_t *fields, const struct listing_page *p, const struct listed *chip)
{
	const json_t *facet = json_object_get(json_object_get(p->page, "facets"), chip->word);
	_cleanup_free_ char *chosen = chosen_text(p, chip);
	json_t *options = chip->kind == LISTED_MENU ? show_options(p, chip) : json_array(), *o;

	if (chip->kind != LISTED_MENU || json_bool(facet, "more", false))
		add_typed(fields, p, chip);
	if (!json_array_size(options) && !chosen) {
		json_decref(options);
		return;
	}
	o = json_object();
	json_put_str(o, "label", chip->label);
	json_put_str(o, "chosen", chosen);
	json_object_set_new(o, "options", options);
	put_clear(o, p, chip);
	json_array_append_new(chips, o);
}

/* What a form must send along so that only what is typed changes. */
static json_t *show_kept(const struct listing_page *p, const json_t *fields)
{
	json_t *list = json_array(), *value, *field;
	const char *name;

	json_object_foreach ((json_t *)p->query, name, value) {
		bool typed = str_eq(name, "search") || str_eq(name, "first") || str_eq(name, "before") ||
			     !asked(p->query, name);
		size_t i;

		json_array_foreach (fields, i, field)
			typed |= str_eq(json_str(field, "name"), name);
		if (!typed)
			json_array_append_new(list, json_pack("{s:s, s:O}", "name", name, "value", value));
	}
	return list;
}

static bool has_filters(const json_t *query)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)query, name, value)
		if (asked(query, name) && !is_apart(name) && strcmp(name, "sort"))
			return true;
	return false;
}

/* What can be done to rows that are chosen, or to all: "match" of it. */
static void put_actions(json_t *o, const struct listing_page *p)
{
	const char *name = request_path(p->r) + 1;
	_cleanup_free_ char *all = address_with(p, "first", NULL), *filters = filters_of(all);

	json_put_str(o, "name", name);
	json_put_str(o, "filters", strchr(all, '?') ? filters : "");
	json_object_set_new(o, "actions", bulk_actions(p->r, name));
}

static json_t *show_list(const struct listing_page *p)
{
	json_t *o = json_object(), *views = json_array(), *sort = json_object(), *sorts = json_array(),
	       *chips = json_array(), *fields = json_array();

	for (const struct listed *item = p->of->item; item->word; item++) {
		if (item->kind == LISTED_VIEW) {
			json_array_append_new(views, show_view(p, item));
		} else if (item->kind == LISTED_SORT) {
			json_t *one = show_sort(p, item);

			json_object_set(sort, without_sign(item->word), one);
			json_array_append_new(sorts, one);
			if (json_str(one, "direction"))
				json_put_str(o, "order", item->label);
		} else {
			add_chip(chips, fields, p, item);
		}
	}
	json_object_set_new(o, "kept", show_kept(p, fields));
	json_object_set_new(o, "views", views);
	json_object_set_new(o, "sort", sort);
	json_object_set_new(o, "sorts", sorts);
	json_object_set_new(o, "chips", chips);
	json_object_set_new(o, "more", fields);
	put_actions(o, p);
	json_put_str(o, "path", request_path(p->r));
	json_put_str(o, "hint", p->of->hint);
	json_put_str(o, "clear", has_filters(p->query) ? request_path(p->r) : NULL);
	return o;
}

/*
 * Pages.
 */

static void add_number(json_t *list, const struct listing_page *p, int64_t number, int64_t limit, int64_t here)
{
	json_t *o = json_object();

	json_put_int(o, "number", number + 1);
	json_put_bool(o, "here", number == here);
	put_first(o, "href", p, number * limit);
	json_array_append_new(list, o);
}

/* The first, the last, and those around this one; between them gaps, which have no number. */
static json_t *show_numbers(const struct listing_page *p, int64_t here, int64_t last, int64_t limit)
{
	int64_t from = MAX(here - AROUND, 0), to = MIN(here + AROUND, last);
	json_t *list = json_array();

	if (from > 0)
		add_number(list, p, 0, limit, here);
	if (from > 1)
		json_array_append_new(list, json_object());
	for (int64_t number = from; number <= to; number++)
		add_number(list, p, number, limit, here);
	if (to < last - 1)
		json_array_append_new(list, json_object());
	if (to < last)
		add_number(list, p, last, limit, here);
	return list;
}

static json_t *show_sizes(const struct listing_page *p, int64_t limit)
{
	static const char *const sizes[] = { "25", "50", "100", "250" };
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		json_t *o = json_object();

		json_put_str(o, "size", sizes[i]);
		json_put_bool(o, "here", strtoll(sizes[i], NULL, 10) == limit);
		put_address(o, "href", p, "limit", sizes[i]);
		json_array_append_new(list, o);
	}
	return list;
}

/* null: the page is no list, or nothing is in it. */
static json_t *show_pages(const struct listing_page *p)
{
	int64_t first = json_int(p->page, "first", -1), limit = json_int(p->page, "limit", 0),
		total = json_int(p->page, "total", 0);
	json_t *o;

	if (first < 0 || limit <= 0 || total <= 0)
		return json_null();
	o = json_object();
	json_put_int(o, "from", first + 1);
	json_put_int(o, "to", MIN(first + limit, total));
	json_put_int(o, "total", total);
	if (first > 0)
		put_first(o, "before", p, MAX(first - limit, 0));
	if (first + limit < total)
		put_first(o, "after", p, first + limit);
	json_put_bool(o, "many", total > MIN(limit, FEW));
	json_object_set_new(o, "numbers", total > limit ? show_numbers(p, first / limit, (total - 1) / limit, limit) :
							  json_array());
	json_object_set_new(o, "sizes", total > FEW ? show_sizes(p, limit) : json_array());
	return o;
}

/* The list as a spreadsheet takes it, with the same filters; null: it is none, or says so itself. */
static json_t *show_csv(const struct listing_page *p)
{
	_cleanup_json_ json_t *filters = json_copy((json_t *)p->query);
	_cleanup_free_ char *text = NULL;

	if (!json_object_get(p->query, "format") || !json_object_get(p->page, "total") ||
	    json_object_get(p->page, "filter"))
		return json_null();
	json_put_str(filters, "format", "csv");
	json_put_str(filters, "limit", "1000");
	text = address(p->r, filters);
	return json_string(text);
}

void listing_put(json_t *common, const struct request *r, const json_t *page)
{
	json_t *query = show_query(r);
	struct listing_page p = { r, page, query, NULL };

	for (size_t i = 0; i < ARRAY_SIZE(listings); i++)
		if (listings[i].page == r->route->page)
			p.of = &listings[i];
	json_object_set_new(common, "query", query);
	json_object_set_new(common, "list", p.of ? show_list(&p) : json_null());
	json_object_set_new(common, "pages", show_pages(&p));
	json_object_set_new(common, "csv", show_csv(&p));
}
