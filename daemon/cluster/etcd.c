#include "daemon/cluster/etcd.h"

#include "base/buf.h"
#include "base/fetch/fetch.h"

#define ANSWER_MOST ((size_t)96 * 1024 * 1024)
#define AUTH_MS 3000
#define SEPARATORS " \t\n,"

/* What etcd says of an error (gRPC's codes). */
enum { GRPC_INVALID = 3, GRPC_EXHAUSTED = 8, GRPC_UNAVAILABLE = 14, GRPC_UNAUTHENTICATED = 16 };

struct etcd {
	struct fetcher *fetcher, *streams; /* apart: else others would wait for the end of a stream, by HTTP/1.1 */
	char **endpoints;
	size_t count, at; /* at: the one that is asked now */
	char *ca_file, *user, *password;
	char *token; /* NULL: none is known, or none needed */
	struct etcd_call *calls;
};

struct etcd_call {
	struct etcd *etcd;
	struct etcd_call *next, **link;
	struct fetch *fetch; /* the request, or before it the one for a token; NULL: its callback runs */
	char *path, *body;
	size_t member; /* that is asked */
	bool fixed;    /* no other will do */
	bool again;    /* its token was refused once */
	bool stream;
	struct buf line; /* of the stream: what has come of its next message */
	int timeout_ms;
	etcd_cb *cb;
	void *arg;
};

/* As people write them: https://a.example:2379/ */
static void drop_slashes(char *endpoint)
{
	for (size_t len = strlen(endpoint); len && endpoint[len - 1] == '/'; len--)
		endpoint[len - 1] = '\0';
}

struct etcd *etcd_new(struct loop *loop, const struct etcd_options *o)
{
	struct etcd *d = xcalloc(1, sizeof(*d));

	d->fetcher = fetcher_new(loop, "Certera/" VERSION);
	d->streams = fetcher_new(loop, "Certera/" VERSION);
	d->endpoints = strv_split(o->endpoints, SEPARATORS);
	while (d->endpoints && d->endpoints[d->count])
		drop_slashes(d->endpoints[d->count++]);
	d->ca_file = xstrdup(o->ca_file);
	d->user = xstrdup(o->user);
	d->password = xstrdup(o->password);
	return d;
}

static void call_free(struct etcd_call *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c->path);
	wipe_free(c->body);
	buf_release(&c->line);
	free(c);
}

void etcd_cancel(struct etcd_call *c)
{
	if (!c)
		return;
	if (c->fetch)
		fetch_cancel(c->fetch);
	call_free(c);
}

void etcd_free(struct etcd *d)
{
	if (!d)
		return;
	while (d->calls)
		etcd_cancel(d->calls);
	fetcher_free(d->fetcher);
	fetcher_free(d->streams);
	strv_free(d->endpoints);
	free(d->ca_file);
	free(d->user);
	wipe_free(d->password);
	wipe_free(d->token);
	free(d);
}

const char *etcd_endpoint(const struct etcd *d, size_t member)
{
	return member < d->count ? d->endpoints[member] : NULL;
}

/* This one did not do: who asks next asks the next. */
static void turn_away(struct etcd *d, const struct etcd_call *c)
{
	if (!c->fixed && d->at == c->member)
		d->at = (d->at + 1) % d->count;
}

/* Ends the call. */
static void finish(struct etcd_call *c, const json_t *answer, const struct err *e)
{
	etcd_cb *cb = c->cb;
	void *arg = c->arg;

	call_free(c);
	cb(arg, answer, e);
}

/*
 * Errors.
 */

static enum err_kind kind_of(int64_t code, int status)
{
	switch (code) {
	case GRPC_EXHAUSTED:
		return ERR_LIMIT;
	case GRPC_UNAVAILABLE:
		return ERR_NETWORK;
	case GRPC_UNAUTHENTICATED:
		return ERR_AUTH;
	default:
		return status >= 500 && !code ? ERR_NETWORK : ERR_INVALID;
	}
}

