#include "webui/page/form_view.h"

#include "webui/http/call.h"
#include "webui/page/form.h"

enum form_flag { DANGER = 1, FILES = 2, PREVIEW = 4, PROOF = 8 };
enum field_kind {
	INPUT_TEXT, INPUT_PASSWORD, INPUT_NUMBER, INPUT_LINES, INPUT_FLAG, INPUT_CHOICE, INPUT_FILE, INPUT_CONFIRM,
	INPUT_HIDDEN, INPUT_USER, INPUT_SECRET, INPUT_NEW, INPUT_CODE, INPUT_MORE, INPUT_CHECKS, INPUT_MAIL, INPUT_URL,
	INPUT_DIGITS, INPUT_BUTTON, INPUT_CANCEL
};

struct view_field {
	const char *member;
	enum field_kind kind;
	const char *label, *options, *hint;
};

#define FORM(name, action, values, button, flags) static const struct view_field fields_##name[] = {
#define INPUT(form, member, kind, label, options, hint) { #member, INPUT_##kind, label, options, hint },
#define ONLY(...)
#define END(name) { .member = NULL } };
#include "webui/forms.def"
#undef FORM
#undef INPUT
#undef ONLY
#undef END

static const struct form {
	const char *name, *action, *values, *button;
	int flags;
	const struct view_field *fields;
} forms[] = {
#define FORM(name, action, values, button, flags) { #name, action, values, button, flags, fields_##name },
#define INPUT(...)
#define ONLY(...)
#define END(name)
#include "webui/forms.def"
#undef FORM
#undef INPUT
#undef ONLY
#undef END
};

/* Fields that only some kinds of a thing have. */
static const struct form_only {
	const char *form, *member, *by, *values;
	bool required;
} onlys[] = {
#define FORM(...)
#define INPUT(...)
#define ONLY(form, member, by, values, required) { #form, #member, #by, values, required },
#define END(name)
#include "webui/forms.def"
#undef FORM
#undef INPUT
#undef ONLY
#undef END
};

/* Behind those of a form that wants the password, while it was not just given. */
static const struct view_field proof_fields[] = {
	{ FORM_PASSWORD, INPUT_SECRET, "Your password", "",
	  "Confirms that it is you, for five minutes." },
	{ FORM_CODE, INPUT_CODE, "Code", "", "From your authenticator app, or a recovery code." },
};

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

json_t *form_view_choice(const char *value, const char *text, bool chosen)
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

		json_array_append_new(list, form_view_choice(word, text ? text : word, str_eq(word, value)));
	}
	json_array_foreach (of_page, i, item) {
		const char *word = json_str(item, "value");
		bool chosen = f->kind == INPUT_CHECKS ? strv_has(several, word) : str_eq(word, value);

		json_array_append_new(list, form_view_choice(word, json_str(item, "text"), chosen));
	}
	return list;
}

/* Is this row for the kind that the page tells?  If it tells none, all are. */
static bool fits(const struct form_only *only, const json_t *page)
{
	const json_t *by = json_object_get(page, only->by);
	_cleanup_strv_ char **values = strv_split(only->values, " ");

	if (json_is_boolean(by))
		return strv_has(values, json_is_true(by) ? "true" : "false");
	return !json_is_string(by) || strv_has(values, json_string_value(by));
}

/* The row of a field for this kind of a thing; NULL: no row is.  *any: it has rows, so without one it is not there. */
static const struct form_only *find_only(const struct form *form, const struct view_field *f, const json_t *page,
					 bool *any)
{
	*any = false;
	for (size_t i = 0; i < ARRAY_SIZE(onlys); i++) {
		if (!str_eq(onlys[i].form, form->name) || !str_eq(onlys[i].member, f->member))
			continue;
		*any = true;
		if (fits(&onlys[i], page))
			return &onlys[i];
	}
	return NULL;
}

static bool has_field(const struct form *form, const struct view_field *f, const json_t *page)
{
	bool any;

	return find_only(form, f, page, &any) || !any;
}

/* What takes the form.  NULL: nothing does. */
static const struct api_call *taker_of(const struct form *form, const char *action)
{
	_cleanup_free_ char *path = xstrndup(action, strcspn(action, "?"));
	const struct api_call *call;
	bool deletes = false;
	struct match m;

	for (const struct view_field *f = form->fields; f->member; f++)
		deletes |= str_eq(f->member, "_method");
	router_find(&m, deletes ? METHOD_DELETE : METHOD_POST, path);
	call = m.route ? call_of(m.route) : NULL;
	match_release(&m);
	return call;
}

