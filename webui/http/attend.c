/*
 * One request from the gate to its handler: what is not for this visitor is turned away, with as many words as the
 * visitor may hear; what a browser's form means is found out; then the handler of the row in routes.def answers.
 */
#include "webui/gate/csrf.h"
#include "webui/gate/first.h"
#include "webui/gate/refusal.h"
#include "webui/http/face.h"
#include "webui/http/session.h"
#include "webui/page/form.h"
#include "webui/people/sign_in.h"
#include "webui/webui.h"

/* No word about what runs here. */
static int refuse(struct request *r)
{
	return reply_text(r, 403, "Forbidden\n");
}

/* Our name, never the one the client asked for: that would send people anywhere. */
static int redirect(struct request *r)
{
	_cleanup_free_ char *server = request_server(r), *here = request_here(r), *location = NULL;
	const char *path = request_path(r), *query = here + strlen(path);	/* with its question mark */

	location = xasprintf("%s%s%s", server, *path == '/' ? path : "/", query);
	reply_header(r, "Location", location);
	return reply_empty(r, 308);
}

/* For a browser that is a page, with the menu of whoever is signed in: as if it were an error of the overview. */
static int nothing_here(struct request *r, enum method method, const char *path)
{
	const char *accept = request_header(r, HTTP_accept);
	struct err e = { 0 };
	struct match m;

	if (method == METHOD_GET && accept && strstr(accept, "text/html") && !str_starts(path, "/api/")) {
		router_find(&m, METHOD_GET, "/overview");
		params_release(&r->path);
		r->path = m.params;
		r->route = m.route;
		r->html = true;
		session_find(r, &e);	/* nobody is signed in: fine */
	}
	r->api = str_starts(path, "/api/v1/");
	err_set(&e, ERR_MISSING, r->api ? "this path does not exist" : "this page does not exist");
	return reply_error(r, &e);
}

/* What is not served to this visitor, on this face. */
static int turn_away(struct request *r, enum method method, const char *path, bool exists)
{
	const struct webui_settings *settings = r->webui->settings;
	bool known = gate_knows(&r->visitor, settings);

	if (known && r->visitor.face == FACE_HTTP)
		return settings->https_port && method == METHOD_GET ? redirect(r) : refuse(r);
	if (known && !exists)
		return nothing_here(r, method, path);
	if (exists)
		refusal_tell(r->webui->refusals, r->route, &r->visitor, r->from);
	return refuse(r);
}

static bool wants_json(const struct request *r)
{
	const char *accept = request_header(r, HTTP_accept);

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

	if (!gate_lets_in(&r->visitor, role, r->webui->settings)) {
		if (r->visitor.role == ROLE_ANYONE)
			return err_set(e, ERR_AUTH, "sign in first");
		err_set(e, ERR_DENIED, "this is for the role %s; yours is %s", role_word(role),
			role_word(r->visitor.role));
		return err_hint(e, "Ask an administrator to do this, or to change your role.");
	}
	if (!m->route) {
		_cleanup_free_ char *allow = router_methods(m->path);

		reply_header(r, "Allow", allow);
		return err_set(e, ERR_METHOD, "this is for %s only", allow);
	}
	if (!gate_allows(&r->visitor, m->route)) {
		err_set(e, ERR_DENIED, "this token was not made for that");
		return err_hint(e, "Use a token with this action, or one without a limit on actions.");
	}
	if (first_check(r, m->route, e) < 0)
		return -1;
	return role >= ROLE_GUEST && method != METHOD_GET ? csrf_check(r, e) : 0;
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

/* What a form means is in it: it may be DELETE. */
static bool changes(const struct match *m, enum method method)
{
	return m->route ? m->route->effect == EFFECT_CHANGE : method == METHOD_POST && m->html;
}

/* Is it another node's to answer? */
static bool leaves(struct request *r, const struct match *m, enum method method)
{
	struct webui *w = r->webui;

	if (!w->take || !changes(m, method) || !w->take(w->elsewhere, r->exchange))
		return false;
	request_free(r);
	return true;
}

static void find_route(struct request *r, struct match *m, enum method method, const char *path)
{
	router_find(m, method, path);
	r->path = m->params;
	r->html = m->html && !wants_json(r);
	r->route = m->route ? m->route : m->path;
}

static void attend(struct request *r, enum method method, const char *path)
{
	struct match m;
	struct err e = { 0 };

	find_route(r, &m, method, path);
	if (!m.path || !gate_admits(&r->visitor, r->route->role, r->webui->settings))
		turn_away(r, method, path, m.path);
	else if (!leaves(r, &m, method) && handle(r, method, path, &m, &e) < 0)
		e.kind == ERR_AUTH && r->route->role > ROLE_APIKEY && !gate_knows(&r->visitor, r->webui->settings) ?
			refuse(r) :
			reply_error(r, &e);
}

static struct request *request_new(struct webui *w, struct http_exchange *x)
{
	struct request *r = xcalloc(1, sizeof(*r));

	*r = (struct request){ .webui = w, .exchange = x, .next = w->requests, .head = x->request->head };
	w->requests = r;
	store_task(w->env->store, 0);
	gate_visitor(&r->visitor, x->request, w->settings);
	gate_visitor_text(&r->visitor, r->from);
	r->visitor.bearer = session_token(r);
	return r;
}

void webui_attend(void *webui, struct http_exchange *x)
{
	attend(request_new(webui, x), x->request->method, http_path(x->request));
}

void webui_refuse(void *webui, struct http_exchange *x, const struct err *e)
{
	struct request *r = request_new(webui, x);
	struct match m;
	struct err ignored = { 0 };

	find_route(r, &m, x->request->method, http_path(x->request));
	session_find(r, &ignored);	/* for the page's menu */
	if (r->html && x->request->method == METHOD_POST)
		form_read(r, &ignored);	/* it is shown again, as it was typed */
	reply_error(r, e);
}