/* A token that is of no use any more: these are the two ways in which etcd says so. */
static bool wants_token(const struct etcd *d, const struct err *e, int status)
{
	return *d->user && (e->kind == ERR_AUTH || status == 401 || strstr(e->message, "auth store is old") ||
			    strstr(e->message, "user name is empty"));
}

static void read_error(const struct etcd_call *c, const json_t *answer, int status, struct err *e)
{
	const json_t *inner = json_object_get(answer, "error");
	const char *text = json_is_object(inner) ? json_str(inner, "message") : json_str(answer, "error");
	int64_t code =
		json_int(json_is_object(inner) ? inner : answer, json_is_object(inner) ? "grpc_code" : "code", 0);

	err_set(e, kind_of(code, status), "asking etcd at %s: %s", c->etcd->endpoints[c->member],
		text ? text : "it gave an invalid answer");
	if (e->kind == ERR_LIMIT)
		err_hint(e, "etcd has no space left: see \"When etcd is full\" in the handbook.");
}

/*
 * Requests.
 */

static void send_call(struct etcd_call *c);

/* One message a line. */
static void stream_piece(void *arg, const struct fetch_reply *reply)
{
	struct etcd_call *c = arg;
	size_t len;

	buf_add(&c->line, reply->body, reply->body_len);
	while (reply->status == 200 && (len = strcspn(buf_str(&c->line), "\n")) < c->line.len) {
		_cleanup_json_ json_t *message = json_read_most(c->line.data, len, ANSWER_MOST, NULL);

		memmove(c->line.data, c->line.data + len + 1, c->line.len - len); /* and its NUL */
		c->line.len -= len + 1;
		if (json_object_get(message, "result"))
			c->cb(c->arg, json_object_get(message, "result"), NULL);
	}
}

static struct fetch *post(struct etcd_call *c, const char *path, const char *body, fetch_cb *cb, bool authorized)
{
	const struct etcd *d = c->etcd;
	_cleanup_free_ char *url = xasprintf("%s/v3/%s", d->endpoints[c->member], path);
	_cleanup_wipe_ char *authorization = authorized && d->token ? xasprintf("Authorization: %s", d->token) : NULL;
	/* hasleader: a member without a quorum ends a stream instead of being silent. */
	const char *headers[] = { "Content-Type: application/json", "Grpc-Metadata-hasleader: true", authorization,
				  NULL };
	struct fetch_request rq = {
		.url = url,
		.body = body,
		.body_len = strlen(body),
		.headers = headers,
		.ca_file = *d->ca_file ? d->ca_file : NULL,
		.timeout_ms = authorized ? c->timeout_ms : AUTH_MS,
		.max_body = ANSWER_MOST,
		.allow_http = true,
		.any_address = true,
	};

	if (!authorized || !c->stream)
		return fetch_start(d->fetcher, &rq, cb, c);
	rq.piece = stream_piece;
	return fetch_start(d->streams, &rq, cb, c);
}

static void got_token(void *arg, const struct fetch_reply *reply)
{
	struct etcd_call *c = arg;
	struct etcd *d = c->etcd;
	_cleanup_json_ json_t *answer = reply->err ? NULL : json_read(reply->body, reply->body_len, NULL);
	const char *token = json_str(answer, "token");
	struct err e = { 0 };

	c->fetch = NULL;
	if (token) {
		wipe_free(d->token);
		d->token = xstrdup(token);
		send_call(c);
		return;
	}
	if (reply->err)
		e = *reply->err;
	else
		read_error(c, answer, reply->status, &e);
	if (reply->err || e.kind == ERR_NETWORK) {
		e.kind = ERR_NETWORK;
		turn_away(d, c);
	} else {
		err_prefix(&e, "signing in as %s", d->user);
		err_hint(&e,
			 "cluster.user and the file cluster.password_file say who asks; \"etcdctl user get %s\" "
			 "whether etcd knows it.",
			 d->user);
	}
	finish(c, NULL, &e);
}

static void fetch_token(struct etcd_call *c)
{
	_cleanup_json_ json_t *body = json_pack("{s:s, s:s}", "name", c->etcd->user, "password", c->etcd->password);
	_cleanup_wipe_ char *text = json_write(body);

	wipe_free(TAKE(c->etcd->token));
	c->fetch = post(c, "auth/authenticate", text, got_token, false);
}