/* A browser then asks for it itself.  Not where one of two fields is enough, or where "" says something. */
static bool is_required(const struct form *form, const struct view_field *f, const json_t *page,
			const struct api_call *call)
{
	bool any;
	const struct form_only *only = find_only(form, f, page, &any);
	const struct call_item *item = call ? call_item(call, f->member, false) : NULL;

	if (f->kind == INPUT_FILE || f->kind == INPUT_FLAG || f->kind == INPUT_CHECKS)
		return false;
	for (const struct view_field *other = form->fields; other->member; other++) {
		_cleanup_strv_ char **empty = str_eq(other->member, "_empty") ? strv_split(other->options, " ") : NULL;

		if (strv_has(empty, f->member))
			return false;
	}
	return (only && only->required) || (item && item->need == ITEM_NEEDED);
}

/* What is wrong with this field, as a sentence beside it. */
static json_t *show_fault(const struct request *r, const struct view_field *f)
{
	const json_t *fault = json_array_get(json_object_get(r->fault, "errors"), 0);
	_cleanup_free_ char *missing = xasprintf("\"%s\" is missing", f->label), *text = NULL;
	const char *detail = json_str(fault, "detail");

	if (!fault || !detail || !str_eq(json_str(fault, "field"), f->member))
		return json_null();
	text = err_sentence(str_eq(detail, missing) ? "fill this in" : detail);
	return json_string(text);
}

/* How a template shows it, and which keys a phone offers. */
static const struct {
	const char *kind, *mode;
} kinds[] = {
	[INPUT_TEXT] = { "text", "" },
	[INPUT_PASSWORD] = { "password", "" },
	[INPUT_NUMBER] = { "number", "numeric" },
	[INPUT_LINES] = { "lines", "" },
	[INPUT_FLAG] = { "flag", "" },
	[INPUT_CHOICE] = { "choice", "" },
	[INPUT_FILE] = { "file", "" },
	[INPUT_CONFIRM] = { "confirm", "" },
	[INPUT_HIDDEN] = { "hidden", "" },
	[INPUT_USER] = { "user", "" },
	[INPUT_SECRET] = { "secret", "" },
	[INPUT_NEW] = { "new", "" },
	[INPUT_CODE] = { "code", "" },
	[INPUT_MORE] = { "more", "" },
	[INPUT_CHECKS] = { "checks", "" },
	[INPUT_MAIL] = { "text", "email" },
	[INPUT_URL] = { "text", "url" },
	[INPUT_DIGITS] = { "code", "numeric" },
	[INPUT_BUTTON] = { "button", "" },
	[INPUT_CANCEL] = { "cancel", "" },
};

static bool has_example(const struct view_field *f)
{
	return f->kind == INPUT_TEXT || f->kind == INPUT_LINES || f->kind == INPUT_NUMBER || f->kind == INPUT_MAIL ||
	       f->kind == INPUT_URL;
}

