#include "webui/page/page.h"

#include "base/encode.h"
#include "base/log.h"
#include "webui/gate/first.h"
#include "webui/http/compress.h"
#include "webui/http/reply.h"
#include "webui/page/form.h"
#include "webui/page/form_view.h"
#include "webui/page/said.h"
#include "webui/page/shown.h"
#include "webui/page/view.h"

/* -1: no page can be shown. */
static int reply_template(struct request *r, const char *template, int status, const json_t *value, struct err *e)
{
	_cleanup_buf_wipe_ struct buf page = BUF_INIT;

	if (view_render(r, template, status, value, &page, e) == 0)
		return reply_page(r, status, slice_buf(&page));
	log_err(LOG_LEVEL_ERROR, e);
	r->html = false;
	return -1;
}

/* Its name is from a name of ours and a word, so it needs no quoting. */
static int reply_file(struct request *r, const json_t *value, struct err *e)
{
	const char *data = json_str(value, "data"), *key = json_str(value, "key"), *pem = json_str(value, "pem");
	const char *text = pem ? pem : key, *name = json_str(value, "file");
	_cleanup_free_ char *made = name ? xstrdup(name) : xasprintf("%s.key", params_get(&r->path, "name"));
	_cleanup_free_ char *disposition = xasprintf("attachment; filename=\"%s\"", made);
	_cleanup_buf_wipe_ struct buf bytes = BUF_INIT;

	if (!text && (!data || base64_decode(&bytes, data, strlen(data)) < 0))
		return err_set(e, ERR_INTERNAL, "there is no file in the answer");
	reply_header(r, "Content-Disposition", disposition);
	return reply(r, 200, text ? "application/x-pem-file" : "application/octet-stream",
		     text ? slice_str(text) : slice_buf(&bytes));
}

/* Goes on as if another page had been asked for. */
static int show_page(struct request *r, const char *path, const char *query, struct err *e)
{
	struct match m;

	router_find(&m, METHOD_GET, path);
	if (!m.route || !m.html || !gate_lets_in(&r->visitor, m.route->role, r->webui->settings) ||
	    !gate_allows(&r->visitor, m.route) || first_check(r, m.route, e) < 0) {
		match_release(&m);
		return err_set(e, ERR_MISSING, "there is no such page");
	}
	request_forget(r);
	params_release(&r->path);
	r->path = m.params;
	r->route = m.route;
	free(r->page);
	r->page = xstrdup(path);
	free(r->page_query);
	r->page_query = query ? xstrdup(query) : NULL;
	return m.route->page(r, e);
}

/* The page the form is on.  -1: there is none. */
static int show_form_page(struct request *r, struct err *e)
{
	const char *page = form_text(r, "_page"), *mark = page ? strchr(page, '?') : NULL;
	_cleanup_free_ char *path = page ? xstrndup(page, mark ? (size_t)(mark - page) : strlen(page)) : NULL;

	return path ? show_page(r, path, mark ? mark + 1 : NULL, e) : -1;
}

/* On to where the form says; ":id" at its end is that of what has just been made. */
static int go_on(struct request *r, const json_t *value)
{
	const char *next = form_next(r), *id = json_str(value, "id");
	_cleanup_free_ char *path = NULL;

	said_put(r, value);
	if (!id || !str_ends(next, "/:id"))
		return reply_see_other(r, next);
	path = xasprintf("%.*s%s", (int)(strlen(next) - strlen(":id")), next, id);
	return reply_see_other(r, path);
}

int page_shown(struct request *r, struct err *e)
{
	_cleanup_json_ json_t *answer = shown_find(r, params_get(&r->path, "id"));

	if (answer)
		return reply_template(r, r->route->template, 200, answer, e);
	err_set(e, ERR_MISSING,
		"what this page showed is no longer kept: ten minutes have passed, or you have signed out");
	return err_hint(e, "If you did not save a key, token or password, replace it.");
}

int page_reply(struct request *r, int status, const json_t *value, struct err *e)
{
	const char *template = r->route->template;
	_cleanup_free_ char *shown = NULL;

	if (r->form && !r->plan && json_bool(value, "dry_run", false)) {
		r->plan = json_deep_copy(value);
		return show_form_page(r, e);
	}
	if (!*template)
		return go_on(r, value);
	if (str_eq(template, "@file"))
		return reply_file(r, value, e);
	if (r->fault)
		status = r->fault_status;
	else if (r->route->method != METHOD_GET)
		shown = shown_keep(r, value);
	return shown ? reply_see_other(r, shown) : reply_template(r, template, status, value, e);
}

/* Where in the page the field is. */
static void put_place(struct request *r, const char *field)
{
	const char *form = form_text(r, "_form");
	_cleanup_free_ char *at = form && *field ? xasprintf("%s-%s", form, field) : NULL;

	json_put_str(r->fault, "at", at);
}

int page_reply_error(struct request *r, const struct err *why, struct err *e)
{
	_cleanup_json_ json_t *problem = NULL;
	struct err shown = *why;

	if (r->form)
		form_view_own_words(form_text(r, "_form"), &shown);
	problem = json_problem(&shown);
	if (r->form && !r->fault && !r->plan) {
		r->fault = json_incref(problem);
		put_place(r, shown.field);
		r->fault_status = err_http_status(why->kind);
		if (show_form_page(r, e) == 0)
			return 0;
	}
	return reply_template(r, "page/error", err_http_status(why->kind), problem, e);
}
