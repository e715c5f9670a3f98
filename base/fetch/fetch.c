#include "base/fetch/fetch.h"

#include <errno.h>
#include <pthread.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fetch/fetch_failure.h"

#define DEFAULT_TIMEOUT_MS 30000
#define CONNECT_TIMEOUT_MS 10000
#define DEFAULT_MAX_BODY (1024 * 1024)
#define MAX_HEADERS (64 * 1024)
#define MAX_CONNECTIONS_PER_HOST 32L
#define KEEPALIVE_SECONDS 5L /* of a reply without an end */
#define DISTRUST_MS 60000 /* so long after a time-out */

struct fetcher {
	struct loop *loop;
	CURLM *multi;
	struct timer timer; /* curl's only one */
	char *user_agent;
	struct barrier *barrier;
	bool (*may)(void *arg); /* NULL: always */
	void *may_arg;
	struct fetch *requests; /* all under way */
	int64_t distrust_until; /* clock_mono_ms(): see http_version() */
};

/*
 * Each request ends in its own `ended` timer, never from inside curl nor from inside fetch_start().
 * So a callback may start, cancel and free whatever it likes.
 */
struct fetch {
	struct fetch_reply reply; /* first: fetch_header() gets from it to the rest */
	struct fetcher *fetcher;  /* NULL while the callback runs */
	struct fetch *next, **link;
	fetch_cb *cb;
	void *arg;
	CURL *easy;
	struct timer ended, told;	/* told: of the next piece */
	void (*piece)(void *arg, const struct fetch_reply *);
	struct held held;
	struct err err;
	struct curl_slist *send_headers;
	struct curl_slist *connect_to;	/* "::ADDRESS:" for any host and port, the port kept */
	struct buf send_body;
	char *unix_socket, *ca_file;
	size_t max_body;
	bool seen_https, public_only;	/* public_only: from now on */
	struct cidr_list but;		/* of public_only */
	char refused[ADDRESS_TEXT];	/* an address it may not connect to */

	struct buf body;
	char **headers; /* of the latest response */
	size_t header_count, header_bytes;
	char curl_says[CURL_ERROR_SIZE];
};

/* An option of curl_easy_setopt() or curl_multi_setopt(). */
static void must(int rc)
{
	if (rc)
		die("libcurl refuses an option (error %d)", rc);
}

/* The other side as a reader should see it. */
static char *peer(const struct fetch *f)
{
	const char *url = NULL;

	if (f->unix_socket)
		return xstrdup(f->unix_socket);
	curl_easy_getinfo(f->easy, CURLINFO_EFFECTIVE_URL, &url);
	return fetch_url_peer(url);
}

/*
 * Receiving
 */

static size_t got_header(char *line, size_t one, size_t len, void *arg)
{
	struct fetch *f = arg;
	size_t text = len;

	/* A status line starts a new response: after a redirect, or after 100 Continue. */
	if (len >= 5 && !memcmp(line, "HTTP/", 5)) {
		strv_free(TAKE(f->headers));
		f->header_count = f->header_bytes = 0;
		buf_clear(&f->body);
		return len;
	}
	f->header_bytes += len;
	if (f->header_bytes > MAX_HEADERS) {
		_cleanup_free_ char *who = peer(f);

		err_set(&f->err, ERR_PROTOCOL, "asking %s: it sent more than %d bytes of headers", who, MAX_HEADERS);
		return 0;
	}
	while (text && (line[text - 1] == '\r' || line[text - 1] == '\n'))
		text--;
	if (text) {
		f->headers = xreallocarray(f->headers, f->header_count + 2, sizeof(*f->headers));
		f->headers[f->header_count++] = xstrndup(line, text);
		f->headers[f->header_count] = NULL;
	}
	return len;
}

/* The callback may cancel the request, and all others. */
static void tell_piece(void *arg)
{
	struct fetch *f = arg;
	_cleanup_buf_ struct buf piece = f->body;
	struct fetch_reply reply = { .body = buf_str(&piece), .body_len = piece.len };
	long status = 0;

	f->body = (struct buf)BUF_INIT;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	reply.status = (int)status;
	f->piece(f->arg, &reply);
}