static json_t *show_field(const struct request *r, const struct form *form, const struct view_field *f,
			  const json_t *page, const json_t *values, bool sent)
{
	_cleanup_wipe_ char *path =
		f->kind == INPUT_HIDDEN && *f->options == '/' ? fill_path(r, page, f->options) : NULL;
	_cleanup_wipe_ char *value = path ? TAKE(path) : field_value(r, f, values, sent);
	_cleanup_free_ char *id = xasprintf("%s-%s", form->name, f->member);
	json_t *o = json_object();

	json_put_str(o, "id", id);
	json_put_str(o, "member", f->member);
	json_put_str(o, "kind", kinds[f->kind].kind);
	json_put_str(o, "mode", kinds[f->kind].mode);
	json_put_str(o, "label", f->label);
	json_put_str(o, "hint", f->hint);
	json_put_str(o, "value", value);
	json_put_bool(o, "gone", sent && f->kind == INPUT_FILE && form_is_file(r, f->member));
	json_put_bool(o, "ticked", str_ends(value, "true"));
	json_put_bool(o, "needed", *f->member != '_');
	json_put_str(o, "example", has_example(f) ? f->options : "");
	if (f->kind == INPUT_CHOICE || f->kind == INPUT_CHECKS)
		json_object_set_new(o, "choices", field_choices(f, page, value));
	json_object_set_new(o, "fault", sent ? show_fault(r, f) : json_null());
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

/* Is something in it that differs from what it began with? */
static bool is_touched(const struct request *r, const struct view_field *f, const json_t *values, bool sent)
{
	_cleanup_wipe_ char *now = field_value(r, f, values, sent), *before = field_value(r, f, values, false);
	const char *typed = sent ? strrchr(now, '\n') : NULL;

	if (f->kind == INPUT_FLAG)
		return str_ends(typed ? typed : now, "true") != str_ends(before, "true");
	return strcmp(now, before) || (sent && form_is_file(r, f->member));
}

/* The fields that follow are seldom needed: they are folded away under what they are about.  Where they go. */
static json_t *add_group(json_t *o, const char *label)
{
	json_t *group = json_pack("{s:s, s:b, s:[]}", "label", label, "open", false, "fields");

	json_array_append_new(json_object_get(o, "groups"), group);
	return group;
}

/* A field where it belongs: in a list, behind the button, or nowhere on this page. */
static void add_field(const struct request *r, json_t *o, const struct form *form, const struct view_field *f,
		      const json_t *page, const struct api_call *call, json_t **group)
{
	const json_t *values = str_eq(form->values, ".") ? page : json_object_get(page, form->values);
	bool sent = json_is_true(json_object_get(o, "sent"));
	_cleanup_free_ char *cancel = NULL;
	json_t *field;

	if (!has_field(form, f, page) || !may_set(r, call, f->member))
		return;
	if (f->kind == INPUT_MORE) {
		*group = add_group(o, f->label);
	} else if (f->kind == INPUT_CANCEL) {
		cancel = fill_path(r, page, f->options);
		json_put_str(o, "cancel", cancel);
	} else if (f->kind == INPUT_BUTTON) {
		json_array_append_new(json_object_get(o, "buttons"), json_pack("{s:s, s:s, s:s}", "member", f->member,
									       "value", f->options, "label", f->label));
	} else {
		field = show_field(r, form, f, page, values, sent);
		json_put_bool(field, "required", is_required(form, f, page, call));
		json_array_append_new(json_object_get(*group, "fields"), field);
		if (sent && (json_is_string(json_object_get(field, "fault")) || is_touched(r, f, values, sent)))
			json_put_bool(*group, "open", true);
	}
}

static json_t *show_form(const struct request *r, const struct form *form, const json_t *page)
{
	bool sent = (r->fault || r->plan) && str_eq(form_text(r, "_form"), form->name);
	_cleanup_free_ char *action = fill_path(r, page, form->action);
	_cleanup_free_ char *preview = xasprintf("%s%cdry_run=true", action, strchr(action, '?') ? '&' : '?');
	const struct api_call *call = taker_of(form, action);
	json_t *o = json_object(), *group = o;	/* until the first MORE */

	json_put_str(o, "form", form->name);
	json_put_str(o, "action", action);
	json_put_str(o, "button", form->button);
	json_put_bool(o, "warns", form->flags & DANGER);
	json_put_bool(o, "multipart", form->flags & FILES);
	json_put_str(o, "preview", form->flags & PREVIEW ? preview : NULL);
	json_put_bool(o, "sent", sent);
	json_put_str(o, "cancel", NULL);
	json_object_set_new(o, "buttons", json_array());
	json_object_set_new(o, "fields", json_array());
	json_object_set_new(o, "groups", json_array());
	json_object_set_new(o, "proof", show_proof(r, form, sent));
	for (const struct view_field *f = form->fields; f->member; f++)
		add_field(r, o, form, f, page, call, &group);
	return o;
}

bool form_view_asks(const char *form)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (str_eq(forms[i].name, form))
			return forms[i].flags & PROOF;
	return false;
}

/* "the member "key_type" must be ..." of a request is a field here, with its label. */
void form_view_own_words(const char *form, struct err *e)
{
	const struct view_field *f = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(forms) && !f; i++)
		if (str_eq(forms[i].name, form))
			f = forms[i].fields;
	for (; f && f->member; f++) {
		_cleanup_free_ char *quoted = xasprintf("\"%s\"", f->member),
				    *member = xasprintf("the member %s", quoted),
				    *label = xasprintf("\"%s\"", f->label);

		if (f->kind == INPUT_MORE || !*f->label)
			continue;
		err_reword(e, member, label);
		if (*e->field)
			err_reword(e, quoted, label);
	}
}

void form_view_put(json_t *o, const char *name, const struct request *r, const json_t *page)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms) && !json_object_get(o, name); i++) {
		_cleanup_free_ char *action = str_eq(forms[i].name, name) ? fill_path(r, page, forms[i].action) : NULL;

		if (action)
			json_object_set_new(o, name, show_form(r, &forms[i], page));
	}
}
