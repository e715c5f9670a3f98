/* GET /api/v1/search: certificates by any of their names, keys, accounts, sites, users, pages, and what can be done. */
#include <ctype.h>
#include <limits.h>

#include "base/encode.h"
#include "pki/identifier.h"
#include "webui/http/handler.h"
#include "webui/list/list.h"
#include "webui/page/trouble.h"

#define SHOWN 8			/* of each kind */
#define ACTED_ON 3		/* certificates that "renew x" offers */
#define NOWHERE INT_MAX

/* Better ones first: all of the text, its begin, somewhere; and a name before what else says it. */
struct hit {
	int rank;
	struct slice name, id;
};

struct finding {
	const struct request *r;
	struct txn *txn;
	char needle[256];	/* in lower case, host names as A-labels */
	size_t len;
	const struct found_kind *kind;
	struct hit hit[SHOWN];
	size_t count, total;	/* of this kind */
};

static const struct found_kind {
	const char *word, *label, *also;	/* also: the member of its JSON that a person sees beside the name */
	const struct record_type *type;
	size_t name, other;			/* fields that are searched */
	bool several;				/* the other is a list */
} kinds[] = {
	{ "certificates", "Certificates", "names_shown", &rec_cert_type, REC_cert_name, REC_cert_names, true },
	{ "keys", "Keys", "description", &rec_key_type, REC_key_name, REC_key_description, false },
	{ "accounts", "CA accounts", "directory", &rec_account_type, REC_account_name, REC_account_directory, false },
	{ "sites", "Tracked sites", "subject", &rec_site_type, REC_site_name, REC_site_subject, false },
	{ "users", "Users", "mail", &rec_user_type, REC_user_name, REC_user_mail, false },
};

static const struct {
	const char *path, *title, *words;
} pages[] = {
#define PAGE(path, title, words) { path, title, words },
#define ACT(word, path, sentence)
#include "webui/list/search.def"
#undef PAGE
#undef ACT
};

static const struct act {
	const char *word, *path, *sentence;
} acts[] = {
#define PAGE(path, title, words)
#define ACT(word, path, sentence) { word, path, sentence },
#include "webui/list/search.def"
#undef PAGE
#undef ACT
};

/*
 * Finding.
 */

static int rank_in(const struct finding *s, struct slice text)
{
	struct slice head = slice(text.data, MIN(text.len, s->len));

	if (!list_contains(text, s->needle))
		return NOWHERE;
	if (!list_contains(head, s->needle))
		return 4;
	return text.len == s->len ? 0 : 2;
}

static int rank_of(const struct finding *s, const struct slice *value)
{
	struct slice others = value[s->kind->other], one;
	int best = rank_in(s, value[s->kind->name]);

	if (!s->kind->several) {
		int rank = rank_in(s, others);

		return MIN(best, rank == NOWHERE ? rank : rank + 1);
	}
	while (best && record_next_text(&others, &one)) {
		int rank = rank_in(s, one);

		best = MIN(best, rank == NOWHERE ? rank : rank + 1);
	}
	return best;
}