static size_t got_body(char *data, size_t one, size_t len, void *arg)
{
	struct fetch *f = arg;

	if (len > f->max_body - f->body.len) {
		_cleanup_free_ char *who = peer(f);

		err_set(&f->err, ERR_PROTOCOL, "asking %s: it sent more than %zu bytes", who, f->max_body);
		return 0;
	}
	buf_add(&f->body, data, len);
	if (f->piece)
		timer_start(&f->told, f->fetcher->loop, 0, tell_piece, f);
	return len;
}

/* Every address that is connected to comes by here. */
static bool may_connect(struct fetch *f, const struct address *address)
{
	const struct sockaddr *sa = (const struct sockaddr *)&address->sa;

	if (!f->public_only || address_is_public(sa) || cidr_list_has(&f->but, sa))
		return true;
	address_host(f->refused, address);
	return false;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct address address = { .len = (socklen_t)MIN(to->addrlen, sizeof(address.sa)) };

	memcpy(&address.sa, &to->addr, address.len);
	return may_connect(arg, &address) ? socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol) :
					    CURL_SOCKET_BAD;
}

/*
 * Curl may use a connection that was made for somebody who may go where this one may not.  Who answers from outside
 * leads no more inside.
 */
static bool is_allowed(struct fetch *f, const char *to_address)
{
	struct address address;

	if (f->unix_socket)
		return true;
	if (address_parse_host(&address, to_address) < 0 || !may_connect(f, &address))
		return false;
	f->reply.outside = address_is_public((const struct sockaddr *)&address.sa);
	f->public_only |= f->reply.outside;
	return true;
}

/* Runs when connected, before anything is sent: no redirect may lead from https to http, nor where it may not go. */
static int before_request(void *arg, char *to_address, char *from_address, int to_port, int from_port)
{
	struct fetch *f = arg;
	const char *url = NULL;

	if (!is_allowed(f, to_address))
		return CURL_PREREQFUNC_ABORT;
	if (f->fetcher->may && !f->fetcher->may(f->fetcher->may_arg)) {
		err_set(&f->err, ERR_LATER, "this server no longer leads the cluster and asks nobody");
		return CURL_PREREQFUNC_ABORT;
	}
	curl_easy_getinfo(f->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (url && !strncasecmp(url, "https:", 6)) {
		f->seen_https = true;
	} else if (f->seen_https) {
		_cleanup_free_ char *who = peer(f);

		err_set(&f->err, ERR_PROTOCOL, "asking %s: a redirect leads there from https to plain http", who);
		return CURL_PREREQFUNC_ABORT;
	}
	return CURL_PREREQFUNC_OK;
}

const char *fetch_header(const struct fetch_reply *reply, const char *name, size_t nth)
{
	const struct fetch *f = (const struct fetch *)reply;
	size_t len = strlen(name);

	for (char **h = f->headers; h && *h; h++)
		if (!strncasecmp(*h, name, len) && (*h)[len] == ':' && !nth--)
			return *h + len + 1 + strspn(*h + len + 1, " \t");
	return NULL;
}

/*
 * Ending
 */

static void detach(struct fetch *f)
{
	barrier_leave(&f->held);
	if (f->easy) {
		curl_multi_remove_handle(f->fetcher->multi, f->easy);
		curl_easy_cleanup(TAKE(f->easy));
	}
	timer_stop(&f->ended);
	timer_stop(&f->told);
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	f->fetcher = NULL;
}

static void fetch_free(struct fetch *f)
{
	curl_slist_free_all(f->connect_to);
	curl_slist_free_all(f->send_headers);
	cidr_list_release(&f->but);
	buf_wipe(&f->send_body);
	buf_wipe(&f->body);
	strv_free(f->headers);
	free(f->unix_socket);
	free(f->ca_file);
	free(f);
}

static void end_soon(struct fetch *);

static void deliver(void *arg)
{
	struct fetch *f = arg;

	if (f->piece && f->body.len) {	/* the last piece, and the end in a turn of its own */
		end_soon(f);
		tell_piece(f);
		return;
	}
	detach(f); /* the callback may free the fetcher */
	f->reply.err = err_is_set(&f->err) ? &f->err : NULL;
	f->reply.body = buf_str(&f->body);
	f->reply.body_len = f->body.len;
	f->cb(f->arg, &f->reply);
	fetch_free(f);
}

static void end_soon(struct fetch *f)
{
	timer_start(&f->ended, f->fetcher->loop, 0, deliver, f);
}

void fetch_cancel(struct fetch *f)
{
	if (f->fetcher) {	/* else inside its own callback: nothing more will happen anyway */
		detach(f);
		fetch_free(f);
	}
}

static void failed(struct fetch *f, CURLcode code)
{
	_cleanup_free_ char *who = peer(f);
	const struct fetch_failure failure = {
		.easy = f->easy, .code = code, .who = who, .said = f->curl_says, .ca_file = f->ca_file,
		.refused = f->refused, .local = f->unix_socket,
	};

	fetch_failure_tell(&failure, &f->err);
}

static void finished(CURL *easy, CURLcode code)
{
	struct fetch *f = NULL;
	long status = 0, sent = 0;
	curl_off_t took = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &f);
	curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &took);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
	f->reply.sent = sent > 0;
	f->reply.took_ms = took / 1000;
	if (code == CURLE_OPERATION_TIMEDOUT)
		f->fetcher->distrust_until = clock_mono_ms() + DISTRUST_MS;
	if (code == CURLE_OK)
		f->reply.status = (int)status;
	else if (!err_is_set(&f->err)) /* our own reason to break it off says more than curl's "aborted" */
		failed(f, code);
	end_soon(f);
}

