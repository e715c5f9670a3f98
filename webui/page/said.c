#include "webui/page/said.h"

#include "base/encode.h"
#include "base/log.h"
#include "base/template.h"
#include "webui/http/reply.h"
#include "webui/page/form.h"

#define COOKIE "__Host-certera-said"
#define SECONDS 60		/* until a browser that never comes forgets it */
#define TEXT_MOST 2000		/* bytes of all of it: browsers keep cookies of 4 KB */

static const struct saying {
	page_fn *page;
	const char *when, *sentence, *link, *undo;
} sayings[] = {
#define SAID(page, when, sentence, link, undo) { page, when, sentence, link, undo },
#include "webui/said.def"
#undef SAID
};

static const struct saying *find_saying(const struct request *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(sayings); i++)
		if (sayings[i].page == r->route->page &&
		    (!*sayings[i].when || str_eq(form_text(r, sayings[i].when), "true")))
			return &sayings[i];
	return NULL;
}

static const char *find_text(void *text, const char *name)
{
	return text;
}

/* The template as a text.  Owned. */
static char *fill(const char *text, json_t *view)
{
	struct template_env env = { .find = find_text, .arg = (void *)text, .plain = true };
	struct buf out = BUF_INIT;
	struct err e = { 0 };

	if (template_render(&out, "said", view, &env, &e) < 0)
		log_err(LOG_LEVEL_ERROR, &e);
	return buf_detach(&out);
}

static json_t *params_json(const struct params *params)
{
	json_t *o = json_object();

	for (size_t i = 0; i < params->count; i++)
		json_put_str(o, params->item[i].name, params->item[i].value);
	return o;
}

static json_t *view_of(const struct request *r, const json_t *answer)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	json_t *view = answer ? json_copy((json_t *)answer) : json_object();

	request_query(r, &query, NULL);
	json_object_set_new(view, "path", params_json(&r->path));
	json_object_set_new(view, "query", params_json(&query));
	json_object_set(view, "form", r->form);
	json_put_bool(view, "one", json_int(answer, "count", 0) == 1);
	return view;
}

/* "a|b|c", each a template, as the members of these names.  null: the text is empty.  New reference. */
static json_t *fill_parts(const char *text, const char *const names[], json_t *view)
{
	_cleanup_strv_ char **parts = strv_split(text, "|");
	json_t *o = parts && *parts ? json_object() : json_null();

	for (size_t i = 0; parts && parts[i] && names[i]; i++) {
		_cleanup_free_ char *filled = fill(parts[i], view);

		json_put_str(o, names[i], filled);
	}
	return o;
}

void said_put(struct request *r, const json_t *answer)
{
	static const char *const link[] = { "text", "path", NULL }, *const undo[] = { "text", "action", "field", NULL };
	const struct saying *saying = find_saying(r);
	_cleanup_json_ json_t *view = saying ? view_of(r, answer) : NULL, *said = json_object();
	_cleanup_free_ char *sentence = saying ? fill(saying->sentence, view) : NULL, *text = NULL, *cookie = NULL;

	if (!sentence || !*sentence)
		return;
	json_put_str(said, "text", sentence);
	json_object_set_new(said, "link", fill_parts(saying->link, link, view));
	json_object_set_new(said, "undo", fill_parts(saying->undo, undo, view));
	text = json_write(said);
	if (strlen(text) > TEXT_MOST)
		return;
	cookie = base64url_str(text, strlen(text));
	reply_cookie(r, COOKIE, cookie, SECONDS);
}

/* "member=value" of the button as two. */
static void split_field(json_t *undo)
{
	const char *field = json_str(undo, "field"), *equals = field ? strchr(field, '=') : NULL;
	_cleanup_free_ char *member = equals ? xstrndup(field, (size_t)(equals - field)) : NULL;

	json_put_str(undo, "member", member);
	json_put_str(undo, "value", equals ? equals + 1 : NULL);
}

/* Ours lead to paths of this server; nothing else does, whoever wrote the cookie. */
static void keep_here(json_t *said, const char *name, const char *path)
{
	if (!form_is_path(json_str(json_object_get(said, name), path)))
		json_object_set_new(said, name, json_null());
}

json_t *said_take(struct request *r)
{
	_cleanup_free_ char *cookie = request_cookie(r, COOKIE);
	_cleanup_buf_ struct buf text = BUF_INIT;
	json_t *said;

	if (!cookie)
		return json_null();
	reply_forget_cookie(r, COOKIE);
	if (strlen(cookie) > 2 * TEXT_MOST || base64url_decode(&text, cookie, strlen(cookie)) < 0)
		return json_null();
	said = json_read(text.data, text.len, NULL);
	if (!json_str(said, "text")) {
		json_decref(said);
		return json_null();
	}
	keep_here(said, "link", "path");
	keep_here(said, "undo", "action");
	if (json_is_object(json_object_get(said, "undo")))
		split_field(json_object_get(said, "undo"));
	return said;
}
