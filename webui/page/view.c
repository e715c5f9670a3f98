#include "webui/page/view.h"

#include <ctype.h>
#include <time.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/template.h"
#include "store/status.h"
#include "webui/http/call.h"
#include "webui/http/csrf.h"
#include "webui/page/files.h"
#include "webui/page/form.h"
#include "webui/page/trouble.h"

#define TIME_LEN (CLOCK_RFC3339_SIZE - 1)

enum form_flag { DANGER = 1, FILES = 2, PREVIEW = 4, PROOF = 8 };
enum field_kind {
	INPUT_TEXT, INPUT_PASSWORD, INPUT_NUMBER, INPUT_LINES, INPUT_FLAG, INPUT_CHOICE, INPUT_FILE, INPUT_CONFIRM,
	INPUT_HIDDEN, INPUT_USER, INPUT_SECRET, INPUT_NEW, INPUT_CODE, INPUT_MORE, INPUT_CHECKS
};

struct view_field {
	const char *member;
	enum field_kind kind;
	const char *label, *options, *hint;
};

#define FORM(name, action, values, button, flags) static const struct view_field fields_##name[] = {
#define INPUT(form, member, kind, label, options, hint) { #member, INPUT_##kind, label, options, hint },
#define END(name) { .member = NULL } };
#include "webui/forms.def"
#undef FORM
#undef INPUT
#undef END

static const struct form {
	const char *name, *action, *values, *button;
	int flags;
	const struct view_field *fields;
} forms[] = {
#define FORM(name, action, values, button, flags) { #name, action, values, button, flags, fields_##name },
#define INPUT(...)
#define END(name)
#include "webui/forms.def"
#undef FORM
#undef INPUT
#undef END
};

/* Behind those of a form that wants the password, while it was not just given. */
static const struct view_field proof_fields[] = {
	{ FORM_PASSWORD, INPUT_SECRET, "Your password", "",
	  "Confirms that it is you, for five minutes." },
	{ FORM_CODE, INPUT_CODE, "Code", "", "From your authenticator app, or a recovery code." },
};

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
 * Times.
 */

static json_t *time_object(const char *text, int64_t t, int64_t now)
{
	json_t *o = json_object();
	char shown[64];
	time_t seconds = t;
	struct tm tm;

	json_put_str(o, "text", text);
	json_put_str(o, "relative", clock_relative(shown, sizeof(shown), t, now));
	strftime(shown, sizeof(shown), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&seconds, &tm));
	json_put_str(o, "exact", shown);
	strftime(shown, sizeof(shown), "%Y-%m-%d", &tm);
	json_put_str(o, "day", shown);
	return o;
}

/* The time a text begins with: its object, and what stands behind it.  NULL: it does not. */
static json_t *read_time(const char *text, int64_t now, const char **rest)
{
	char head[CLOCK_RFC3339_SIZE];
	int64_t t;

	if (strlen(text) < TIME_LEN || text[4] != '-' || text[TIME_LEN - 1] != 'Z')
		return NULL;
	snprintf(head, sizeof(head), "%s", text);
	*rest = text + TIME_LEN;
	return clock_parse_rfc3339(head, &t) < 0 ? NULL : time_object(head, t, now);
}

static json_t *with_times(const json_t *value, int64_t now, bool in_list);

static json_t *string_with_time(const json_t *value, int64_t now, bool in_list)
{
	const char *rest;
	json_t *time = read_time(json_string_value(value), now, &rest), *line;

	if (!time || !*rest)
		return time ? time : json_incref((json_t *)value);
	if (!in_list || *rest != ' ') {
		json_decref(time);
		return json_incref((json_t *)value);
	}
	line = json_object();
	json_object_set_new(line, "time", time);
	json_put_str(line, "text", rest + 1);
	return line;
}

static json_t *sentence(const char *message)
{
	_cleanup_free_ char *text = err_sentence(message);

	return json_string(text);
}

/* A copy, with times as objects, and what went wrong as sentences.  New reference. */
static json_t *with_times(const json_t *value, int64_t now, bool in_list)
{
	json_t *copy, *item;
	const char *name;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_STRING:
		return string_with_time(value, now, in_list);
	case JSON_ARRAY:
		copy = json_array();
		json_array_foreach (value, i, item)
			json_array_append_new(copy, with_times(item, now, true));
		return copy;
	case JSON_OBJECT:
		copy = json_object();
		json_object_foreach ((json_t *)value, name, item)
			json_object_set_new(copy, name, str_eq(name, "detail") && json_is_string(item) ?
					    sentence(json_string_value(item)) : with_times(item, now, false));
		return copy;
	default:
		return json_incref((json_t *)value);
	}
}

/*
 * Forms.
 */

/* What :x in a form's action stands for; NULL: nothing on this page.  Borrowed. */
static const char *path_value(const struct request *r, const json_t *page, const char *name)
{
	const char *of_path = params_get(&r->path, name);
	const json_t *member = json_object_get(page, name);

	if (of_path)
		return of_path;
	if (json_is_boolean(member))
		return json_is_true(member) ? "true" : "false";
	return json_string_value(member);
}