/*
 * Driving curl by the loop
 */

static void drive(struct fetcher *fetcher, curl_socket_t fd, int ready)
{
	int unused;
	CURLMsg *msg;

	curl_multi_socket_action(fetcher->multi, fd, ready, &unused);
	while ((msg = curl_multi_info_read(fetcher->multi, &unused)))
		if (msg->msg == CURLMSG_DONE)
			finished(msg->easy_handle, msg->data.result);
}

static void socket_ready(evutil_socket_t fd, short what, void *arg)
{
	drive(arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void time_passed(void *arg)
{
	drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* Curl wants to watch a socket in another way than before; each has one event, kept by curl_multi_assign(). */
static int watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *watching)
{
	struct fetcher *fetcher = arg;
	struct event *event = watching;

	if (event)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		short flags = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

		event = event_new(loop_base(fetcher->loop), fd, flags, socket_ready, fetcher);
		if (!event || event_add(event, NULL) < 0)
			die("a socket cannot be watched");
	}
	curl_multi_assign(fetcher->multi, fd, event);
	return 0;
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct fetcher *fetcher = arg;

	if (ms < 0)
		timer_stop(&fetcher->timer);
	else
		timer_start(&fetcher->timer, fetcher->loop, ms, time_passed, fetcher);
	return 0;
}

static void start_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		die("libcurl cannot be started");
}

struct fetcher *fetcher_new(struct loop *loop, const char *user_agent)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct fetcher *fetcher = xcalloc(1, sizeof(*fetcher));

	if (!user_agent || !*user_agent)
		die("a User-Agent is required (RFC 8555 section 6.1)");
	pthread_once(&once, start_curl);
	fetcher->loop = loop;
	fetcher->user_agent = xstrdup(user_agent);
	fetcher->multi = curl_multi_init();
	if (!fetcher->multi)
		die("libcurl cannot be started");
	must(curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, watch));
	must(curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher));
	must(curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, set_timer));
	must(curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher));
	must(curl_multi_setopt(fetcher->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX));
	must(curl_multi_setopt(fetcher->multi, CURLMOPT_MAX_HOST_CONNECTIONS, MAX_CONNECTIONS_PER_HOST));
	return fetcher;
}

void fetcher_wait_at(struct fetcher *fetcher, struct barrier *barrier)
{
	fetcher->barrier = barrier;
}

void fetcher_ask_before(struct fetcher *fetcher, bool (*may)(void *arg), void *arg)
{
	fetcher->may = may;
	fetcher->may_arg = arg;
}

void fetcher_free(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	while (fetcher->requests)
		fetch_cancel(fetcher->requests);
	curl_multi_cleanup(fetcher->multi);
	timer_stop(&fetcher->timer);
	free(fetcher->user_agent);
	free(fetcher);
}

