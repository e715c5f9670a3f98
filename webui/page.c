#include "webui/page.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"
#include "webui/files.h"
#include "webui/form.h"
#include "webui/name.h"
#include "webui/setup.h"
#include "webui/view.h"

#define HTML "text/html; charset=utf-8"

static int reply_template(struct request *r, const char *template, int status, const json_t *value)
{
	_cleanup_buf_wipe_ struct buf page = BUF_INIT;
	struct err e = { 0 };

	if (view_render(r, template, status, value, &page, &e) == 0)
		return reply(r, status, HTML, slice_buf(&page));
	log_err(LOG_LEVEL_ERROR, &e);
	r->html = false;
	return reply_error(r, &e);
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

/* The page the form is on.  -1: there is none. */
static int show_form_page(struct request *r, struct err *e)
{
	const char *page = form_text(r, "_page"), *mark = page ? strchr(page, '?') : NULL;
	_cleanup_free_ char *path = page ? xstrndup(page, mark ? (size_t)(mark - page) : strlen(page)) : NULL;

	return path ? request_show(r, path, mark ? mark + 1 : NULL, e) : -1;
}

/* On to where the form says; ":id" at its end is that of what has just been made. */
static int go_on(struct request *r, const json_t *value)
{
	const char *next = form_next(r), *id = json_str(value, "id");
	_cleanup_free_ char *path = NULL;

	if (!id || !str_ends(next, "/:id"))
		return reply_see_other(r, next);
	path = xasprintf("%.*s%s", (int)(strlen(next) - strlen(":id")), next, id);
	return reply_see_other(r, path);
}

int page_reply(struct request *r, int status, const json_t *value)
{
	const char *template = r->route->template;
	struct err e = { 0 };

	if (r->form && !r->plan && json_bool(value, "dry_run", false)) {
		r->plan = json_deep_copy(value);
		return show_form_page(r, &e) < 0 ? reply_error(r, &e) : 0;
	}
	if (!*template)
		return go_on(r, value);
	if (str_eq(template, "@file"))
		return reply_file(r, value, &e) < 0 ? reply_error(r, &e) : 0;
	if (r->fault)
		status = r->fault_status;
	return reply_template(r, template, status, value);
}

int page_reply_error(struct request *r, const struct err *e)
{
	_cleanup_json_ json_t *problem = json_problem(e);
	struct err other = { 0 };

	if (r->form && !r->fault && !r->plan) {
		r->fault = json_incref(problem);
		r->fault_status = err_http_status(e->kind);
		if (show_form_page(r, &other) == 0)
			return 0;
	}
	return reply_template(r, "error", err_http_status(e->kind), problem);
}

/*
 * Rows without a JSON counterpart.
 */

int page_root(struct request *r, struct err *e)
{
	if (r->visitor.role == ROLE_ANYONE)
		return reply_see_other(r, "/sign-in");
	return reply_see_other(r, r->visitor.role == ROLE_ADMIN && setup_is_under_way(r) ? SETUP_PATH : "/overview");
}

int page_settings(struct request *r, struct err *e)
{
	json_t *page = json_object();

	json_object_set_new(page, "groups", json_deep_copy(r->webui->settings->shown));
	return reply_json(r, 200, page);
}

static const char *type_of(const char *name)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_ends(name, types[i].end))
			return types[i].type;
	return "text/plain; charset=utf-8";
}

int page_static(struct request *r, struct err *e)
{
	_cleanup_(files_release) struct files files = { .directory = r->webui->settings->develop };
	_cleanup_free_ char *name = xasprintf("static/%s", params_get(&r->path, "file"));
	const char *text = files_get(&files, name), *known = request_header(r, "If-None-Match");
	unsigned char digest[SHA256_SIZE];
	_cleanup_free_ char *hex = NULL, *etag = NULL;

	if (!text)
		return err_set(e, ERR_MISSING, "there is no such file");
	sha256(text, strlen(text), digest);
	hex = hex_str(digest, 8);
	etag = xasprintf("\"%s\"", hex);
	reply_header(r, "ETag", etag);
	/* Asked for again, which is cheap, so an update shows at once. */
	reply_header(r, "Cache-Control", "private, no-cache");
	if (str_eq(known, etag))
		return reply_empty(r, 304);
	return reply(r, 200, type_of(name), slice_str(text));
}
