/* The glue to evhttp: requests as they come in, and the limits of both.  Answers go out in reply.c. */
#include "webui/webui.h"

#include <sys/queue.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "webui/attend.h"
#include "webui/body.h"
#include "webui/consumer.h"
#include "webui/session.h"
#include "webui/tally.h"

#define IDLE_SECONDS 30
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

void request_forget(struct request *r)
{
	if (r->state_release)
		r->state_release(r->state);
	free(TAKE(r->state));
	r->state_release = NULL;
}

void request_free(struct request *r)
{
	struct request **link = &r->webui->requests;

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	r->webui->streams -= r->stream != NULL;
	timer_stop(&r->next_event);
	request_forget(r);
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
	request_forget(r);
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
		attend(r, method_of(evhttp_request_get_command(ev)), path ? path : "");
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

void webui_end_streams(struct webui *w)
{
	struct request *next;

	for (struct request *r = w->requests; r; r = next) {
		next = r->next;
		if (!r->stream)
			continue;
		evhttp_send_reply_end(r->ev);	/* frees one whose page has gone: nobody else would */
		request_free(r);
	}
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