/* Owned; NULL: the action does not belong on this page. */
static char *fill_path(const struct request *r, const json_t *page, const char *path)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	while (*path) {
		size_t plain = strcspn(path, ":"), len = path[plain] ? strcspn(path + plain + 1, "/?") : 0;
		_cleanup_free_ char *name = xstrndup(path + plain + (len > 0), len);
		const char *value = len ? path_value(r, page, name) : "";

		if (!value)
			return NULL;
		buf_add(&out, path, plain);
		buf_add_str(&out, value);
		path += plain + (len ? len + 1 : 0);
	}
	return buf_detach(&out);
}

/* What a field shows: what was typed, or what is now.  Owned. */
static char *field_value(const struct request *r, const struct view_field *f, const json_t *values, bool sent)
{
	_cleanup_free_ char *for_people = xasprintf("%s_shown", f->member);
	const json_t *shown = json_object_get(values, for_people),
		     *now = shown ? shown : json_object_get(values, f->member), *item;
	struct buf out = BUF_INIT;
	size_t i;

	if (f->kind == INPUT_PASSWORD || f->kind == INPUT_SECRET || f->kind == INPUT_NEW || f->kind == INPUT_CODE)
		return xstrdup("");
	if (sent && f->kind == INPUT_FILE && form_is_file(r, f->member))
		return xstrdup("");
	if (sent)
		return xstrdup(form_text(r, f->member) ? form_text(r, f->member) : "");
	if (f->kind == INPUT_HIDDEN && *f->options)
		return xstrdup(f->options);
	if (f->kind == INPUT_FLAG && !values)
		return xstrdup(str_eq(f->options, "on") ? "true" : "false");
	if (json_is_string(now))
		buf_add_str(&out, json_string_value(now));
	else if (json_is_integer(now))
		buf_addf(&out, "%lld", (long long)json_integer_value(now));
	else if (json_is_true(now))
		buf_add_str(&out, "true");
	json_array_foreach (now, i, item)
		buf_addf(&out, "%s%s", !i ? "" : f->kind == INPUT_LINES ? "\n" : ", ",
			 json_string_value(item) ? json_string_value(item) : "");
	return buf_detach(&out);
}

static json_t *choice(const char *value, const char *text, bool chosen)
{
	json_t *o = json_object();

	json_put_str(o, "value", value);
	json_put_str(o, "label", text);
	json_put_bool(o, "chosen", chosen);
	return o;
}

static json_t *field_choices(const struct view_field *f, const json_t *page, const char *value)
{
	_cleanup_strv_ char **options = strv_split(f->options, "|"), **several = strv_split(value, ", \n");
	const json_t *of_page = json_object_get(json_object_get(page, "choices"), f->member), *item;
	json_t *list = json_array();
	size_t i;

	for (char **o = options; o && *o; o++) {
		char *text = *o, *word = strsep(&text, "=");

		json_array_append_new(list, choice(word, text ? text : word, str_eq(word, value)));
	}
	json_array_foreach (of_page, i, item) {
		const char *word = json_str(item, "value");
		bool chosen = f->kind == INPUT_CHECKS ? strv_has(several, word) : str_eq(word, value);

		json_array_append_new(list, choice(word, json_str(item, "text"), chosen));
	}
	return list;
}

static json_t *show_field(const struct request *r, const struct form *form, const struct view_field *f,
			  const json_t *page,
			  const json_t *values, bool sent)
{
	static const char *const kinds[] = {
		"text", "password", "number", "lines", "flag", "choice", "file", "confirm", "hidden", "user",
		"secret", "new", "code", "more", "checks"
	};
	_cleanup_wipe_ char *value = field_value(r, f, values, sent);
	_cleanup_free_ char *id = xasprintf("%s-%s", form->name, f->member);
	const json_t *fault = json_array_get(json_object_get(r->fault, "errors"), 0);
	json_t *o = json_object();

	json_put_str(o, "id", id);
	json_put_str(o, "member", f->member);
	json_put_str(o, "kind", kinds[f->kind]);
	json_put_str(o, "label", f->label);
	json_put_str(o, "hint", f->hint);
	json_put_str(o, "value", value);
	json_put_bool(o, "gone", sent && f->kind == INPUT_FILE && form_is_file(r, f->member));
	json_put_bool(o, "ticked", str_ends(value, "true"));
	json_put_bool(o, "needed", *f->member != '_');
	json_put_str(o, "example",
		     f->kind == INPUT_TEXT || f->kind == INPUT_LINES || f->kind == INPUT_NUMBER ? f->options : "");
	if (f->kind == INPUT_CHOICE || f->kind == INPUT_CHECKS)
		json_object_set_new(o, "choices", field_choices(f, page, value));
	json_object_set_new(o, "fault", sent && fault && str_eq(json_str(fault, "field"), f->member) ?
			    sentence(json_str(fault, "detail")) : json_null());
	return o;
}

static json_t *show_proof(const struct request *r, const struct form *form, bool sent)
{
	bool asked = (form->flags & PROOF) && *r->visitor.session && !*r->visitor.proof;
	size_t count = !asked ? 0 : r->visitor.has_app ? 2 : 1;
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, show_field(r, form, &proof_fields[i], NULL, NULL, sent));
	return list;
}

