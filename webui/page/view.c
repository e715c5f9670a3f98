#include "webui/page/view.h"

#include <ctype.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/template.h"
#include "store/status.h"
#include "webui/http/call.h"
#include "webui/http/csrf.h"
#include "webui/page/files.h"
#include "webui/page/form.h"
#include "webui/page/form_view.h"
#include "webui/page/said.h"
#include "webui/page/time.h"
#include "webui/page/trouble.h"

/* Without a path: the label of those that follow. */
static const struct entry {
	const char *path, *name, *icon;
	enum role role;
	enum trouble_kind trouble;
} menu[] = {
#define GROUP(name) { NULL, name, NULL, ROLE_ANYONE, TROUBLE_none },
#define MENU(path, name, icon, role, trouble) { path, name, icon, ROLE_##role, TROUBLE_##trouble },
#include "webui/menu.def"
#undef GROUP
#undef MENU
};

/*
 * What every page has.
 */

static json_t *show_entry(const struct request *r, const struct entry *m)
{
	const char *here = request_path(r);
	size_t len = strlen(m->path);
	json_t *o = json_object();

	json_put_str(o, "path", m->path);
	json_put_str(o, "name", m->name);
	json_put_str(o, "icon", m->icon);
	json_put_bool(o, "here", str_starts(here, m->path) && (!here[len] || here[len] == '/'));
	json_put_int(o, "trouble", troubles_count(r, m->trouble));
	return o;
}

/* Groups with what is for this visitor. */
static json_t *show_menu(const struct request *r)
{
	json_t *groups = json_array(), *group = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(menu); i++) {
		const struct entry *m = &menu[i];

		if (!m->path)
			group = json_pack("{s:s, s:[]}", "label", m->name, "entries");
		else if (gate_lets_in(&r->visitor, m->role, r->webui->settings))
			json_array_append_new(json_object_get(group, "entries"), show_entry(r, m));
		if (!m->path)
			json_array_append_new(groups, group);
	}
	return groups;
}

/*
 * Lists: what the address asks for, and those of the pages before and after.
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

/* The address of this page with another "first".  Owned. */
static char *page_at(const struct request *r, const json_t *query, int64_t first)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	json_t *value;
	const char *name;

	buf_addf(&out, "%s?first=%lld", request_path(r), (long long)first);
	json_object_foreach ((json_t *)query, name, value) {
		if (!json_is_string(value) || !*json_string_value(value) || str_eq(name, "first"))
			continue;
		buf_addf(&out, "&%s=", name);
		url_add(&out, json_string_value(value));
	}
	return buf_detach(&out);
}

/* null: the page is no list, or all of it is shown. */
static json_t *show_pages(const struct request *r, const json_t *page, const json_t *query)
{
	int64_t first = json_int(page, "first", -1), limit = json_int(page, "limit", 0),
		total = json_int(page, "total", 0);
	_cleanup_free_ char *before = page_at(r, query, MAX(first - limit, 0)),
			    *after = page_at(r, query, first + limit);
	json_t *o;

	if (first < 0 || limit <= 0 || (!first && total <= limit))
		return json_null();
	o = json_object();
	json_put_int(o, "from", first + 1);
	json_put_int(o, "to", MIN(first + limit, total));
	json_put_int(o, "total", total);
	json_put_str(o, "before", first > 0 ? before : NULL);
	json_put_str(o, "after", first + limit < total ? after : NULL);
	return o;
}

/* The list as a spreadsheet takes it, with the same filters; null: it is none, or says so itself.  Owned. */
static json_t *show_csv(const struct request *r, const json_t *page, const json_t *query)
{
	_cleanup_json_ json_t *filters = json_copy((json_t *)query);
	_cleanup_free_ char *address = NULL;

	if (!json_object_get(query, "format") || !json_object_get(page, "total") || json_object_get(page, "filter"))
		return json_null();
	json_put_str(filters, "format", "csv");
	json_put_str(filters, "limit", "1000");
	address = page_at(r, filters, json_int(page, "first", 0));
	return json_string(address);
}

/* Every status, with the one that is asked for. */
static json_t *show_statuses(const json_t *query)
{
	const char *chosen = json_str(query, "status");
	json_t *list = json_array();

	for (int status = 0; status < STATUSES; status++)
		json_array_append_new(list, form_view_choice(cert_status_word((enum cert_status)status),
						   cert_status_word((enum cert_status)status),
						   str_eq(cert_status_word((enum cert_status)status), chosen)));
	return list;
}

static json_t *show_may(const struct request *r)
{
	json_t *o = json_object();

	json_put_bool(o, "operate", gate_lets_in(&r->visitor, ROLE_OPERATOR, r->webui->settings));
	json_put_bool(o, "administer", gate_lets_in(&r->visitor, ROLE_ADMIN, r->webui->settings));
	json_put_bool(o, "mail", r->webui->settings->mail && *r->visitor.user_id);
	return o;
}

static json_t *put_common(const struct request *r, const json_t *page, int status, int64_t now)
{
	_cleanup_free_ char *here = request_here(r), *server = request_server(r), *csrf = csrf_mask(&r->visitor);
	json_t *o = json_object();

	json_put_str(o, "path", request_path(r));
	json_put_str(o, "here", here);			/* with the query: what _page of a form is */
	json_put_str(o, "back", form_next(r));		/* behind a form: where it is from */
	json_put_str(o, "version", r->webui->env->version);
	json_put_str(o, "hostname", r->webui->settings->hostname);
	json_put_str(o, "server", server);
	json_put_str(o, "csrf", csrf);
	json_put_str(o, "files", files_digest);
	json_put_str(o, "user", *r->visitor.user ? r->visitor.user : NULL);
	json_put_str(o, "role", role_word(r->visitor.role));
	json_put_int(o, "status", status);
	json_put_time(o, "now", now);
	json_object_set_new(o, "may", show_may(r));
	json_object_set_new(o, "menu", show_menu(r));
	json_object_set_new(o, "forms", form_view_all(r, page));
	json_object_set_new(o, "query", show_query(r));
	json_object_set_new(o, "statuses", show_statuses(json_object_get(o, "query")));
	json_object_set_new(o, "pages", show_pages(r, page, json_object_get(o, "query")));
	json_object_set_new(o, "csv", show_csv(r, page, json_object_get(o, "query")));
	json_object_set_new(o, "plan", r->plan ? json_incref(r->plan) : json_null());
	json_object_set_new(o, "fault", r->fault ? json_incref(r->fault) : json_null());
	return o;
}

static const char *find_template(void *arg, const char *name)
{
	_cleanup_free_ char *file = xasprintf("html/%s.html", name);

	return files_get(arg, file);
}

int view_render(struct request *r, const char *template, int status, const json_t *value, struct buf *out,
		struct err *e)
{
	const char *develop = r->webui->settings->develop;
	_cleanup_(files_release) struct files files = { .directory = develop };
	struct template_env env = { .find = find_template, .arg = &files, .strict = develop && *develop };
	int64_t now = clock_now();
	_cleanup_json_ json_t *common = put_common(r, value, status, now);
	_cleanup_json_ json_t *page = json_object();
	_cleanup_zone_ struct zone *zone = time_zone(r);

	json_object_set_new(common, "said", status < 400 ? said_take(r) : json_null());
	if (value)
		json_object_update(page, (json_t *)value);
	json_object_set(page, "_", common);
	{
		_cleanup_json_ json_t *view = time_for_people(page, now, zone);

		return template_render(out, template, view, &env, e);
	}
}
