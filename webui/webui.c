/* The glue to evhttp: one request in, one answer out, and the limits of both. */
#include "webui/webui.h"

#include <sys/queue.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "base/log.h"
#include "base/metric.h"
#include "webui/admin.h"
#include "webui/consumer.h"
#include "webui/form.h"
#include "webui/page.h"
#include "webui/request.h"
#include "webui/session.h"
#include "webui/sign_in.h"
#include "webui/tally.h"
#include "webui/view.h"

#define IDLE_SECONDS 30
#define NOT_READY "mustChange"	/* code of the error: something about oneself comes first */
#define STREAM_MS 500
#define STREAMS_MOST 100	/* a thread; each looks into the store twice a second */
#define ALL_METHODS 0xffff	/* what we do not offer is refused by us, not by evhttp */

struct face {
	struct webui *webui;
	enum webui_face which;
	struct face *next;
};

size_t webui_body_most(enum webui_face face)
{
	return face == FACE_CONTROL ? 1024 * 1024 : 64 * 1024;
}

static enum method method_of(enum evhttp_cmd_type type)
{
	switch (type) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD:
		return METHOD_GET;
	case EVHTTP_REQ_POST:
		return METHOD_POST;
	case EVHTTP_REQ_DELETE:
		return METHOD_DELETE;
	default:
		return METHOD_OTHER;
	}
}

/*
 * Requests.
 */

static void release_state(struct request *r)
{
	if (r->state_release)
		r->state_release(r->state);
	free(TAKE(r->state));
	r->state_release = NULL;
}

static void request_free(struct request *r)
{
	struct request **link = &r->webui->requests;

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	r->webui->streams -= r->stream != NULL;
	timer_stop(&r->next_event);
	release_state(r);
	params_release(&r->path);
	cleanup_body(&r->form);
	json_decref(r->fault);
	json_decref(r->plan);
	free(r->page);
	free(r->page_query);
	visitor_release(&r->visitor);
	free(r);
}

const char *request_header(const struct request *r, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(r->ev), name);
}

struct slice request_body(const struct request *r)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(r->ev);
	size_t len = evbuffer_get_length(body);

	return slice(len ? (const void *)evbuffer_pullup(body, -1) : "", len);
}

static const char *query_of(const struct request *r)
{
	return r->page ? r->page_query : evhttp_uri_get_query(evhttp_request_get_evhttp_uri(r->ev));
}

const char *request_path(const struct request *r)
{
	const char *path = r->page ? r->page : evhttp_uri_get_path(evhttp_request_get_evhttp_uri(r->ev));

	return path ? path : "";
}

char *request_here(const struct request *r)
{
	const char *query = query_of(r);

	return xasprintf("%s%s%s", request_path(r), query ? "?" : "", query ? query : "");
}

int request_query(const struct request *r, struct params *params, struct err *e)
{
	const char *query = query_of(r);

	return query ? params_parse(params, query, strlen(query), e) : 0;
}

int request_form(const struct request *r, struct params *params, struct err *e)
{
	struct slice body = request_body(r);

	return params_parse(params, body.data, body.len, e);
}

int request_socket(const struct request *r)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(r->ev);

	return connection ? bufferevent_getfd(evhttp_connection_get_bufferevent(connection)) : -1;
}

const char *request_proof(const struct request *r)
{
	return r->visitor.admin ? KEEPER_PROOF_PEER : r->visitor.proof;
}

int request_proof_socket(const struct request *r)
{
	return r->visitor.admin ? request_socket(r) : -1;
}

void *request_state(struct request *r, size_t size, void (*release)(void *))
{
	release_state(r);
	r->state = xcalloc(1, size);
	r->state_release = release;
	return r->state;
}

static void keeper_answered(void *arg, const struct keeper_answer *a)
{
	struct request *r = arg;
	struct err e = { 0 };

	r->question = NULL;
	if (a->err)
		reply_error(r, a->err);
	else if (r->answered(r, a->field, &e) < 0)
		reply_error(r, &e);
}

