/* /api/v1/sites: TLS services that are tracked, one a line; what they show, and what they showed before. */
#include "base/clock.h"
#include "base/digest.h"
#include "pki/service.h"
#include "store/agenda.h"
#include "webui/list.h"

#define SITES_MOST 50000
#define ALL "all"		/* in the place of a name: every site */
#define DAY 86400

/*
 * Showing.
 */

/* true, false or null (nothing can be said), and why.  What was valid when it was scanned may have ended since. */
static void put_valid(json_t *o, const struct rec_site *site, int64_t now)
{
	bool valid = str_eq(site->state, "valid"), over = valid && site->not_after <= now;
	bool known = valid || str_eq(site->state, "invalid") || str_eq(site->state, "unreachable");
	char when[CLOCK_RFC3339_SIZE];
	_cleanup_free_ char *why = NULL;

	if (over)
		why = xasprintf("It has expired at %s.", clock_rfc3339(when, site->not_after));
	else if (site->reason && str_eq(site->state, "unreachable") && site->seen)
		why = xasprintf("%s It last showed a certificate at %s.", site->reason,
				clock_rfc3339(when, site->seen));
	else if (site->state && *site->state)
		why = site->reason ? xstrdup(site->reason) : NULL;
	else
		why = xstrdup("It has not been scanned yet.");
	json_object_set_new(o, "valid", known ? json_boolean(valid && !over) : json_null());
	json_put_str(o, "reason", why && *why ? why : NULL);
}

static json_t *show(const struct rec_site *site, int64_t now)
{
	json_t *o = rec_site_json(site);

	put_valid(o, site, now);
	if (site->not_after)
		json_put_int(o, "days", (site->not_after - now) / DAY - (site->not_after < now));
	else
		json_object_set_new(o, "days", json_null());
	return o;
}

static json_t *show_now(struct txn *t, const void *rec)
{
	return show(rec, clock_now());
}

/* "valid", "invalid", "unreachable"; the sites' own words for it. */
static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	return list_is(value[REC_site_state], list_filter(l, "state")) &&
	       (list_contains(value[REC_site_name], l->search) || list_contains(value[REC_site_subject], l->search) ||
		list_contains(value[REC_site_issuer], l->search));
}

static int64_t by_position(const struct list *l, const void *rec)
{
	return ((const struct rec_site *)rec)->position;
}

static int64_t by_expiry(const struct list *l, const void *rec)
{
	const struct rec_site *site = rec;

	return site->not_after ? site->not_after : INT64_MAX;
}

static int64_t by_scan(const struct list *l, const void *rec)
{
	return ((const struct rec_site *)rec)->scanned;
}

int page_sites(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = {
		{ "position", by_position }, { "name", NULL }, { "expiry", by_expiry }, { "scanned", by_scan },
		{ NULL, NULL },
	};
	static const struct list_type type = {
		.member = "sites", .type = &rec_site_type, .name = REC_site_name, .wanted = wanted, .sorts = sorts,
		.show = show_now,
	};

	return list_reply(r, &type, 0, e);
}

static int find_any(struct txn *t, struct rec_site *site, const char *typed, struct err *e)
{
	struct service service;
	_cleanup_free_ char *name = NULL;

	if (rec_site_get(t, site, typed, NULL) == 0)
		return 0;
	if (service_parse(&service, typed, e) < 0)
		return -1;
	name = service_name(&service);
	service_release(&service);
	if (record_by_index(t, &rec_site_type, site, slice_str(name), e) == 0)
		return 0;
	return e->kind == ERR_MISSING ? err_set(e, ERR_MISSING, "the site %.200s is not tracked", name) : -1;
}

/* One that is out of the visitor's scope is not there. */
static int find(struct request *r, struct txn *t, struct rec_site *site, struct err *e)
{
	const char *typed = params_get(&r->path, "name");

	if (find_any(t, site, typed, e) < 0)
		return -1;
	return scope_has_site(&r->visitor.scope, site->name) ? 0 :
		       err_set(e, ERR_MISSING, "the site %.200s is not tracked", typed);
}

static int add_sighting(void *arg, void *rec, struct err *e)
{
	json_t *one = rec_sighting_json(rec);

	json_object_del(one, "id");
	json_array_append_new(arg, one);
	return 0;
}

static json_t *show_all(struct txn *t, const struct rec_site *site, struct err *e)
{
	_cleanup_free_ char *children = xasprintf("%s/", site->id);
	json_t *o = show(site, clock_now()), *history = json_array();
	json_t *report = site->report ? json_read(site->report, strlen(site->report), NULL) : NULL;

	json_object_set_new(o, "addresses", report ? report : json_array());
	json_object_set_new(o, "history", history);
	if (record_each(t, &rec_sighting_type, children, true, add_sighting, history, e) == 0)
		return o;
	json_decref(o);
	return NULL;
}

int page_site(struct request *r, struct err *e)
{
	_cleanup_(rec_site_release) struct rec_site site = { 0 };
	_cleanup_txn_ struct txn *t = NULL;
	json_t *answer;

	if (store_read(r->webui->env->store, &t, e) < 0 || find(r, t, &site, e) < 0)
		return -1;
	answer = show_all(t, &site, e);
	return answer ? reply_json(r, 200, answer) : -1;
}

/*
 * Adding: one a line, all of them or none.
 */

