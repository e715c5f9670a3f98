#include "daemon/front/exchange.h"

#include <poll.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "daemon/front/turn.h"

#define TOKEN_MOST 256
#define STREAM_UNSENT_MOST 65536	/* bytes: whoever does not take that many is gone */
#define API " /api/v1/"		/* behind the method */
#define PLAIN_HEADERS "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"

#define PAGE_POLICY "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
#define PAGE_HEADERS "Content-Security-Policy: " PAGE_POLICY "\r\n"

struct exchanges {
	struct answering answering;
	struct buf key_auth;
	char date[HTTP_DATE_SIZE];
	int64_t date_of;
};

/* A request that somebody else is answering, with a copy of its text. */
struct pending {
	struct http_exchange exchange;
	struct http_request request;
	struct conn *conn;		/* NULL: it is gone */
	size_t size;
	char text[];			/* so much; and NUL */
};

static const char *date_now(struct exchanges *all)
{
	int64_t now = clock_now();

	if (now != all->date_of)
		http_date(all->date, now);
	all->date_of = now;
	return all->date;
}

static void count(int status)
{
	metric_add(status < 300 ? METRIC_requests_2xx : status < 400 ? METRIC_requests_3xx :
		   status < 500 ? METRIC_requests_4xx : METRIC_requests_5xx, 1);
}

static void write_answer(struct conn *c, const struct http_request *r, const struct http_answer *a, bool parts)
{
	const struct http_framing framing = {
		.minor = r->minor, .keeps = r->keeps && !parts && !turn_is_last(c), .head = r->head, .parts = parts,
		.date = date_now(c->arg), .fields = c->headers,
	};

	http_write(&c->out, a, &framing);
	c->ending |= !framing.keeps;
	count(a->status);
}

static void write_typed(struct conn *c, int status, const char *type, const char *headers, const char *text)
{
	const struct http_answer answer = {
		.status = status, .type = type, .fields = slice_str(headers), .body = slice_str(text),
	};

	write_answer(c, &c->request, &answer, false);
}

static void write_text(struct conn *c, int status, const char *headers, const char *text)
{
	write_typed(c, status, "text/plain; charset=utf-8", headers, text);
}

/* Nobody has read where a refused request leads, so its text is looked at. */
static bool is_for_api(const struct conn *c)
{
	const char *text = c->in.data + c->used, *end = c->in.data + c->in.len,
		   *blank = memchr(text, ' ', (size_t)(end - text));

	return blank && (size_t)(end - blank) >= strlen(API) && !memcmp(blank, API, strlen(API));
}

/* RFC 9457, as all answers of the API that are no success. */
static void write_problem(struct conn *c, int status, const char *sentence)
{
	struct err e = { 0 };
	_cleanup_json_ json_t *problem = NULL;
	_cleanup_free_ char *text = NULL;

	err_set(&e, ERR_USAGE, "%s", sentence);
	problem = json_problem(&e);
	json_put_int(problem, "status", status);
	text = json_write(problem);
	write_typed(c, status, "application/problem+json", PLAIN_HEADERS, text);
}

/* What has come of the request says that a person looks. */
static bool is_for_browser(const struct conn *c)
{
	const char *text = c->in.data + c->used;

	return c->face == FACE_HTTPS && memmem(text, c->in.len - c->used, "text/html", strlen("text/html"));
}

/* A page of its own, as nobody has looked who asks: it tells nothing of what runs here. */
static void write_page(struct conn *c, int status, const char *sentence)
{
	_cleanup_free_ char *page = xasprintf(
		"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Not taken</title>"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
		"<meta name=\"color-scheme\" content=\"light dark\">"
		"<style>body { font: 1rem/1.5 system-ui, sans-serif; "
		"max-width: 36rem; margin: 15vh auto; padding: 1rem }"
		"</style></head>\n"
		"<body><main><h1>Not taken</h1>\n<p>%s</p>\n"
		"<p>Nothing was changed. Go back, and %s.</p></main></body></html>\n",
		sentence, status == 413 ? "send a shorter text or a smaller file" : "try again");

	write_typed(c, status, "text/html; charset=utf-8", PLAIN_HEADERS PAGE_HEADERS, page);
}

static void exchange_refuse(struct conn *c, enum http_refusal refusal)
{
	_cleanup_free_ char *text = xasprintf("%s\n", http_refusal_text(refusal));
	int status = http_refusal_status(refusal);
	char from[ADDRESS_TEXT];

	log_debug("refused a request from %s: %s", address_host(from, &c->request.peer), http_refusal_text(refusal));
	c->request.keeps = false;
	c->lingers = true;
	if (is_for_api(c))
		write_problem(c, status, http_refusal_text(refusal));
	else if (is_for_browser(c))
		write_page(c, status, http_refusal_text(refusal));
	else
		write_text(c, status, PLAIN_HEADERS, text);
}

/*
 * Challenges: everybody may ask, on every face (RFC 8555 section 8.3).
 */

static bool find_challenge(struct exchanges *all, struct slice token)
{
	char text[TOKEN_MOST + 1];

	if (!token.len || token.len > TOKEN_MOST)
		return false;
	memcpy(text, token.data, token.len);
	text[token.len] = '\0';
	buf_clear(&all->key_auth);
	return base64url_is(text) && challenges_find(all->answering.challenges, text, &all->key_auth);
}