int request_ask(struct request *r, enum keeper_op op, const struct slice *fields, size_t count, int proof_fd,
		answer_fn *answered)
{
	r->answered = answered;
	r->question = keeper_ask(r->webui->keeper, op, fields, count, proof_fd, keeper_answered, r);
	return 0;
}

/*
 * Answers.
 */

void reply_header(struct request *r, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(r->ev), name, value);
}

/* A page loads nothing from elsewhere, runs no script but ours, is in nobody's frame and tells nobody where it was. */
static void protect(struct request *r)
{
	reply_header(r, "Content-Security-Policy",
		     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
		     "form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
	reply_header(r, "Referrer-Policy", "same-origin");
	reply_header(r, "X-Frame-Options", "DENY");
	reply_header(r, "Cross-Origin-Opener-Policy", "same-origin");
	reply_header(r, "Cross-Origin-Resource-Policy", "same-origin");
	reply_header(r, "Permissions-Policy", "camera=(), geolocation=(), microphone=()");
}

static void count_answer(int status)
{
	metric_add(status < 300 ? METRIC_requests_2xx : status < 400 ? METRIC_requests_3xx :
		   status < 500 ? METRIC_requests_4xx : METRIC_requests_5xx, 1);
}

int reply(struct request *r, int status, const char *type, struct slice body)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(r->ev);
	char length[24];

	if (type) {
		snprintf(length, sizeof(length), "%zu", body.len);
		reply_header(r, "Content-Type", type);
		reply_header(r, "Content-Length", length);
		reply_header(r, "X-Content-Type-Options", "nosniff");
	}
	if (r->html || (r->route && str_starts(r->route->path, "/static/")))
		protect(r);
	if (!evhttp_find_header(evhttp_request_get_output_headers(r->ev), "Cache-Control"))
		reply_header(r, "Cache-Control", "no-store");
	if (type && !r->head)
		evbuffer_add(out, body.data, body.len);
	count_answer(status);
	evhttp_send_reply(r->ev, status, NULL, NULL);
	request_free(r);
	return 0;
}

int reply_text(struct request *r, int status, const char *text)
{
	return reply(r, status, "text/plain; charset=utf-8", slice_str(text));
}

int reply_json(struct request *r, int status, json_t *value)
{
	_cleanup_json_ json_t *owned = value;
	_cleanup_wipe_ char *text = NULL;

	if (r->html)
		return page_reply(r, status, owned);
	text = json_write(owned);
	return reply(r, status, "application/json", slice_str(text));
}

int reply_see_other(struct request *r, const char *path)
{
	reply_header(r, "Location", path);
	return reply_empty(r, 303);
}

int reply_empty(struct request *r, int status)
{
	return reply(r, status, NULL, slice(NULL, 0));
}

/*
 * Streams.  A page that looked away is noticed when nothing can be sent to it: evhttp has then taken the connection from
 * the request.
 */

static void send_event(void *arg)
{
	struct request *r = arg;
	struct buf text = BUF_INIT;
	bool gone = !evhttp_request_get_connection(r->ev), over = gone || r->stream(r, &text);
	struct evbuffer *chunk = evbuffer_new();

	if (!chunk)
		die("out of memory for a buffer");
	if (!gone && text.len) {
		evbuffer_add(chunk, text.data, text.len);
		evhttp_send_reply_chunk(r->ev, chunk);
	}
	evbuffer_free(chunk);
	buf_release(&text);
	if (!over) {
		timer_start(&r->next_event, r->webui->loop, STREAM_MS, send_event, r);
		return;
	}
	evhttp_send_reply_end(r->ev);
	request_free(r);
}

int reply_stream(struct request *r, int (*more)(struct request *, struct buf *), struct err *e)
{
	if (r->webui->streams >= STREAMS_MOST)
		return err_set(e, ERR_LIMIT, "too many watch already: ask for it again and again instead");
	reply_header(r, "Content-Type", "text/event-stream");
	reply_header(r, "X-Content-Type-Options", "nosniff");
	reply_header(r, "Cache-Control", "no-store");
	if (r->head)
		return reply_empty(r, 200);
	r->stream = more;
	r->webui->streams++;
	evhttp_send_reply_start(r->ev, 200, NULL);
	timer_start(&r->next_event, r->webui->loop, 0, send_event, r);
	return 0;
}

