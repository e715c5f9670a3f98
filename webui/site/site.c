/* /api/v1/sites: TLS services that are tracked, one a line; what they show, and what they showed before. */
#include <ctype.h>

#include "base/clock.h"
#include "base/digest.h"
#include "pki/identifier.h"
#include "pki/service.h"
#include "store/agenda.h"
#include "store/leftover.h"
#include "webui/list/list.h"

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

struct site_filters {
	char domain[256], issuer[256];	/* as they are stored, in lower case; "": any */
};

static int prepare(struct list *l, struct txn *t, struct err *e)
{
	const char *domain = list_filter(l, "domain"), *issuer = list_filter(l, "issuer");
	_cleanup_free_ char *normal = domain ? identifier_normal(domain, NULL) : NULL;
	struct site_filters *f = l->filters;

	if (domain && !normal) {
		err_set(e, ERR_USAGE, "domain=%.100s is not understood; it is a domain like example.org", domain);
		return err_field(e, "domain");
	}
	snprintf(f->domain, sizeof(f->domain), "%s", normal ? normal : "");
	snprintf(f->issuer, sizeof(f->issuer), "%s", issuer ? issuer : "");
	for (char *c = f->issuer; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return 0;
}

/* Of "smtp://mail.example.org:587", or of a name without what is usual. */
static struct slice host_of(struct slice name)
{
	const char *text = name.data, *end = text + name.len, *host = text;

	for (const char *p = text; p + 3 <= end; p++)
		if (!memcmp(p, "://", 3))
			host = p + 3;
	for (const char *p = end; p > host && *host != '['; p--)
		if (p[-1] == ':')
			end = p - 1;
	return slice(host, (size_t)(end - host));
}

/* "valid", "invalid", "unreachable"; the sites' own words for it. */
static bool wanted(const struct list *l, const void *rec, const struct slice *value)
{
	const struct site_filters *f = l->filters;
	const struct rec_site *site = rec;

	return list_in(&l->created, site->created) && list_in(&l->ends, site->not_after) &&
	       list_in_domain(host_of(value[REC_site_name]), *f->domain ? f->domain : NULL) &&
	       list_contains(value[REC_site_issuer], f->issuer) &&
	       list_is(value[REC_site_state], list_filter(l, "state")) &&
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

static int64_t by_creation(const struct list *l, const void *rec)
{
	return ((const struct rec_site *)rec)->created;
}

int page_sites(struct request *r, struct err *e)
{
	static const struct list_sort sorts[] = {
		{ "position", by_position, 0 }, { "name", NULL, 0 },           { "expiry", by_expiry, 0 },
		{ "scanned", by_scan, 0 },      { "created", by_creation, 0 }, { NULL, NULL, 0 },
	};
	static const struct list_text texts[] = { { "state", REC_site_state },
						  { "issuer", REC_site_issuer },
						  { NULL, 0 } };
	static const struct list_facet facets[] = { { .word = "state", .field = REC_site_state },
						    { .word = "issuer", .field = REC_site_issuer },
						    { .word = NULL } };
	static const struct list_type type = {
		.member = "sites", .type = &rec_site_type, .name = REC_site_name, .prepare = prepare, .wanted = wanted,
		.sorts = sorts, .texts = texts, .facets = facets, .show = show_now,
	};

	return list_reply(r, &type, sizeof(struct site_filters), e);
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
	return *names ? 0 : err_set(e, ERR_INVALID, "no site is given; write one per line");
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
	site.reach = gate_reach(&r->visitor);
	record_set(&site.name, name);
	if (rec_site_put(t, &site, e) < 0 || agenda_set(t, AGENDA_scan, site.id, site.created, e) < 0)
		return -1;
	return admin_event(r, t, "site.added", site.id, site.name, e, "is tracked from now on");
}

/* One that others added: an administrator who adds it again has it looked at wherever it is. */
static int widen_site(struct request *r, struct txn *t, const char *name, struct err *e)
{
	_cleanup_(rec_site_release) struct rec_site site = { 0 };

	if (gate_reach(&r->visitor) != REACH_ANY)
		return 0;
	if (record_by_index(t, &rec_site_type, &site, slice_str(name), e) < 0)
		return -1;
	if (site.reach == REACH_ANY)
		return 0;
	site.reach = REACH_ANY;
	if (rec_site_put(t, &site, e) < 0 || agenda_set(t, AGENDA_scan, site.id, clock_now(), e) < 0)
		return -1;
	return admin_event(r, t, "site.allowed", site.id, site.name, e, "is tracked at private addresses, too");
}

static int check_scope(const struct request *r, char *const *names, struct err *e)
{
	for (; names && *names; names++)
		if (scope_check_site(&r->visitor.scope, *names, e) < 0)
			return -1;
	return 0;
}

/* The first of them, one step; *names: the rest. */
static int add_some(struct request *r, char ***names, json_t *added, json_t *already, struct err *e)
{
	_cleanup_txn_ struct txn *t = NULL;
	int64_t last = 0;

	if (admin_write(r, &t, e) < 0)
		return -1;
	if (txn_count(t, TABLE_site) + strv_len(*names) > SITES_MOST)
		return err_set(e, ERR_CONFLICT, "more than %d sites cannot be tracked", SITES_MOST);
	if (record_each(t, &rec_site_type, "", false, last_position, &last, e) < 0)
		return -1;
	for (int i = 0; i < RECORD_STEP && **names; i++, ++*names) {
		struct slice id;
		int found = txn_get(t, TABLE_site_name, slice_str(**names), &id, e);

		if (found < 0 ||
		    (found ? widen_site(r, t, **names, e) : add_site(r, t, **names, ++last, e)) < 0)
			return -1;
		json_array_append_new(found ? already : added, json_string(**names));
	}
	return admin_commit(r, TAKE(t), !**names, e);
}

int page_site_add(struct request *r, struct err *e)
{
	_cleanup_body_ json_t *body = body_read(r, e);
	_cleanup_json_ json_t *answer = json_object();
	_cleanup_strv_ char **names = NULL;
	json_t *added = json_array(), *already = json_array();
	char **rest;

	json_object_set_new(answer, "added", added);
	json_object_set_new(answer, "already", already);
	if (!body || body_at("sites", read_lines(body, &names, e), e) < 0 || check_scope(r, names, e) < 0)
		return -1;
	for (rest = names; rest && *rest;)
		if (add_some(r, &rest, added, already, e) < 0)
			return -1;
	return reply_json(r, 201, TAKE(answer));
}

/*
 * Scanning now, and no more.
 */

struct scanning {
	const struct scope *scope;
	int64_t count;
};

static int scan_one(void *arg, struct txn *t, void *rec, struct err *e)
{
	const struct rec_site *site = rec;
	struct scanning *s = arg;

	if (!scope_has_site(s->scope, site->name))
		return 0;
	s->count++;
	return agenda_set(t, AGENDA_scan, site->id, clock_now(), e);
}

static int scan_all(struct request *r, struct err *e)
{
	const struct webui_env *env = r->webui->env;
	struct scanning s = { &r->visitor.scope, 0 };
	json_t *answer;

	if (record_each_in_steps(env->store, &rec_site_type, scan_one, &s, e) < 0)
		return -1;
	if (env->wake)
		env->wake(env->arg);
	answer = json_object();
	json_put_int(answer, "sites", s.count);
	return reply_json(r, 202, answer);
}

int page_site_scan(struct request *r, struct err *e)
{
	_cleanup_(rec_site_release) struct rec_site site = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (str_eq(params_get(&r->path, "name"), ALL))
		return scan_all(r, e);
	if (store_write(r->webui->env->store, &t, e) < 0 || find(r, t, &site, e) < 0 ||
	    agenda_set(t, AGENDA_scan, site.id, clock_now(), e) < 0 || admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 202, show(&site, clock_now()));
}

int page_site_delete(struct request *r, struct err *e)
{
	_cleanup_(rec_site_release) struct rec_site site = { 0 };
	_cleanup_txn_ struct txn *t = NULL;

	if (store_write(r->webui->env->store, &t, e) < 0 || find(r, t, &site, e) < 0 ||
	    agenda_delete(t, AGENDA_scan, site.id, e) < 0 ||
	    leftover_remove_children(t, &rec_sighting_type, site.id, e) < 0 || rec_site_delete(t, site.id, e) < 0 ||
	    admin_event(r, t, "site.removed", site.id, site.name, e, "is no longer tracked") < 0 ||
	    admin_commit(r, TAKE(t), true, e) < 0)
		return -1;
	return reply_json(r, 200, rec_site_json(&site));
}