static int compare_hits(const struct hit *a, const struct hit *b)
{
	size_t shared = MIN(a->name.len, b->name.len);
	int order = (a->rank > b->rank) - (a->rank < b->rank);

	if (!order && shared)
		order = memcmp(a->name.data, b->name.data, shared);
	return order ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

static int add_hit(void *arg, const void *rec, const struct slice *value, struct err *e)
{
	struct finding *s = arg;
	struct hit hit = { rank_of(s, value), value[s->kind->name], value[0] };
	size_t at;

	if (hit.rank == NOWHERE || !scope_has_row(&s->r->visitor.scope, s->kind->type, value))
		return 0;
	s->total++;
	for (at = s->count; at > 0 && compare_hits(&hit, &s->hit[at - 1]) < 0; at--)
		if (at < SHOWN)
			s->hit[at] = s->hit[at - 1];
	if (at == SHOWN)
		return 0;
	s->hit[at] = hit;
	s->count = MIN(s->count + 1, (size_t)SHOWN);
	return 0;
}

/* Names are stored as A-labels in lower case; a person may type the others. */
static void read_needle(struct finding *s, const char *text)
{
	_cleanup_free_ char *normal = identifier_normal(text, NULL);

	snprintf(s->needle, sizeof(s->needle), "%s", normal ? normal : text);
	for (char *c = s->needle; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	s->len = strlen(s->needle);
}

/*
 * Showing.
 */

static bool may_see(const struct request *r, enum method method, const char *path)
{
	_cleanup_(match_release) struct match m = { 0 };

	router_find(&m, method, path);
	return m.route && gate_lets_in(&r->visitor, m.route->role, r->webui->settings) &&
	       gate_allows(&r->visitor, m.route);
}

static json_t *result(const char *name, const char *also, const char *path)
{
	json_t *o = json_object();

	json_put_str(o, "name", name);
	json_put_str(o, "also", also);
	json_put_str(o, "path", path);
	return o;
}

/* A text, or the first of a list and how many there are. */
static char *also_text(const json_t *value)
{
	size_t count = json_array_size(value);
	const char *first = json_string_value(count ? json_array_get(value, 0) : value);

	return count > 1 ? xasprintf("%s and %zu more", first, count - 1) : first ? xstrdup(first) : NULL;
}

static json_t *show_hit(const struct finding *s, const void *rec)
{
	bool cert = s->kind->type == &rec_cert_type;
	_cleanup_json_ json_t *shown = cert ? admin_show_one_cert(s->txn, rec) : record_json(s->kind->type, rec);
	_cleanup_free_ char *also = also_text(json_object_get(shown, s->kind->also));
	const char *name = json_str(shown, "name");
	_cleanup_free_ char *path =
		xasprintf("/%s/%s%s", s->kind->word, s->kind->type == &rec_site_type ? json_str(shown, "id") : name,
			  !cert                                ? ""
			  : json_bool(shown, "staging", false) ? "?staging=true"
							       : "?staging=false");
	json_t *o = result(name, also, path);

	json_put_str(o, "state", json_str(shown, cert ? "status" : "state"));
	json_put_bool(o, "staging", json_bool(shown, "staging", false));
	return o;
}

static int show_hits(struct finding *s, json_t *list, struct err *e)
{
	for (size_t i = 0; i < s->count; i++) {
		_cleanup_free_ char *id = xstrndup(s->hit[i].id.data, s->hit[i].id.len);
		_cleanup_free_ void *rec = xcalloc(1, record_size(s->kind->type));

		if (record_get(s->txn, s->kind->type, rec, id, e) < 0)
			return -1;
		json_array_append_new(list, show_hit(s, rec));
		record_release(s->kind->type, rec);
	}
	return 0;
}

static void add_group(json_t *groups, const char *word, const char *label, json_t *results, size_t total,
		      const char *all)
{
	json_t *o = json_object();

	json_put_str(o, "kind", word);
	json_put_str(o, "label", label);
	json_put_int(o, "total", (int64_t)total);
	json_put_str(o, "all", total > json_array_size(results) ? all : NULL);
	json_object_set_new(o, "results", results);
	json_array_append_new(groups, o);
}

static int search_kind(struct finding *s, json_t *groups, struct err *e)
{
	_cleanup_free_ char *list = xasprintf("/%s", s->kind->word), *all = params_link(list, "search", s->needle);
	json_t *results;

	s->count = s->total = 0;
	if (!may_see(s->r, METHOD_GET, list))
		return 0;
	if (record_skim(s->txn, s->kind->type, add_hit, s, e) < 0)
		return -1;
	if (!s->count)
		return 0;
	results = json_array();
	if (show_hits(s, results, e) < 0)
		return json_decref(results), -1;
	add_group(groups, s->kind->word, s->kind->label, results, s->total, all);
	return 0;
}

static void search_pages(const struct finding *s, json_t *groups)
{
	json_t *results = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		if ((list_contains(slice_str(pages[i].title), s->needle) ||
		     list_contains(slice_str(pages[i].words), s->needle)) &&
		    may_see(s->r, METHOD_GET, pages[i].path) &&
		    (!str_eq(pages[i].path, "/cluster") || troubles_has_cluster(s->r)))
			json_array_append_new(results, result(pages[i].title, NULL, pages[i].path));
	if (json_array_size(results))
		add_group(groups, "pages", "Pages", results, json_array_size(results), NULL);
	else
		json_decref(results);
}

/* The orders of the certificates found. */
static void add_orders(json_t *groups, const json_t *certs)
{
	json_t *results = json_array();
	const json_t *cert;
	size_t i;

	json_array_foreach (certs, i, cert) {
		_cleanup_free_ char *name = xasprintf("Orders of %s", json_str(cert, "name")),
				    *path = params_link("/orders", "certificate", json_str(cert, "name"));

		if (i < ACTED_ON)
			json_array_append_new(results, result(name, NULL, path));
	}
	add_group(groups, "orders", "Orders", results, json_array_size(results), NULL);
}

/* "renew shop": the row of "renew", and behind it what to do it with.  NULL: it begins with no such word. */
static const struct act *find_act(const char *text, const char **rest)
{
	size_t len = strcspn(text, " ");

	for (size_t i = 0; i < ARRAY_SIZE(acts) && text[len]; i++)
		if (strlen(acts[i].word) == len && !strncasecmp(acts[i].word, text, len))
			return *rest = text + len + strspn(text + len, " "), &acts[i];
	return NULL;
}

/* Before what was found. */
static void add_actions(const struct finding *s, json_t *groups, const struct act *act, const json_t *certs)
{
	_cleanup_json_ json_t *first = json_array();
	json_t *results = json_array();
	const json_t *cert;
	size_t i;

	json_array_foreach (certs, i, cert) {
		const char *name = json_str(cert, "name"), *place = strstr(act->sentence, "%s");
		_cleanup_free_ char *sentence = xasprintf("%.*s%s%s", (int)(place - act->sentence), act->sentence, name,
							  place + 2),
				    *path = xasprintf("/certificates/%s%s?staging=%s", name, act->path,
						      json_bool(cert, "staging", false) ? "true" : "false"),
				    *route = xasprintf("/api/v1/certificates/%s%s", name, act->path);
		json_t *o;

		if (i >= ACTED_ON || !may_see(s->r, METHOD_POST, route))
			continue;
		o = result(sentence, NULL, json_str(cert, "path"));
		json_put_str(o, "action", path);
		json_array_append_new(results, o);
	}
	if (json_array_size(results)) {
		add_group(first, "actions", "Actions", results, json_array_size(results), NULL);
		json_array_extend(first, groups);
		json_array_clear(groups);
		json_array_extend(groups, first);
	} else {
		json_decref(results);
	}
}

static int search_all(struct finding *s, const char *text, json_t *groups, struct err *e)
{
	const char *rest = text;
	const struct act *act = find_act(text, &rest);
	const json_t *certs = NULL;

	read_needle(s, act && *rest ? rest : text);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		s->kind = &kinds[i];
		if (search_kind(s, groups, e) < 0)
			return -1;
		if (!i)
			certs = s->count ? json_object_get(json_array_get(groups, 0), "results") : NULL;
		if (!i && act && certs)
			add_actions(s, groups, act, certs);
	}
	if (certs)
		add_orders(groups, certs);
	search_pages(s, groups);
	return 0;
}

int page_search(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_txn_ struct txn *t = NULL;
	_cleanup_json_ json_t *answer = json_object();
	struct finding s = { .r = r };
	json_t *groups = json_array();
	const char *text;

	json_object_set_new(answer, "groups", groups);
	if (admin_query(r, &query, e) < 0 || store_read(r->webui->env->store, &t, e) < 0)
		return -1;
	text = params_get(&query, "q");
	text = text ? text + strspn(text, " ") : "";
	s.txn = t;
	if (*text ? search_all(&s, text, groups, e) < 0 : (search_pages(&s, groups), false))
		return -1;
	json_put_str(answer, "q", text);
	return reply_json(r, 200, TAKE(answer));
}