static void failed(struct etcd_call *c, struct err *e, int status)
{
	if (wants_token(c->etcd, e, status) && !c->again) {
		c->again = true;
		fetch_token(c);
		return;
	}
	if (e->kind == ERR_NETWORK || e->kind == ERR_TIMEOUT) {
		e->kind = ERR_NETWORK;
		turn_away(c->etcd, c);
	}
	finish(c, NULL, e);
}

static void got_answer(void *arg, const struct fetch_reply *reply)
{
	struct etcd_call *c = arg;
	_cleanup_json_ json_t *answer = NULL;
	struct err e = { 0 };

	c->fetch = NULL;
	if (reply->err) {
		e = *reply->err;
		e.kind = ERR_NETWORK;
	} else if (c->stream && reply->status == 200) {
		err_set(&e, ERR_NETWORK, "etcd at %s ended the stream", c->etcd->endpoints[c->member]);
	} else {
		answer = json_read_most(reply->body, reply->body_len, ANSWER_MOST, &e);
		if (reply->status != 200 || !answer)
			read_error(c, answer, reply->status, &e);
	}
	if (err_is_set(&e))
		failed(c, &e, reply->status);
	else
		finish(c, answer, NULL);
}

static void send_call(struct etcd_call *c)
{
	if (*c->etcd->user && !c->etcd->token)
		fetch_token(c);
	else
		c->fetch = post(c, c->path, c->body, got_answer, true);
}

static struct etcd_call *begin(struct etcd *d, const char *path, json_t *body, etcd_cb *cb, void *arg)
{
	struct etcd_call *c = xcalloc(1, sizeof(*c));

	*c = (struct etcd_call){ .etcd = d,
				 .path = xstrdup(path),
				 .body = json_write(body),
				 .member = d->at,
				 .cb = cb,
				 .arg = arg,
				 .next = d->calls,
				 .link = &d->calls };
	if (c->next)
		c->next->link = &c->next;
	d->calls = c;
	json_decref(body);
	return c;
}

struct etcd_call *etcd_ask(struct etcd *d, const char *path, json_t *body, int timeout_ms, etcd_cb *cb, void *arg)
{
	struct etcd_call *c = begin(d, path, body, cb, arg);

	c->timeout_ms = timeout_ms;
	send_call(c);
	return c;
}

struct etcd_call *etcd_ask_member(struct etcd *d, size_t member, const char *path, json_t *body, int timeout_ms,
				  etcd_cb *cb, void *arg)
{
	struct etcd_call *c = begin(d, path, body, cb, arg);

	c->timeout_ms = timeout_ms;
	c->member = member;
	c->fixed = true;
	send_call(c);
	return c;
}

struct etcd_call *etcd_stream(struct etcd *d, const char *path, json_t *body, etcd_cb *cb, void *arg)
{
	struct etcd_call *c = begin(d, path, body, cb, arg);

	c->stream = true;
	send_call(c);
	return c;
}

static bool is_this_machine(const char *host)
{
	return str_eq(host, "localhost") || str_eq(host, "::1") || str_starts(host, "127.");
}

int etcd_check_endpoints(const char *endpoints, struct err *e)
{
	_cleanup_strv_ char **list = strv_split(endpoints, SEPARATORS);

	for (char **one = list; one && *one; one++) {
		_cleanup_(fetch_url_release) struct fetch_url url = { .port = 0 };
		if (fetch_url_read(&url, NULL, *one) < 0 ||
		    !(str_eq(url.scheme, "https") || str_eq(url.scheme, "http")))
			return err_set(e, ERR_CONFIG,
				       "cluster.endpoints: %s is not a URL like https://etcd.example:2379", *one);
		if (str_eq(url.scheme, "http") && !is_this_machine(url.host))
			return err_set(e, ERR_CONFIG,
				       "cluster.endpoints: %s must start with https:, as it is not of this machine",
				       *one);
	}
	return 0;
}