static int name_of_line(const char *line, char **name, struct err *e)
{
	struct service service;

	if (service_parse(&service, line, e) < 0)
		return -1;
	*name = service_name(&service);
	service_release(&service);
	if (str_eq(*name, ALL)) {
		free(TAKE(*name));
		return err_set(e, ERR_INVALID,
			       "\"" ALL "\" stands for every site; a site of that name needs its domain");
	}
	return 0;
}

/* The lines of a text, or of each text of a list; those that are empty or begin with # are passed over. */
static int read_lines(const json_t *body, char ***names, struct err *e)
{
	_cleanup_strv_ char **texts = json_strv(body, "sites");

	if (json_str(body, "sites"))
		strv_add(&texts, json_str(body, "sites"));
	for (size_t i = 0; i < strv_len(texts); i++) {
		_cleanup_strv_ char **lines = strv_split(texts[i], "\r\n");

		for (size_t n = 0; n < strv_len(lines); n++) {
			_cleanup_free_ char *name = NULL;
			const char *text = lines[n] + strspn(lines[n], " \t");

			if (!*text || *text == '#')
				continue;
			if (name_of_line(text, &name, e) < 0)
				return -1;
			strv_add(names, name);
		}
	}
	return *names ? 0 : err_set(e, ERR_INVALID, "no site is given; one a line is expected");
}

static int last_position(void *arg, void *rec, struct err *e)
{
	int64_t *last = arg;

	*last = MAX(*last, ((const struct rec_site *)rec)->position);
	return 0;
}

static int add_site(struct request *r, struct txn *t, const char *name, int64_t position, struct err *e)
{
	_cleanup_(rec_site_release) struct rec_site site = { .position = position, .created = clock_now() };

	site.id = random_hex(8);
	record_set(&site.name, name);
	if (rec_site_put(t, &site, e) < 0 || agenda_set(t, AGENDA_scan, site.id, site.created, e) < 0)
		return -1;
	return admin_event(r, t, "site.added", site.id, site.name, e, "is tracked from now on");
}

static int add_sites(struct request *r, struct txn *t, char *const *names, json_t *added, json_t *already,
		     struct err *e)
{
	int64_t last = 0;

	if (txn_count(t, TABLE_site) + strv_len((char **)names) > SITES_MOST)
		return err_set(e, ERR_CONFLICT, "more than %d sites cannot be tracked", SITES_MOST);
	if (record_each(t, &rec_site_type, "", false, last_position, &last, e) < 0)
		return -1;
	for (; *names; names++) {
		struct slice id;
		int found = txn_get(t, TABLE_site_name, slice_str(*names), &id, e);

		if (found < 0 || scope_check_site(&r->visitor.scope, *names, e) < 0 ||
		    (!found && add_site(r, t, *names, ++last, e) < 0))
			return -1;
		json_array_append_new(found ? already : added, json_string(*names));
	}
	return 0;
}

int page_site_add(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_strv_ char **names = NULL;
	_cleanup_txn_ struct txn *t = NULL;
	json_t *added = json_array(), *already = json_array();

	json_object_set_new(answer, "added", added);
	json_object_set_new(answer, "already", already);
	if (!body || body_at("sites", read_lines(body, &names, e), e) < 0 ||
	    store_write(r->webui->env->store, &t, e) < 0 || add_sites(r, t, names, added, already, e) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 201, TAKE(answer));
}

/*
 * Scanning now, and no more.
 */

struct collection {
	const struct scope *scope;
	char **ids;
};

static int collect_id(void *arg, void *rec, struct err *e)
{
	const struct rec_site *site = rec;
	struct collection *c = arg;

	if (scope_has_site(c->scope, site->name))
		strv_add(&c->ids, site->id);
	return 0;
}

static int scan_all(struct request *r, struct txn *t, struct err *e)
{
	struct collection c = { &r->visitor.scope, NULL };
	int collected = record_each(t, &rec_site_type, "", false, collect_id, &c, e);
	_cleanup_strv_ char **ids = c.ids;
	json_t *answer;

	if (collected < 0)
		return -1;
	for (size_t i = 0; i < strv_len(ids); i++)
		if (agenda_set(t, AGENDA_scan, ids[i], clock_now(), e) < 0)
			return -1;
	if (admin_commit(r, t, true, e) < 0)
		return -1;
	answer = json_object();
	json_put_int(answer, "sites", (json_int_t)strv_len(ids));
	return reply_json(r, 202, answer);
}

int page_site_scan(struct request *r, struct err *e)
{
	_cleanup_(rec_site_release) struct rec_site site = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0)
		return -1;
	if (str_eq(params_get(&r->path, "name"), ALL))
		return scan_all(r, TAKE(t), e);
	if (find(r, t, &site, e) < 0 || agenda_set(t, AGENDA_scan, site.id, clock_now(), e) < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 202, show(&site, clock_now()));
}

int page_site_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_site_release) struct rec_site site = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || find(r, t, &site, e) < 0 ||
	    agenda_delete(t, AGENDA_scan, site.id, e) < 0 ||
	    admin_delete_children(t, &rec_sighting_type, site.id, e) < 0 || rec_site_delete(t, site.id, e) < 0 ||
	    admin_event(r, t, "site.removed", site.id, site.name, e, "is not tracked any more") < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 200, rec_site_json(&site));
}
