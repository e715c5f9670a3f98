#include "webui/attend.h"

#include "webui/first.h"
#include "webui/form.h"
#include "webui/session.h"
#include "webui/sign_in.h"

/* No word about what runs here. */
static int refuse(struct request *r)
{
	return reply_text(r, 403, "Forbidden\n");
}

/* Our name, never the one the client asked for: that would send people anywhere. */
static int redirect(struct request *r)
{
	const struct webui_settings *s = r->webui->settings;
	_cleanup_free_ char *port = s->https_port == 443 ? xstrdup("") : xasprintf(":%d", s->https_port);
	_cleanup_free_ char *here = request_here(r), *location = NULL;
	const char *path = request_path(r), *query = here + strlen(path);	/* with its question mark */

	location = xasprintf("https://%s%s%s%s", s->hostname, port, *path == '/' ? path : "/", query);
	reply_header(r, "Location", location);
	return reply_empty(r, 308);
}

/* What is not served to this visitor, on this face. */
static int turn_away(struct request *r, enum method method, bool exists)
{
	const struct webui_settings *settings = r->webui->settings;
	struct err e = { 0 };

	if (!gate_knows(&r->visitor, settings))
		return refuse(r);
	if (r->visitor.face == FACE_HTTP)
		return settings->https_port && method == METHOD_GET ? redirect(r) : refuse(r);
	if (exists)
		return refuse(r);
	err_set(&e, ERR_MISSING, "there is nothing here");
	return reply_error(r, &e);
}

static bool wants_json(const struct request *r)
{
	const char *accept = request_header(r, "Accept");

	return accept && str_starts(accept, "application/json");
}

/* A form may say that it means DELETE. */
static enum method meant_by_form(const struct request *r, enum method method)
{
	return method == METHOD_POST && str_eq(form_text(r, "_method"), "DELETE") ? METHOD_DELETE : method;
}

/* The form, if there is one; and what it means. */
static int take_form(struct request *r, const char *path, enum method *method, struct match *m, struct err *e)
{
	enum method meant;

	if (!r->html || *method != METHOD_POST)
		return 0;
	if (form_read(r, e) < 0)
		return -1;
	meant = meant_by_form(r, *method);
	if (meant == *method)
		return 0;
	*method = meant;
	params_release(&r->path);
	router_find(m, meant, path);
	r->path = m->params;
	r->route = m->route ? m->route : m->path;
	return 0;
}

/* For one who may know that it is there: -1 and why not. */
static int check_visitor(struct request *r, enum method method, const struct match *m, struct err *e)
{
	enum role role = r->route->role;

	if (!gate_lets_in(&r->visitor, role, r->webui->settings))
		return r->visitor.role == ROLE_ANYONE ? err_set(e, ERR_AUTH, "sign in first") :
							err_set(e, ERR_DENIED, "this is for the role %s; yours is %s",
								role_word(role), role_word(r->visitor.role));
	if (!m->route) {
		_cleanup_free_ char *allow = router_methods(m->path);

		reply_header(r, "Allow", allow);
		return err_set(e, ERR_METHOD, "this is for %s only", allow);
	}
	if (!gate_allows(&r->visitor, m->route))
		return err_set(e, ERR_DENIED, "this token was not made for that");
	if (first_check(r, m->route, e) < 0)
		return -1;
	return role >= ROLE_GUEST && method != METHOD_GET ? session_check_form(r, e) : 0;
}

/* For one who may know that it is there. */
static int handle(struct request *r, enum method method, const char *path, struct match *m, struct err *e)
{
	if (r->route->role >= ROLE_GUEST && session_find(r, e) < 0)
		return -1;
	if (take_form(r, path, &method, m, e) < 0 || check_visitor(r, method, m, e) < 0 ||
	    form_check_confirmed(r, e) < 0)
		return -1;
	return sign_in_is_wanted(r) ? sign_in_first(r, m->route->page, e) : m->route->page(r, e);
}

void attend(struct request *r, enum method method, const char *path)
{
	struct match m;
	struct err e = { 0 };

	router_find(&m, method, path);
	r->path = m.params;
	r->html = m.html && !wants_json(r);
	r->route = m.route ? m.route : m.path;
	if (!m.path || !gate_admits(&r->visitor, r->route->role, r->webui->settings))
		turn_away(r, method, m.path);
	else if (handle(r, method, path, &m, &e) < 0)
		e.kind == ERR_AUTH && r->route->role > ROLE_APIKEY && !gate_knows(&r->visitor, r->webui->settings) ?
			refuse(r) :
			reply_error(r, &e);
}

int request_show(struct request *r, const char *path, const char *query, struct err *e)
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
