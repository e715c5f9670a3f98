#include "webui/list/facets.h"

#include "base/clock.h"
#include "store/db/bell.h"

#define ROOM_LEAST 64		/* places of a table; a power of two */
#define DIFFERENT_MOST 4096	/* values that are told apart; the next ones are not counted */
#define FACETS_MOST 10		/* of one list */
#define LISTS_MOST 8		/* that have facets */
#define LIFETIME 60		/* seconds */

struct tallied {
	struct slice value;
	int64_t count;		/* 0: nobody is here */
};

/* A table of open addresses, at most half full. */
struct facet {
	const struct list_facet *of;
	struct tallied *place;
	size_t room, used;
	bool more;
};

struct facets {
	const struct list *list;
	struct facet facet[FACETS_MOST];
	size_t count;
};

struct facets *facets_new(const struct list_facet *of, const struct list *l)
{
	struct facets *f = xcalloc(1, sizeof(*f));

	f->list = l;
	for (; of && of->word && f->count < FACETS_MOST; of++)
		f->facet[f->count++].of = of;
	return f;
}

void facets_free(struct facets *f)
{
	for (size_t i = 0; f && i < f->count; i++)
		free(f->facet[i].place);
	free(f);
}

/* Ends tell values apart well enough: ids are random, words short, issuers begin with their names. */
static size_t hash(struct slice value)
{
	uint64_t head = 0, tail = 0, mixed;
	size_t some = MIN(value.len, sizeof(head));

	memcpy(&head, value.data, some);
	memcpy(&tail, (const char *)value.data + value.len - some, some);
	mixed = (head ^ (tail << 7 | tail >> 57) ^ value.len) * 0x9e3779b97f4a7c15u;
	return (size_t)(mixed >> 32);
}

static struct tallied *place_of(const struct facet *f, struct slice value)
{
	size_t i = hash(value) & (f->room - 1);

	while (f->place[i].count && !slice_eq(f->place[i].value, value))
		i = (i + 1) & (f->room - 1);
	return &f->place[i];
}

static void make_room(struct facet *f)
{
	struct facet former = *f;

	f->room = former.room ? former.room * 2 : ROOM_LEAST;
	f->place = xcalloc(f->room, sizeof(*f->place));
	for (size_t i = 0; i < former.room; i++)
		if (former.place[i].count)
			*place_of(f, former.place[i].value) = former.place[i];
	free(former.place);
}

static void count_value(struct facet *f, struct slice value)
{
	struct tallied *place;

	if (!value.len)
		return;
	if (f->used * 2 >= f->room)
		make_room(f);
	place = place_of(f, value);
	if (!place->count && f->used == DIFFERENT_MOST) {
		f->more = true;
		return;
	}
	f->used += !place->count;
	place->value = value;
	place->count++;
}

void facets_count(struct facets *f, const void *rec, const struct slice *value)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct list_facet *of = f->facet[i].of;
		struct slice all = of->says ? slice_str(of->says(f->list, rec)) : value[of->field], one;

		if (!of->several)
			count_value(&f->facet[i], all);
		while (of->several && record_next_text(&all, &one))
			count_value(&f->facet[i], one);
	}
}

/*
 * The answer.
 */

static int compare(const void *a, const void *b)
{
	const struct tallied *x = a, *y = b;
	size_t shared = MIN(x->value.len, y->value.len);
	int order = (x->count < y->count) - (x->count > y->count);

	if (!order && shared)
		order = memcmp(x->value.data, y->value.data, shared);
	return order ? order : (x->value.len > y->value.len) - (x->value.len < y->value.len);
}

/* The name of the record whose id it is, owned; NULL: it is gone. */
static char *name_of(const struct record_type *type, struct txn *t, struct slice id)
{
	_cleanup_free_ char *text = xstrndup(id.data, id.len);
	_cleanup_free_ void *rec = xcalloc(1, record_size(type));
	_cleanup_json_ json_t *shown = NULL;

	if (record_get(t, type, rec, text, NULL) < 0)
		return NULL;
	shown = record_json(type, rec);
	record_release(type, rec);
	return json_str(shown, "name") ? xstrdup(json_str(shown, "name")) : NULL;
}

static json_t *show_facet(const struct facet *f, struct txn *t)
{
	_cleanup_free_ struct tallied *sorted = xcalloc(f->used + 1, sizeof(*sorted));
	json_t *o = json_object(), *values = json_array();
	size_t count = 0;

	for (size_t i = 0; i < f->room; i++)
		if (f->place[i].count)
			sorted[count++] = f->place[i];
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 0; i < count && json_array_size(values) < FACET_VALUES; i++) {
		struct slice value = sorted[i].value;
		_cleanup_free_ char *text =
			f->of->names ? name_of(f->of->names, t, value) : xstrndup(value.data, value.len);

		if (text)
			json_array_append_new(values, json_pack("{s:s, s:I}", "value", text, "count",
								(json_int_t)sorted[i].count));
	}
	json_object_set_new(o, "values", values);
	json_put_bool(o, "more", f->more || count > FACET_VALUES);
	return o;
}

json_t *facets_json(const struct facets *f, struct txn *t)
{
	json_t *o = json_object();

	for (size_t i = 0; i < f->count; i++)
		json_object_set_new(o, f->facet[i].of->word, show_facet(&f->facet[i], t));
	return o;
}

/*
 * Those of whole lists.
 */

struct facet_cache {
	struct kept_facets {
		const struct list_facet *of;
		uint64_t changes;
		int64_t time;
		bool durable;	/* what may be lost is not kept */
		json_t *facets;
	} list[LISTS_MOST];
};

struct facet_cache *facet_cache_new(void)
{
	return xcalloc(1, sizeof(struct facet_cache));
}

void facet_cache_free(struct facet_cache *c)
{
	for (size_t i = 0; c && i < LISTS_MOST; i++)
		json_decref(c->list[i].facets);
	free(c);
}

/* Its own; a list more than there are takes the last one's. */
static struct kept_facets *kept_of(struct facet_cache *c, const struct list_facet *of)
{
	size_t i = 0;

	while (i < LISTS_MOST - 1 && c->list[i].of && c->list[i].of != of)
		i++;
	return &c->list[i];
}

static int count_all(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	facets_count(arg, rec, value);
	return 0;
}

const json_t *facet_cache_get(struct facet_cache *c, const struct list_facet *of, const struct list *l,
			      const struct record_type *type, struct store *store, struct txn *t, bool exact,
			      struct err *e)
{
	struct kept_facets *kept = kept_of(c, of);
	uint64_t changes = store_changes(store, record_skimmed(type));
	int64_t now = clock_now();
	bool same = kept->of == of && kept->durable && now >= kept->time && now < kept->time + LIFETIME;
	struct facets *facets;

	if (same && (!exact || kept->changes == changes))
		return kept->facets;
	facets = facets_new(of, l);
	json_decref(TAKE(kept->facets));
	kept->durable = false;
	if (record_skim(t, type, count_all, facets, e) == 0)
		*kept = (struct kept_facets){ of, changes, now, !store_seen(store), facets_json(facets, t) };
	facets_free(facets);
	return kept->facets;
}