/*
 * Starting
 */

static void set_method(struct fetch *f, const struct fetch_request *rq)
{
	const char *method = rq->method ? rq->method : rq->body ? "POST" : "GET";
	bool posts = rq->body || str_eq(method, "POST");

	if (str_eq(method, "HEAD")) {
		must(curl_easy_setopt(f->easy, CURLOPT_NOBODY, 1L));
		return;
	}
	if (posts) {
		buf_add(&f->send_body, rq->body, rq->body ? rq->body_len : 0);
		must(curl_easy_setopt(f->easy, CURLOPT_POST, 1L));
		must(curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, f->send_body.data));
		must(curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->send_body.len));
	}
	if (!str_eq(method, posts ? "POST" : "GET"))
		must(curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, method));
}

static void add_header(struct fetch *f, const char *header)
{
	f->send_headers = curl_slist_append(f->send_headers, header);
	if (!f->send_headers)
		die("out of memory");
}

static void connect_to(struct fetch *f, const char *address)
{
	_cleanup_free_ char *where = xasprintf(strchr(address, ':') ? "::[%s]:" : "::%s:", address);

	f->connect_to = curl_slist_append(NULL, where);
	if (!f->connect_to)
		die("out of memory");
	must(curl_easy_setopt(f->easy, CURLOPT_CONNECT_TO, f->connect_to));
}

/*
 * A request that timed out leaves its connection of HTTP/2 open, for the others on it; if it is stuck, they all time
 * out, and whatever is asked again.  Those of HTTP/1.1 are closed then, and are not taken for that.
 */
static long http_version(const struct fetcher *fetcher)
{
	return clock_mono_ms() < fetcher->distrust_until ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS;
}

static void set_request(struct fetch *f, const struct fetch_request *rq)
{
	set_method(f, rq);
	add_header(f, "Expect:"); /* no waiting for 100 Continue */
	for (const char *const *h = rq->headers; h && *h; h++)
		add_header(f, *h);
	must(curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->send_headers));
	must(curl_easy_setopt(f->easy, CURLOPT_USERAGENT, f->fetcher->user_agent));
	must(curl_easy_setopt(f->easy, CURLOPT_HTTP_VERSION, http_version(f->fetcher)));
	must(curl_easy_setopt(f->easy, CURLOPT_PIPEWAIT, 1L));
	must(curl_easy_setopt(f->easy, CURLOPT_PROXY, ""));
	if (rq->address)
		connect_to(f, rq->address);
	if (rq->unix_socket)
		must(curl_easy_setopt(f->easy, CURLOPT_UNIX_SOCKET_PATH, rq->unix_socket));
}

