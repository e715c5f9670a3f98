#include "webui/reply.h"

#include <event2/buffer.h>
#include <event2/http.h>

#include "base/log.h"
#include "base/metric.h"
#include "webui/first.h"
#include "webui/page.h"
#include "webui/request.h"

#define STREAM_MS 500
#define STREAMS_MOST 100	/* a thread; each looks into the store twice a second */

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
 * Streams.  A page that looked away is noticed when nothing can be sent to it: evhttp has then taken the connection
 * from the request.
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

/*
 * What went wrong.
 */

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

int reply_error(struct request *r, const struct err *e)
{
	struct err shown = public_error(r, e);
	int status = err_http_status(e->kind);
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *problem = NULL;

	if (r->html && first_send(r, &shown))
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