static void answer_challenge(struct conn *c, struct slice token)
{
	struct http_answer answer = { .status = 200, .type = "text/plain", .fields = slice_str(PLAIN_HEADERS) };
	struct exchanges *all = c->arg;

	if (c->request.method != METHOD_GET) {
		write_text(c, 405, "Allow: GET, HEAD\r\n" PLAIN_HEADERS, "Only GET and HEAD are offered here.\n");
	} else if (find_challenge(all, token)) {
		metric_add(METRIC_challenges, 1);
		answer.body = slice_buf(&all->key_auth);
		write_answer(c, &c->request, &answer, false);
	} else {
		write_text(c, 404, PLAIN_HEADERS, "There is no such challenge.\n");
	}
}

/*
 * All others.
 */

/* Its exchange is the first in it. */
static struct pending *pending_of(struct http_exchange *x)
{
	return (struct pending *)x;
}

static void pending_free(struct pending *p)
{
	if (p->conn) {
		p->conn->pending = NULL;
		p->conn->streams = false;
	}
	wipe(p->text, p->size);
	free(p);
}

/* Does something to the connection: now, or when its turn is over, if it has one. */
static void act(struct conn *c, void (*fn)(struct conn *, const void *), const void *arg)
{
	bool inside = c->in_turn;

	if (!inside)
		turn_begin(c);
	fn(c, arg);
	if (!inside)
		turn_end(c);
}

static void do_answer(struct conn *c, const void *answer)
{
	write_answer(c, &c->pending->request, answer, false);
	pending_free(c->pending);
}

static void answer(struct http_exchange *x, const struct http_answer *a)
{
	struct pending *p = pending_of(x);

	if (p->conn)
		act(p->conn, do_answer, a);
	else
		pending_free(p);
}

static void do_begin(struct conn *c, const void *answer)
{
	c->streams = true;
	write_answer(c, &c->pending->request, answer, true);
}

static void exchange_begin(struct http_exchange *x, const struct http_answer *a)
{
	if (pending_of(x)->conn)
		act(pending_of(x)->conn, do_begin, a);
}

static void do_part(struct conn *c, const void *arg)
{
	const struct slice *part = arg;

	if (c->pending->request.minor)
		http_write_chunk(&c->out, *part);
	else
		buf_add(&c->out, part->data, part->len);
	c->dead |= turn_unsent(c) > STREAM_UNSENT_MOST;
}

static bool part(struct http_exchange *x, struct slice data)
{
	struct pending *p = pending_of(x);

	if (p->conn && data.len)
		act(p->conn, do_part, &data);
	return p->conn;
}

static void do_end(struct conn *c, const void *arg)
{
	if (c->pending->request.minor)
		http_write_chunk(&c->out, slice(NULL, 0));
	pending_free(c->pending);
}

static void exchange_end(struct http_exchange *x)
{
	struct pending *p = pending_of(x);

	if (p->conn)
		act(p->conn, do_end, NULL);
	else
		pending_free(p);
}

static void do_drop(struct conn *c, const void *arg)
{
	pending_free(c->pending);
	c->dead = true;
}

static void drop(struct http_exchange *x)
{
	struct pending *p = pending_of(x);

	if (p->conn)
		act(p->conn, do_drop, NULL);
	else
		pending_free(p);
}

/* Nothing is read while an answer is awaited, so nothing else would show that. */
static bool gone(struct http_exchange *x)
{
	struct pending *p = pending_of(x);
	struct pollfd there = { .fd = p->conn ? p->conn->fd : -1, .events = POLLRDHUP };

	return !p->conn || poll(&there, 1, 0) > 0;
}

static const struct http_way way = {
	.answer = answer, .begin = exchange_begin, .part = part, .end = exchange_end, .drop = drop, .gone = gone,
};

/* The answer will be for nobody; and the socket's number may be somebody else's by then. */
static void orphan(struct conn *c)
{
	const struct answering *answering = &((struct exchanges *)c->arg)->answering;
	struct pending *p = TAKE(c->pending);

	if (!p)
		return;
	p->request.socket = -1;
	p->conn = NULL;
	if (answering->left)
		answering->left(answering->arg, &p->exchange);
}

static void attend(struct conn *c)
{
	const struct answering *answering = &((struct exchanges *)c->arg)->answering;
	size_t size = answering->brief ? 0 : http_request_size(&c->request);
	struct pending *p = xmalloc(sizeof(*p) + size + 1);

	*p = (struct pending){ .exchange = { &way, &p->request, 0 }, .request = c->request, .size = size, .conn = c };
	if (!answering->brief) {
		memcpy(p->text, c->request.text, size);
		p->text[size] = '\0';
		p->request.text = p->text;
	}
	c->pending = p;
	answering->attend(answering->arg, &p->exchange);
}

static void begin_exchange(struct conn *c)
{
	struct slice token;

	if (((struct exchanges *)c->arg)->answering.challenges && http_challenge(http_path(&c->request), &token))
		answer_challenge(c, token);
	else
		attend(c);
}

const struct conn_handler exchange_handler = { .whole = begin_exchange, .refused = exchange_refuse, .gone = orphan };

struct exchanges *exchanges_new(const struct answering *answering)
{
	struct exchanges *all = xcalloc(1, sizeof(*all));

	all->answering = *answering;
	return all;
}

void exchanges_free(struct exchanges *all)
{
	if (all)
		buf_release(&all->key_auth);
	free(all);
}