static void set_limits(struct fetch *f, const struct fetch_request *rq)
{
	const char *protocols = rq->allow_http ? "http,https" : "https";
	long timeout = rq->timeout_ms > 0 ? rq->timeout_ms : DEFAULT_TIMEOUT_MS;

	f->max_body = rq->max_body ? rq->max_body : DEFAULT_MAX_BODY;
	f->piece = rq->piece;
	must(curl_easy_setopt(f->easy, CURLOPT_TIMEOUT_MS, rq->piece ? 0L : timeout));
	must(curl_easy_setopt(f->easy, CURLOPT_TCP_KEEPALIVE, rq->piece ? 1L : 0L));
	must(curl_easy_setopt(f->easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_SECONDS));
	must(curl_easy_setopt(f->easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_SECONDS));
	must(curl_easy_setopt(f->easy, CURLOPT_CONNECTTIMEOUT_MS, MIN(timeout, CONNECT_TIMEOUT_MS)));
	must(curl_easy_setopt(f->easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, rq->any_address ? 1L : 0L));
	if (rq->any_address)
		must(curl_easy_setopt(f->easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L));
	must(curl_easy_setopt(f->easy, CURLOPT_PROTOCOLS_STR, protocols));
	must(curl_easy_setopt(f->easy, CURLOPT_REDIR_PROTOCOLS_STR, protocols));
	must(curl_easy_setopt(f->easy, CURLOPT_FOLLOWLOCATION, rq->max_redirects > 0 ? 1L : 0L));
	must(curl_easy_setopt(f->easy, CURLOPT_MAXREDIRS, (long)MAX(rq->max_redirects, 0)));
	must(curl_easy_setopt(f->easy, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL));
	if (rq->any_certificate) {
		must(curl_easy_setopt(f->easy, CURLOPT_SSL_VERIFYPEER, 0L));
		must(curl_easy_setopt(f->easy, CURLOPT_SSL_VERIFYHOST, 0L));
	}
	must(curl_easy_setopt(f->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
	if (rq->ca_file) {
		must(curl_easy_setopt(f->easy, CURLOPT_CAINFO, rq->ca_file));
		/* Some TLS backends have neither a directory nor a cache of roots. */
		curl_easy_setopt(f->easy, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(f->easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);	/* the file may be replaced */
	}
}

static void set_reach(struct fetch *f, const struct fetch_request *rq)
{
	const struct cidr_list *but = rq->but;

	f->public_only = rq->public_only;
	if (but && but->count)
		f->but = (struct cidr_list){ xmemdup(but->item, but->count * sizeof(*but->item)), but->count };
	must(curl_easy_setopt(f->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket));
	must(curl_easy_setopt(f->easy, CURLOPT_OPENSOCKETDATA, f));
}

static void set_callbacks(struct fetch *f)
{
	must(curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f));
	must(curl_easy_setopt(f->easy, CURLOPT_ERRORBUFFER, f->curl_says));
	must(curl_easy_setopt(f->easy, CURLOPT_HEADERFUNCTION, got_header));
	must(curl_easy_setopt(f->easy, CURLOPT_HEADERDATA, f));
	must(curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, got_body));
	must(curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f));
	must(curl_easy_setopt(f->easy, CURLOPT_PREREQFUNCTION, before_request));
	must(curl_easy_setopt(f->easy, CURLOPT_PREREQDATA, f));
	must(curl_easy_setopt(f->easy, CURLOPT_NOSIGNAL, 1L));
	/* A name server that does not answer holds up neither a time-out nor a cancel. */
	must(curl_easy_setopt(f->easy, CURLOPT_QUICK_EXIT, 1L));
}

/* Before curl sees it, for a better sentence. */
static int check_url(struct fetch *f, const struct fetch_request *rq)
{
	_cleanup_(fetch_url_release) struct fetch_url url = { .port = 0 };
	_cleanup_free_ char *who = NULL;

	must(curl_easy_setopt(f->easy, CURLOPT_URL, rq->url));
	if (fetch_url_read(&url, NULL, rq->url) < 0)
		return err_set(&f->err, ERR_INVALID, "an address to be fetched is not a URL");
	who = peer(f);
	if (str_eq(url.scheme, "https") || (rq->allow_http && str_eq(url.scheme, "http")))
		return 0;
	return err_set(&f->err, ERR_INVALID, "asking %s: the URL starts with %s:, but must start with https:", who,
		       url.scheme);
}

static void leave(void *arg, const struct err *lost)
{
	struct fetch *f = arg;

	if (lost) {
		f->err = *lost;
		end_soon(f);
	} else {
		must(curl_multi_add_handle(f->fetcher->multi, f->easy));
	}
}

struct fetch *fetch_start(struct fetcher *fetcher, const struct fetch_request *rq, fetch_cb *cb, void *arg)
{
	struct fetch *f = xcalloc(1, sizeof(*f));

	*f = (struct fetch){ .fetcher = fetcher, .cb = cb, .arg = arg, .next = fetcher->requests };
	f->link = &fetcher->requests;
	if (f->next)
		f->next->link = &f->next;
	fetcher->requests = f;

	f->unix_socket = rq->unix_socket ? xstrdup(rq->unix_socket) : NULL;
	f->ca_file = rq->ca_file ? xstrdup(rq->ca_file) : NULL;
	f->easy = curl_easy_init();
	if (!f->easy)
		die("out of memory");
	set_callbacks(f);
	set_limits(f, rq);
	set_request(f, rq);
	set_reach(f, rq);
	if (check_url(f, rq) < 0)
		end_soon(f);
	else
		barrier_pass(rq->at_once ? NULL : fetcher->barrier, &f->held, leave, f);
	return f;
}