/* What a request says of scripts only administrators may say; the others are not asked for it. */
static bool may_set(const struct request *r, const struct api_call *call, const char *member)
{
	const struct call_item *item = call ? call_item(call, member, false) : NULL;

	return !item || item->need != ITEM_ADMIN || gate_administers(&r->visitor);
}

/* What the request of a form is asked; NULL: of one without an action here. */
static const struct api_call *call_of_form(const char *action)
{
	_cleanup_free_ char *path = xstrndup(action, strcspn(action, "?"));
	const struct api_call *call;
	struct match m;

	router_find(&m, METHOD_POST, path);
	call = m.route ? call_of(m.route) : NULL;
	match_release(&m);
	return call;
}

/* Is something in it that differs from what it began with? */
static bool is_touched(const struct request *r, const struct view_field *f, const json_t *values, bool sent)
{
	_cleanup_wipe_ char *now = field_value(r, f, values, sent), *before = field_value(r, f, values, false);
	const char *typed = sent ? strrchr(now, '\n') : NULL;

	if (f->kind == INPUT_FLAG)
		return str_ends(typed ? typed : now, "true") != str_ends(before, "true");
	return strcmp(now, before) || (sent && form_is_file(r, f->member));
}

/* Fields that are seldom needed, folded away under what they are about. */
static json_t *add_group(json_t *groups, const char *label)
{
	json_t *group = json_object();

	json_put_str(group, "label", label);
	json_put_bool(group, "open", false);
	json_object_set_new(group, "fields", json_array());
	json_array_append_new(groups, group);
	return group;
}

/* Those of a form: in `fields` the ones before the first MORE, in `groups` the others. */
static void show_fields(const struct request *r, const struct form *form, const json_t *page, bool sent, json_t *o)
{
	const json_t *values = str_eq(form->values, ".") ? page : json_object_get(page, form->values);
	const struct api_call *call = call_of_form(json_str(o, "action"));
	json_t *fields = json_array(), *groups = json_array(), *group = NULL;

	json_object_set_new(o, "fields", fields);
	json_object_set_new(o, "groups", groups);
	for (const struct view_field *f = form->fields; f->member; f++) {
		json_t *shown;

		if (f->kind == INPUT_MORE) {
			group = add_group(groups, f->label);
			continue;
		}
		if (!may_set(r, call, f->member))
			continue;
		shown = show_field(r, form, f, page, values, sent);
		if (group && (json_is_string(json_object_get(shown, "fault")) || is_touched(r, f, values, sent)))
			json_put_bool(group, "open", true);
		json_array_append_new(group ? json_object_get(group, "fields") : fields, shown);
	}
}

static json_t *show_form(const struct request *r, const struct form *form, const json_t *page)
{
	bool sent = (r->fault || r->plan) && str_eq(form_text(r, "_form"), form->name);
	_cleanup_free_ char *action = fill_path(r, page, form->action);
	_cleanup_free_ char *preview = xasprintf("%s%cdry_run=true", action, strchr(action, '?') ? '&' : '?');
	json_t *o = json_object();

	json_put_str(o, "form", form->name);
	json_put_str(o, "action", action);
	json_put_str(o, "button", form->button);
	json_put_bool(o, "warns", form->flags & DANGER);
	json_put_bool(o, "multipart", form->flags & FILES);
	json_put_str(o, "preview", form->flags & PREVIEW ? preview : NULL);
	json_put_bool(o, "sent", sent);
	show_fields(r, form, page, sent, o);
	json_object_set_new(o, "proof", show_proof(r, form, sent));
	return o;
}

bool view_form_asks(const char *form)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (str_eq(forms[i].name, form))
			return forms[i].flags & PROOF;
	return false;
}

/* "the member "key_type" must be ..." of a request is a field here, with its label. */
void view_own_words(const char *form, struct err *e)
{
	const struct view_field *f = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(forms) && !f; i++)
		if (str_eq(forms[i].name, form))
			f = forms[i].fields;
	for (; f && f->member; f++) {
		_cleanup_free_ char *quoted = xasprintf("\"%s\"", f->member), *member = xasprintf("the member %s", quoted),
				    *label = xasprintf("\"%s\"", f->label);

		if (f->kind == INPUT_MORE || !*f->label)
			continue;
		err_reword(e, member, label);
		if (*e->field)
			err_reword(e, quoted, label);
	}
}

/* Those whose action can be filled in on this page. */
static json_t *show_forms(const struct request *r, const json_t *page)
{
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_free_ char *action = fill_path(r, page, forms[i].action);

		if (action)
			json_object_set_new(o, forms[i].name, show_form(r, &forms[i], page));
	}
	return o;
}

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
		json_array_append_new(list, choice(cert_status_word((enum cert_status)status),
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
	json_object_set_new(o, "forms", show_forms(r, page));
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

	if (value)
		json_object_update(page, (json_t *)value);
	json_object_set(page, "_", common);
	{
		_cleanup_json_ json_t *view = with_times(page, now, false);

		return template_render(out, template, view, &env, e);
	}
}
