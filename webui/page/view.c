#include "webui/page/view.h"

#include <ctype.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/template.h"
#include "store/status.h"
#include "webui/gate/csrf.h"
#include "webui/http/call.h"
#include "webui/page/files.h"
#include "webui/page/form.h"
#include "webui/page/form_view.h"
#include "webui/page/listing.h"
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
		else if (gate_lets_in(&r->visitor, m->role, r->webui->settings) &&
			 (m->trouble != TROUBLE_cluster || troubles_has_cluster(r)))
			json_array_append_new(json_object_get(group, "entries"), show_entry(r, m));
		if (!m->path)
			json_array_append_new(groups, group);
	}
	return groups;
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
	listing_put(o, r, page);
	json_object_set_new(o, "plan", r->plan ? json_incref(r->plan) : json_null());
	json_object_set_new(o, "fault", r->fault ? json_incref(r->fault) : json_null());
	return o;
}

static const char *find_template(void *arg, const char *name)
{
	_cleanup_free_ char *file = xasprintf("html/%s.html", name);

	return files_get(arg, file);
}

/* The name between the beginning of a tag and its end; owned. */
static char *name_in(const char *tag)
{
	return xstrndup(tag, strcspn(tag, "}"));
}

/* The forms that a template and its parts show; seen: the templates that were looked through. */
static void put_forms(json_t *forms, json_t *seen, struct files *files, const char *template, const struct request *r,
		      const json_t *page)
{
	static const char part[] = "{{>", form[] = "{{#_.forms.";
	const char *at = json_object_get(seen, template) ? NULL : find_template(files, template);

	json_put_bool(seen, template, true);
	while (at && (at = strstr(at, "{{"))) {
		_cleanup_free_ char *name = NULL;

		if (str_starts(at, part))
			put_forms(forms, seen, files, name = name_in(at + strlen(part)), r, page);
		else if (str_starts(at, form))
			form_view_put(forms, name = name_in(at + strlen(form)), r, page);
		at += strlen("{{");
	}
}

static json_t *forms_of(struct files *files, const char *template, const struct request *r, const json_t *page)
{
	_cleanup_json_ json_t *seen = json_object();
	json_t *forms = json_object();

	put_forms(forms, seen, files, template, r, page);
	return forms;
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

	json_object_set_new(common, "forms", forms_of(&files, template, r, value));
	json_object_set_new(common, "said", status < 400 ? said_take(r) : json_null());
	if (value)
		json_object_update(page, (json_t *)value);
	json_object_set(page, "_", common);
	{
		_cleanup_json_ json_t *view = time_for_people(page, now, zone);

		return template_render(out, template, view, &env, e);
	}
}