static bool wants_problem(const struct request *r)
{
	const char *accept = request_header(r, "Accept");

	return r->visitor.role != ROLE_ANYONE || (r->route && r->route->role >= ROLE_GUEST) ||
	       (accept && (strstr(accept, "application/problem+json") || strstr(accept, "application/json")));
}

/* What went wrong inside is for the log and for admins. */
static struct err public_error(const struct request *r, const struct err *e)
{
	struct err shown = *e;

	if (err_http_status(e->kind) < 500)
		return shown;
	log_err(LOG_LEVEL_ERROR, e);
	if (r->visitor.role != ROLE_ADMIN)
		err_set(&shown, e->kind, "the server could not do it; its log says why");
	return shown;
}

/* Where a browser must go first.  NULL: nowhere. */
static const char *first_to(const struct request *r, const struct err *e)
{
	if (e->kind == ERR_AUTH && r->visitor.role == ROLE_ANYONE && r->route->page != page_sign_in)
		return "/sign-in";
	return str_eq(e->code, ADMIN_UNCONFIRMED) && *r->visitor.session ? "/me/confirm" : NULL;
}

/* A form that can ask for the password itself is shown again, with what was typed: its proof was none, or is over. */
static bool asks_itself(struct request *r, struct err *e)
{
	if (!str_eq(e->code, ADMIN_UNCONFIRMED) || !view_form_asks(form_text(r, "_form")))
		return false;
	*r->visitor.proof = '\0';
	err_field(e, SIGN_IN_PASSWORD);
	return true;
}

/* True: it was sent there. */
static bool wants_person(struct request *r, const struct err *e)
{
	const char *first = first_to(r, e);
	_cleanup_free_ char *next = NULL, *path = NULL;

	if (str_eq(e->code, NOT_READY))
		return reply_see_other(r, "/me"), true;
	if (!first)
		return false;
	next = r->route->method == METHOD_GET ? request_here(r) : xstrdup(form_text(r, "_page") ? form_text(r, "_page") : "/");
	path = params_link(first, "next", next);
	reply_see_other(r, path);
	return true;
}

int reply_error(struct request *r, const struct err *e)
{
	struct err shown = public_error(r, e);
	int status = err_http_status(e->kind);
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *problem = NULL;

	if (r->html && !asks_itself(r, &shown) && wants_person(r, e))
		return 0;
	if (r->html)
		return page_reply_error(r, &shown);
	if (status == 401)
		reply_header(r, "WWW-Authenticate", r->route && r->route->role == ROLE_APIKEY ? "apiKey" : "Bearer");
	if (wants_problem(r)) {
		problem = json_problem(&shown);
		text = json_write(problem);
		return reply(r, status, "application/problem+json", slice_str(text));
	}
	text = xasprintf("%s.%s%s\n", shown.message, *shown.hint ? " " : "", shown.hint);
	return reply_text(r, status, text);
}

/*
 * From evhttp to the handler and back.
 */

/* No word about what runs here. */
static int refuse(struct request *r)
{
	return reply_text(r, 403, "Forbidden\n");
}

/* Our name, never the one the client asked for: that would send people anywhere. */
static int redirect(struct request *r)
{
	const struct webui_settings *s = r->webui->settings;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r->ev);
	const char *path = evhttp_uri_get_path(uri), *query = evhttp_uri_get_query(uri);
	_cleanup_free_ char *port = s->https_port == 443 ? xstrdup("") : xasprintf(":%d", s->https_port);
	_cleanup_free_ char *location =
		xasprintf("https://%s%s%s%s%s", s->hostname, port, path && *path == '/' ? path : "/", query ? "?" : "",
			  query ? query : "");

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

