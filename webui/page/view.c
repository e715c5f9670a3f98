#include "webui/page/view.h"

#include <ctype.h>
#include <time.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/template.h"
#include "store/status.h"
#include "webui/http/call.h"
#include "webui/page/files.h"
#include "webui/page/form.h"
#include "webui/page/listing.h"

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

static const struct entry {
	const char *path, *name, *icon;
	enum role role;
} menu[] = {
#define MENU(path, name, icon, role) { path, name, icon, ROLE_##role },
#include "webui/menu.def"
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

static json_t *show_form(const struct request *r, const struct form *form, const json_t *page)
{
	const json_t *values = str_eq(form->values, ".") ? page : json_object_get(page, form->values);
	bool sent = (r->fault || r->plan) && str_eq(form_text(r, "_form"), form->name);
	_cleanup_free_ char *action = fill_path(r, page, form->action);
	_cleanup_free_ char *preview = xasprintf("%s%cdry_run=true", action, strchr(action, '?') ? '&' : '?');
	json_t *o = json_object(), *fields = json_array(), *more = json_array(), *to = fields;

	json_put_str(o, "form", form->name);
	json_put_str(o, "action", action);
	json_put_str(o, "button", form->button);
	json_put_bool(o, "warns", form->flags & DANGER);
	json_put_bool(o, "multipart", form->flags & FILES);
	json_put_str(o, "preview", form->flags & PREVIEW ? preview : NULL);
	json_put_bool(o, "sent", sent);
	json_object_set_new(o, "fields", fields);
	json_object_set_new(o, "more", more);
	json_object_set_new(o, "proof", show_proof(r, form, sent));
	json_put_str(o, "more_label", NULL);
	for (const struct view_field *f = form->fields; f->member; f++) {
		if (f->kind == INPUT_MORE) {
			json_put_str(o, "more_label", f->label);
			to = more;
		} else {
			json_array_append_new(to, show_field(r, form, f, page, values, sent));
		}
	}
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

static json_t *show_menu(const struct request *r)
{
	const char *here = request_path(r);
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(menu); i++) {
		const struct entry *m = &menu[i];
		size_t len = strlen(m->path);
		json_t *o;

		if (!gate_lets_in(&r->visitor, m->role, r->webui->settings))
			continue;
		o = json_object();
		json_put_str(o, "path", m->path);
		json_put_str(o, "name", m->name);
		json_put_str(o, "icon", m->icon);
		json_put_bool(o, "here", str_starts(here, m->path) && (!here[len] || here[len] == '/'));
		json_array_append_new(list, o);
	}
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
	_cleanup_free_ char *here = request_here(r), *server = request_server(r);
	json_t *o = json_object();

	json_put_str(o, "path", request_path(r));
	json_put_str(o, "here", here);			/* with the query: what _page of a form is */
	json_put_str(o, "back", form_next(r));		/* behind a form: where it is from */
	json_put_str(o, "version", r->webui->env->version);
	json_put_str(o, "hostname", r->webui->settings->hostname);
	json_put_str(o, "server", server);
	json_put_str(o, "csrf", r->visitor.csrf);
	json_put_str(o, "user", *r->visitor.user ? r->visitor.user : NULL);
	json_put_str(o, "role", role_word(r->visitor.role));
	json_put_int(o, "status", status);
	json_put_time(o, "now", now);
	json_object_set_new(o, "may", show_may(r));
	json_object_set_new(o, "menu", show_menu(r));
	json_object_set_new(o, "forms", show_forms(r, page));
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