static bool is_about_self(const struct route *route)
{
	return str_starts(route->path, "/api/v1/me") || str_starts(route->path, "/me/") || str_eq(route->path, "/api/v1/sign-out");
}

/* What somebody who has signed in must do before anything else. */
static int check_ready(const struct request *r, const struct route *route, struct err *e)
{
	const struct visitor *v = &r->visitor;

	if (route->role <= ROLE_GUEST || !*v->session || is_about_self(route))
		return 0;
	if (v->must_change)
		err_set(e, ERR_DENIED, "your password is somebody else's choice: change it first");
	else if (r->webui->settings->app_required && !v->has_app)
		err_set(e, ERR_DENIED, "signing in takes a code of an app here: set one up first");
	else
		return 0;
	return err_code(e, NOT_READY);
}

/* For one who may know that it is there: -1 and why not. */
static int check_visitor(struct request *r, enum method method, const struct match *m, struct err *e)
{
	enum role role = r->route->role;

	if (!gate_lets_in(&r->visitor, role, r->webui->settings))
		return r->visitor.role == ROLE_ANYONE ? err_set(e, ERR_AUTH, "sign in first") :
			err_set(e, ERR_DENIED, "this is for the role %s; yours is %s", role_word(role), role_word(r->visitor.role));
	if (!m->route) {
		_cleanup_free_ char *allow = router_methods(m->path);

		reply_header(r, "Allow", allow);
		return err_set(e, ERR_METHOD, "this is for %s only", allow);
	}
	if (!gate_allows(&r->visitor, m->route))
		return err_set(e, ERR_DENIED, "this token was not made for that");
	if (check_ready(r, m->route, e) < 0)
		return -1;
	return role >= ROLE_GUEST && method != METHOD_GET ? session_check_form(r, e) : 0;
}

int request_show(struct request *r, const char *path, const char *query, struct err *e)
{
	struct match m;

	router_find(&m, METHOD_GET, path);
	if (!m.route || !m.html || !gate_lets_in(&r->visitor, m.route->role, r->webui->settings) ||
	    !gate_allows(&r->visitor, m.route) || check_ready(r, m.route, e) < 0) {
		match_release(&m);
		return err_set(e, ERR_MISSING, "there is no such page");
	}
	release_state(r);
	params_release(&r->path);
	r->path = m.params;
	r->route = m.route;
	free(r->page);
	r->page = xstrdup(path);
	free(r->page_query);
	r->page_query = query ? xstrdup(query) : NULL;
	return m.route->page(r, e);
}

/* From the gate to the handler, for one who may know that it is there. */
static int attend(struct request *r, enum method method, const char *path, struct match *m, struct err *e)
{
	if (r->route->role >= ROLE_GUEST && session_find(r, e) < 0)
		return -1;
	if (take_form(r, path, &method, m, e) < 0 || check_visitor(r, method, m, e) < 0 || form_check_confirmed(r, e) < 0)
		return -1;
	return sign_in_is_wanted(r) ? sign_in_first(r, m->route->page, e) : m->route->page(r, e);
}

static void serve(struct request *r, enum method method, const char *path)
{
	struct match m;
	struct err e = { 0 };

	router_find(&m, method, path);
	r->path = m.params;
	r->html = m.html && !wants_json(r);
	r->route = m.route ? m.route : m.path;
	if (!m.path || !gate_admits(&r->visitor, r->route->role, r->webui->settings))
		turn_away(r, method, m.path);
	else if (attend(r, method, path, &m, &e) < 0)
		e.kind == ERR_AUTH && r->route->role > ROLE_APIKEY && !gate_knows(&r->visitor, r->webui->settings) ?
			refuse(r) :
			reply_error(r, &e);
}

/* All of them in one, in order: what a proxy adds may stand in a header of its own.  Owned. */
static char *forwarded_for(struct evhttp_request *ev)
{
	struct buf all = BUF_INIT;
	const struct evkeyval *header;

	TAILQ_FOREACH(header, evhttp_request_get_input_headers(ev), next)
		if (!strcasecmp(header->key, "X-Forwarded-For"))
			buf_addf(&all, "%s%s", all.len ? "," : "", header->value);
	return buf_detach(&all);
}

/*
 * May what follows on this connection be read as the next request?  Not if somebody between us and the client
 * could see the end of this one elsewhere than evhttp, which knows "chunked" alone, and a body of some methods only.
 */
static bool is_framed(struct evhttp_request *ev)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(ev);
	const char *encoding = evhttp_find_header(headers, "Transfer-Encoding");
	const char *length = evhttp_find_header(headers, "Content-Length");

	switch (evhttp_request_get_command(ev)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_POST:
	case EVHTTP_REQ_PUT:
	case EVHTTP_REQ_PATCH:
	case EVHTTP_REQ_DELETE:
	case EVHTTP_REQ_OPTIONS:
		return !encoding || (!strcasecmp(encoding, "chunked") && !length);
	default:
		return !encoding && (!length || !strcmp(length, "0"));
	}
}

static void say_goodbye(struct evhttp_connection *connection, void *arg)
{
	bufferevent_flush(evhttp_connection_get_bufferevent(connection), EV_WRITE, BEV_FINISHED);
}

static struct request *request_new(struct webui *w, struct evhttp_request *ev, enum webui_face face)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(ev);
	_cleanup_free_ char *forwarded = forwarded_for(ev);
	struct request *r = xcalloc(1, sizeof(*r));

	*r = (struct request){ .webui = w, .ev = ev, .next = w->requests };
	w->requests = r;
	r->head = evhttp_request_get_command(ev) == EVHTTP_REQ_HEAD;
	gate_visitor(&r->visitor, face, evhttp_connection_get_addr(connection), request_socket(r), forwarded,
		     w->settings);
	gate_visitor_text(&r->visitor, r->from);
	r->visitor.bearer = session_token(r);
	evhttp_connection_set_closecb(connection, say_goodbye, NULL);
	return r;
}

static void on_request(struct evhttp_request *ev, void *arg)
{
	struct face *f = arg;
	struct request *r = request_new(f->webui, ev, f->which);
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(ev));

	if (is_framed(ev)) {
		serve(r, method_of(evhttp_request_get_command(ev)), path ? path : "");
	} else {
		reply_header(r, "Connection", "close");
		reply_text(r, 400, "Bad Request\n");
	}
}

void webui_attach(struct webui *w, struct evhttp *http, enum webui_face which)
{
	struct face *f = xcalloc(1, sizeof(*f));

	*f = (struct face){ .webui = w, .which = which, .next = w->faces };
	w->faces = f;
	evhttp_set_allowed_methods(http, ALL_METHODS);
	evhttp_set_max_headers_size(http, WEBUI_HEADER_MOST);
	evhttp_set_max_body_size(http, (ssize_t)webui_body_most(which));
	evhttp_set_timeout(http, IDLE_SECONDS);
	evhttp_set_default_content_type(http, NULL);
	evhttp_set_gencb(http, on_request, f);
}

struct webui *webui_new(struct loop *loop, struct keeper_client *keeper, const struct webui_env *env,
			const struct webui_settings *settings)
{
	struct webui *w = xcalloc(1, sizeof(*w));

	*w = (struct webui){ .loop = loop, .keeper = keeper, .env = env, .settings = settings };
	w->consumers = consumers_new(loop, env->store);
	w->tally = tally_new();
	return w;
}

void webui_configure(struct webui *w, const struct webui_settings *settings)
{
	w->settings = settings;
}

bool webui_idle(const struct webui *w)
{
	for (const struct request *r = w->requests; r; r = r->next)
		if (!r->stream)
			return false;
	return true;
}

void webui_free(struct webui *w)
{
	if (!w)
		return;
	while (w->requests) {	/* evhttp's side of them is gone */
		if (w->requests->question)
			keeper_cancel(w->requests->question);
		request_free(w->requests);
	}
	while (w->faces) {
		struct face *f = w->faces;

		w->faces = f->next;
		free(f);
	}
	consumers_free(w->consumers);
	tally_free(w->tally);
	free(w);
}
