/*
 * fetch: bounded, later, cancellable.  The peers are an evhttp server and raw sockets on the same
 * loop, and openssl's s_server for TLS.
 */
#include "base/fetch/fetch.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "base/buf.h"
#include "base/clock.h"

static struct loop *loop;
static struct fetcher *fetcher;
static struct evhttp *server;
static int asked; /* requests that reached it */
static int http_port, silent_port, raw_port, closed_port, tls_port, silent_fd, closed_fd;
static struct evconnlistener *raw_server;
static const char *raw_answer;
static size_t raw_answer_len;
static char dir[] = "/tmp/certera-fetch-XXXXXX";
static char *unix_path, *ca_file;
static pid_t tls_server;

/*
 * Name look-ups: two names of our own, so that no name server is asked.
 */

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (str_eq(node, "slow.example"))
		sleep(3);
	if (node && str_ends(node, ".example"))
		return EAI_NONAME;
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, out);
}

/*
 * Servers
 */

static int port_of(int fd)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	return ntohs(sa.sin_port);
}

static int bound_socket(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static void answer(struct evhttp_request *rq, int status, const char *text)
{
	struct evbuffer *body = evbuffer_new();

	evbuffer_add_printf(body, "%s", text);
	evhttp_send_reply(rq, status, NULL, body);
	evbuffer_free(body);
}

static void answer_echo(struct evhttp_request *rq)
{
	static const char *const names[] = { "User-Agent", "Content-Type", "X-Mine", "Expect" };
	struct evkeyvalq *in = evhttp_request_get_input_headers(rq);
	struct evbuffer *body = evhttp_request_get_input_buffer(rq), *out = evbuffer_new();

	evbuffer_add_printf(out, "%d", evhttp_request_get_command(rq));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		evbuffer_add_printf(out, "|%s",
				    evhttp_find_header(in, names[i]) ? evhttp_find_header(in, names[i]) : "-");
	evbuffer_add_printf(out, "|%.*s", (int)evbuffer_get_length(body), (char *)evbuffer_pullup(body, -1));
	evhttp_send_reply(rq, 200, NULL, out);
	evbuffer_free(out);
}

static void answer_redirect(struct evhttp_request *rq, long left)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(rq);
	char to[64];

	snprintf(to, sizeof(to), "/redirect/%ld", left - 1);
	evhttp_add_header(out, "X-Left", to);
	if (!left) {
		answer(rq, 200, "landed");
		return;
	}
	evhttp_add_header(out, "Location", to);
	answer(rq, 302, "go on");
}

static void answer_bytes(struct evhttp_request *rq, long count, bool chunked)
{
	struct evbuffer *body = evbuffer_new();
	_cleanup_free_ char *bytes = xmalloc((size_t)count);

	memset(bytes, 'x', (size_t)count);
	evbuffer_add(body, bytes, (size_t)count);
	if (!chunked) {
		evhttp_send_reply(rq, 200, NULL, body);
	} else {
		evhttp_send_reply_start(rq, 200, NULL);
		evhttp_send_reply_chunk(rq, body);
		evhttp_send_reply_end(rq);
	}
	evbuffer_free(body);
}

static void serve(struct evhttp_request *rq, void *arg)
{
	const char *path = evhttp_request_get_uri(rq), *number = strrchr(path, '/') + 1;
	struct evkeyvalq *out = evhttp_request_get_output_headers(rq);

	asked++;
	if (str_starts(path, "/hello")) {
		evhttp_add_header(out, "X-One", "first");
		evhttp_add_header(out, "X-One-More", "other");
		evhttp_add_header(out, "x-one", "second");
		answer(rq, 200, "hello");
	} else if (str_starts(path, "/echo")) {
		answer_echo(rq);
	} else if (str_starts(path, "/redirect/")) {
		answer_redirect(rq, strtol(number, NULL, 10));
	} else if (str_starts(path, "/bytes/")) {
		answer_bytes(rq, strtol(number, NULL, 10), false);
	} else if (str_starts(path, "/chunks/")) {
		answer_bytes(rq, strtol(number, NULL, 10), true);
	} else if (str_starts(path, "/home")) {
		_cleanup_free_ char *to = xasprintf("http://127.0.0.1:%d/hello", http_port);

		evhttp_add_header(out, "Location", to);
		answer(rq, 302, "");
	} else if (str_starts(path, "/ftp")) {
		evhttp_add_header(out, "Location", "ftp://127.0.0.1/");
		answer(rq, 302, "");
	} else {
		answer(rq, 404, "nothing here");
	}
}

static void raw_event(struct bufferevent *bev, short what, void *arg)
{
	bufferevent_free(bev);
}

static void raw_written(struct bufferevent *bev, void *arg)
{
	/* Only half is closed: with unread input, closing all would reset what was sent. */
	shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void raw_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(loop_base(loop), fd, BEV_OPT_CLOSE_ON_FREE);

	bufferevent_setcb(bev, NULL, raw_written, raw_event, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	bufferevent_write(bev, raw_answer, raw_answer_len);
}

static void listen_unix(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unix_path = xasprintf("%s/socket", dir);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", unix_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(evhttp_accept_socket(server, fd), 0);
}

/* Starts a program in our directory; *out (if not NULL) becomes the reading end of its stdout. */
static pid_t spawn(const char *command, int *out)
{
	_cleanup_strv_ char **argv = strv_split(command, " ");
	posix_spawn_file_actions_t actions;
	extern char **environ;
	int fds[2];
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	assert_int_equal(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), 0);
	assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0), 0);
	assert_int_equal(posix_spawn_file_actions_addchdir_np(&actions, dir), 0);
	if (out) {
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		assert_int_equal(posix_spawn_file_actions_adddup2(&actions, fds[1], 1), 0);
	}
	assert_int_equal(posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	if (out) {
		close(fds[1]);
		*out = fds[0];
	}
	return pid;
}

static void write_file(const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
	_cleanup_fclose_ FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
}

/* s_server -HTTP sends files as whole HTTP answers, one connection at a time. */
static void start_tls_server(void)
{
	_cleanup_free_ char *redirect =
		xasprintf("HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:%d/hello\r\n\r\n", http_port);
	_cleanup_fclose_ FILE *says = NULL;
	char line[256] = "";
	int status, out;

	ca_file = xasprintf("%s/cert.pem", dir);
	waitpid(spawn("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test"
		      " -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem",
		      NULL),
		&status, 0);
	assert_int_equal(status, 0);
	write_file("secure", "HTTP/1.0 200 OK\r\nX-Over: TLS\r\n\r\nover TLS");
	write_file("down", redirect);
	tls_server = spawn("openssl s_server -accept 127.0.0.1:0 -cert cert.pem -key key.pem -HTTP", &out);
	says = fdopen(out, "r");
	while (fgets(line, sizeof(line), says) && !str_starts(line, "ACCEPT "))
		;
	assert_true(str_starts(line, "ACCEPT "));
	tls_port = (int)strtol(strrchr(line, ':') + 1, NULL, 10);
	assert_true(tls_port > 0);
}

static int set_up(void **state)
{
	struct evhttp_bound_socket *bound;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(dir));
	loop = loop_new();
	fetcher = fetcher_new(loop, "certera-test/1");
	server = evhttp_new(loop_base(loop));
	evhttp_set_allowed_methods(server, ~EVHTTP_REQ_CONNECT & 0xff);
	evhttp_set_gencb(server, serve, NULL);
	bound = evhttp_bind_socket_with_handle(server, "127.0.0.1", 0);
	assert_non_null(bound);
	http_port = port_of(evhttp_bound_socket_get_fd(bound));
	assert_int_equal(evhttp_bind_socket(server, "127.0.0.2", (uint16_t)http_port), 0);
	listen_unix();
	fd = bound_socket();
	raw_port = port_of(fd);
	raw_server = evconnlistener_new(loop_base(loop), raw_accept, NULL, LEV_OPT_CLOSE_ON_FREE, 16, fd);
	silent_fd = bound_socket(); /* connections are taken by the kernel, and nobody reads them */
	assert_int_equal(listen(silent_fd, 64), 0);
	silent_port = port_of(silent_fd);
	closed_fd = bound_socket(); /* bound and not listening: refuses */
	closed_port = port_of(closed_fd);
	start_tls_server();
	return 0;
}

static int tear_down(void **state)
{
	_cleanup_free_ char *remove_it = xasprintf("rm -rf %s", dir);

	kill(tls_server, SIGTERM);
	waitpid(tls_server, NULL, 0);
	evconnlistener_free(raw_server);
	evhttp_free(server);
	fetcher_free(fetcher);
	loop_free(loop);
	close(silent_fd);
	close(closed_fd);
	waitpid(spawn(remove_it, NULL), NULL, 0);
	free(unix_path);
	free(ca_file);
	return 0;
}

/*
 * Asking
 */

struct result {
	int calls, status;
	struct err err;
	char *body;
	size_t body_len;
	char *one[3]; /* the headers X-One; X-Left, X-Over or X-Early in front */
	struct fetch *handle;
};
static int waiting;

static void done(void *arg, const struct fetch_reply *reply)
{
	static const char *const single[] = { "x-left", "X-OVER", "X-Early" };
	struct result *r = arg;

	r->calls++;
	r->status = reply->status;
	if (reply->err)
		r->err = *reply->err;
	assert_int_equal(strlen(reply->body) <= reply->body_len, 1);
	r->body = xmemdup(reply->body, reply->body_len + 1);
	r->body_len = reply->body_len;
	for (size_t i = 0; i < ARRAY_SIZE(single) && !r->one[0]; i++) {
		const char *value = fetch_header(reply, single[i], 0);

		r->one[0] = value ? xstrdup(value) : NULL;
	}
	for (size_t i = 0; i < 3 && !r->one[i]; i++) {
		const char *value = fetch_header(reply, "X-One", i);

		r->one[i] = value ? xstrdup(value) : NULL;
	}
	if (!--waiting)
		loop_stop(loop);
}

static void release(struct result *r)
{
	free(r->body);
	for (size_t i = 0; i < ARRAY_SIZE(r->one); i++)
		free(r->one[i]);
}

static void took_too_long(void *arg)
{
	kill(tls_server, SIGTERM);
	die("the requests did not end");
}

static void wait_for_all(void)
{
	struct timer guard = { 0 };

	timer_start(&guard, loop, 30000, took_too_long, NULL);
	loop_run(loop);
	timer_stop(&guard);
}

static void start(struct fetch_request rq, struct result *r)
{
	*r = (struct result){ .calls = 0 };
	waiting++;
	r->handle = fetch_start(fetcher, &rq, done, r);
	assert_int_equal(r->calls, 0);
}

/* ask() with the URL made of scheme, port and path. */
static struct result ask_at(const char *scheme, int port, const char *path, struct fetch_request rq)
{
	_cleanup_free_ char *url = xasprintf("%s://127.0.0.1:%d%s", scheme, port, path);
	struct result r;

	rq.url = url;
	start(rq, &r);
	wait_for_all();
	assert_int_equal(r.calls, 1);
	return r;
}

#define ask(port, path, ...) ask_at("http", port, path, (struct fetch_request){ .allow_http = true, __VA_ARGS__ })
#define ask_tls(path, ...) ask_at("https", tls_port, path, (struct fetch_request){ __VA_ARGS__ })
#define _cleanup_result_ _cleanup_(release) struct result

static PRINTF_LIKE(3, 4) void assert_message(const struct result *r, enum err_kind kind, const char *fmt, ...)
{
	char wanted[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(wanted, sizeof(wanted), fmt, ap);
	va_end(ap);
	assert_string_equal(err_kind_name(r->err.kind), err_kind_name(kind));
	if (!strstr(r->err.message, wanted))
		assert_string_equal(r->err.message, wanted);
}

/*
 * Tests
 */

static void replies(void **state)
{
	_cleanup_result_ hello = ask(http_port, "/hello", 0), missing = ask(http_port, "/no", 0);

	assert_false(err_is_set(&hello.err));
	assert_int_equal(hello.status, 200);
	assert_string_equal(hello.body, "hello");
	assert_string_equal(hello.one[0], "first");
	assert_string_equal(hello.one[1], "second");
	assert_null(hello.one[2]);
	assert_false(err_is_set(&missing.err));
	assert_int_equal(missing.status, 404);
	assert_string_equal(missing.body, "nothing here");
}

static void requests(void **state)
{
	static const char *const headers[] = { "Content-Type: application/json", "X-Mine: yes", NULL };
	_cleanup_result_ get = ask(http_port, "/echo", 0);
	_cleanup_result_ post = ask(http_port, "/echo", .body = "{}..", .body_len = 2, .headers = headers);
	_cleanup_result_ empty = ask(http_port, "/echo", .method = "POST", .headers = headers);
	_cleanup_result_ put = ask(http_port, "/echo", .method = "PUT", .body = "p", .body_len = 1, .headers = headers);
	_cleanup_result_ del = ask(http_port, "/echo", .method = "DELETE");
	_cleanup_result_ head = ask(http_port, "/echo", .method = "HEAD");

	assert_string_equal(get.body, "1|certera-test/1|-|-|-|");
	assert_string_equal(post.body, "2|certera-test/1|application/json|yes|-|{}");
	assert_string_equal(empty.body, "2|certera-test/1|application/json|yes|-|");
	assert_string_equal(put.body, "8|certera-test/1|application/json|yes|-|p");
	assert_string_equal(del.body, "16|certera-test/1|-|-|-|");
	assert_int_equal(head.status, 200);
	assert_int_equal(head.body_len, 0);
	assert_false(err_is_set(&head.err));
}

static void big_request(void **state)
{
	const size_t size = 3 * 1024 * 1024; /* curl would ask for 100 Continue first */
	_cleanup_free_ char *body = xmalloc(size);
	_cleanup_result_ r = { 0 };

	memset(body, 'y', size);
	r = ask(http_port, "/echo", .body = body, .body_len = size, .max_body = 2 * size);
	assert_int_equal(r.status, 200);
	assert_true(r.body_len > size && r.body[r.body_len - 1] == 'y');
	assert_true(str_starts(r.body, "2|certera-test/1|application/x-www-form-urlencoded|-|-|y"));
}

static void body_limit(void **state)
{
	_cleanup_result_ fits = ask(http_port, "/bytes/1000", .max_body = 1000);
	_cleanup_result_ more = ask(http_port, "/bytes/1001", .max_body = 1000);
	_cleanup_result_ chunks_fit = ask(http_port, "/chunks/1000", .max_body = 1000);
	_cleanup_result_ chunks_more = ask(http_port, "/chunks/1001", .max_body = 1000);
	_cleanup_result_ usual = ask(http_port, "/bytes/1048576", 0);
	_cleanup_result_ over = ask(http_port, "/bytes/1048577", 0);

	assert_int_equal(fits.body_len, 1000);
	assert_int_equal(chunks_fit.body_len, 1000);
	assert_int_equal(usual.body_len, 1048576);
	assert_message(&more, ERR_PROTOCOL, "asking 127.0.0.1 port %d: it sent more than 1000 bytes", http_port);
	assert_message(&chunks_more, ERR_PROTOCOL, "it sent more than 1000 bytes");
	assert_message(&over, ERR_PROTOCOL, "it sent more than 1048576 bytes");
}

static struct result ask_raw_bytes(const char *text, size_t len)
{
	raw_answer = text;
	raw_answer_len = len;
	return ask(raw_port, "/", .max_redirects = 1);
}

static struct result ask_raw(const char *text)
{
	return ask_raw_bytes(text, strlen(text));
}

static void header_limit(void **state)
{
	_cleanup_buf_ struct buf many = BUF_INIT, long_one = BUF_INIT;
	_cleanup_result_ fits = { 0 }, more = { 0 }, longer = { 0 };

	buf_add_str(&many, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 63; i++)
		buf_addf(&many, "X-%04d: %0*d\r\n", i, 1014, 0);
	buf_add_str(&long_one, many.data);
	buf_add_str(&many, "Content-Length: 2\r\n\r\nok");
	fits = ask_raw(many.data);
	assert_string_equal(fits.body, "ok");
	many.len -= strlen("Content-Length: 2\r\n\r\nok");
	for (int i = 0; i < 2; i++)
		buf_addf(&many, "X-%04d: %0*d\r\n", i, 1014, 0);
	more = ask_raw(many.data);
	assert_message(&more, ERR_PROTOCOL, "it sent more than 65536 bytes of headers");
	buf_clear(&long_one);
	buf_addf(&long_one, "HTTP/1.1 200 OK\r\nX-Long: %0*d\r\n\r\n", 200000, 0);
	longer = ask_raw(long_one.data);
	assert_true(err_is_set(&longer.err));
}

static void raw_answers(void **state)
{
	_cleanup_result_ garbage = ask_raw("SSH-2.0-x\r\n"), nothing = ask_raw(""),
			 status = ask_raw("HTTP/1.1 xyz\r\n\r\n");
	_cleanup_result_ part = ask_raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart");
	_cleanup_result_ chunk = ask_raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
	_cleanup_result_ zero = ask_raw_bytes("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b", 41);
	_cleanup_result_ early = ask_raw("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-One:\r\n"
					 "Content-Length: 2\r\n\r\nok");

	assert_message(&garbage, ERR_PROTOCOL, "asking 127.0.0.1 port %d: not a proper HTTP answer: ", raw_port);
	assert_message(&nothing, ERR_NETWORK, "asking 127.0.0.1 port %d: the connection was closed without", raw_port);
	assert_message(&status, ERR_PROTOCOL, "not a proper HTTP answer");
	assert_message(&part, ERR_NETWORK, "the connection broke off amid the answer");
	assert_message(&chunk, ERR_NETWORK, "asking 127.0.0.1 port %d: no complete answer came: ", raw_port);
	assert_int_equal(chunk.status + part.status, 0);
	assert_int_equal(zero.body_len, 3);
	assert_memory_equal(zero.body, "a\0b", 4);
	assert_int_equal(early.status, 200);
	assert_string_equal(early.one[0], ""); /* not that of the interim response */
	assert_string_equal(early.body, "ok");
}

static void not_reached(void **state)
{
	_cleanup_result_ refused = ask(closed_port, "/", 0), unknown = { 0 };

	assert_message(&refused, ERR_NETWORK, "connecting to 127.0.0.1 port %d: connection refused", closed_port);
	start((struct fetch_request){ .url = "https://nowhere.example/secret" }, &unknown);
	wait_for_all();
	assert_message(&unknown, ERR_NETWORK, "looking up nowhere.example port 443: the name has no address");
}

static void timeouts(void **state)
{
	int64_t start_ms = clock_mono_ms();
	_cleanup_result_ silent = ask(silent_port, "/", .timeout_ms = 200);
	_cleanup_result_ no_tls = ask_at("https", silent_port, "/", (struct fetch_request){ .timeout_ms = 200 });
	_cleanup_result_ slow_name = { 0 };

	start((struct fetch_request){ .url = "https://slow.example/", .timeout_ms = 200 }, &slow_name);
	wait_for_all();
	assert_message(&silent, ERR_TIMEOUT, "asking 127.0.0.1 port %d: timed out after ", silent_port);
	assert_message(&no_tls, ERR_TIMEOUT, "connecting to 127.0.0.1 port %d: timed out after ",
		       silent_port);
	assert_message(&slow_name, ERR_TIMEOUT, "looking up slow.example port 443: timed out after ");
	assert_in_range(clock_mono_ms() - start_ms, 600, 3300); /* the look-up of 3 s was not waited for */
}

static void redirects(void **state)
{
	_cleanup_result_ none = ask(http_port, "/redirect/1", 0);
	_cleanup_result_ three = ask(http_port, "/redirect/3", .max_redirects = 3);
	_cleanup_result_ four = ask(http_port, "/redirect/4", .max_redirects = 3);
	_cleanup_result_ ftp = ask(http_port, "/ftp", .max_redirects = 3);

	assert_int_equal(none.status, 302);
	assert_string_equal(none.body, "go on");
	assert_int_equal(three.status, 200);
	assert_string_equal(three.body, "landed");
	assert_string_equal(three.one[0], "/redirect/-1"); /* of the last response only */
	assert_message(&four, ERR_PROTOCOL, "asking 127.0.0.1 port %d: too many redirects", http_port);
	assert_message(&ftp, ERR_PROTOCOL, "a redirect leads to what is not fetched: ");
}

static void bad_urls(void **state)
{
	static const struct {
		const char *url, *says;
	} cases[] = {
		{ "", "is not a URL" },
		{ "https://", "is not a URL" },
		{ "no url at all", "is not a URL" },
		{ "http://ca.example/x?secret", "asking ca.example port 80: the URL starts with http:, but must" },
		{ "file:///etc/passwd", "the URL starts with file:" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_result_ r;

		start((struct fetch_request){ .url = cases[i].url }, &r);
		wait_for_all();
		assert_int_equal(r.calls, 1);
		assert_message(&r, ERR_INVALID, "%s", cases[i].says);
		assert_null(strstr(r.err.message, "secret"));
	}
}

static void over_unix(void **state)
{
	_cleanup_free_ char *nowhere = xasprintf("%s/none", dir);
	_cleanup_result_ hello, none;

	start((struct fetch_request){ .url = "http://localhost/hello", .unix_socket = unix_path, .allow_http = true },
	      &hello);
	start((struct fetch_request){ .url = "http://localhost/hello", .unix_socket = nowhere, .allow_http = true },
	      &none);
	wait_for_all();
	assert_int_equal(hello.status, 200);
	assert_string_equal(hello.body, "hello");
	assert_message(&none, ERR_NETWORK, "connecting to %s: no such file or directory", nowhere);
}

static void over_tls(void **state)
{
	_cleanup_free_ char *nowhere = xasprintf("%s/none.pem", dir);
	_cleanup_result_ trusted = ask_tls("/secure", .ca_file = ca_file), unknown = ask_tls("/secure", 0);
	_cleanup_result_ other_name = { 0 }, no_file = ask_tls("/secure", .ca_file = nowhere);
	_cleanup_free_ char *url = xasprintf("https://localhost:%d/secure", tls_port);

	assert_false(err_is_set(&trusted.err));
	assert_int_equal(trusted.status, 200);
	assert_string_equal(trusted.one[0], "TLS");
	assert_string_equal(trusted.body, "over TLS");
	assert_message(&unknown, ERR_NETWORK,
		       "connecting to 127.0.0.1 port %d: its TLS certificate is not trusted: ", tls_port);
	assert_non_null(strstr(unknown.err.hint, "ca_file"));
	start((struct fetch_request){ .url = url, .ca_file = ca_file }, &other_name);
	wait_for_all();
	assert_message(&other_name, ERR_NETWORK, "connecting to localhost port %d: its TLS certificate is not",
		       tls_port);
	assert_message(&no_file, ERR_CONFIG, "reading the trusted certificates in %s", nowhere);
}

static void never_down_from_tls(void **state)
{
	int asked_before = asked;
	_cleanup_result_ strict = ask_tls("/down", .ca_file = ca_file, .max_redirects = 5);
	_cleanup_result_ loose = ask_tls("/down", .ca_file = ca_file, .max_redirects = 5, .allow_http = true);

	assert_message(&strict, ERR_PROTOCOL, "a redirect leads to what is not fetched: ");
	assert_message(&loose, ERR_PROTOCOL, "asking 127.0.0.1 port %d: a redirect leads there from https to plain",
		       http_port);
	assert_int_equal(asked, asked_before); /* nothing was sent there */
}

static void no_proxy(void **state)
{
	char proxy[64];

	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", closed_port);
	setenv("http_proxy", proxy, 1);
	setenv("ALL_PROXY", proxy, 1);
	{
		_cleanup_result_ r = ask(http_port, "/hello", 0);

		assert_int_equal(r.status, 200);
	}
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void strangers_urls(void **state)
{
	struct cidr item;
	const struct cidr_list loopback = { &item, 1 };
	_cleanup_result_ kept = ask(http_port, "/hello", 0);	/* its connection is not used again */
	_cleanup_result_ refused = ask(http_port, "/hello", .public_only = true);
	_cleanup_result_ allowed = { 0 }, other = { 0 };

	assert_int_equal(kept.status, 200);
	assert_message(&refused, ERR_DENIED, "connecting to 127.0.0.1 port %d: its address 127.0.0.1 is not a public one", http_port);
	assert_int_equal(cidr_parse(&item, "127.0.0.0/8", NULL), 0);
	allowed = ask(http_port, "/hello", .public_only = true, .but = &loopback);
	assert_int_equal(allowed.status, 200);
	assert_int_equal(cidr_parse(&item, "10.0.0.0/8", NULL), 0);
	other = ask(http_port, "/hello", .public_only = true, .but = &loopback);
	assert_int_equal(other.err.kind, ERR_DENIED);
}

/* A redirect must not lead to where only somebody else may go, over the connection that one has left. */
static void strangers_redirects(void **state)
{
	struct cidr item;
	const struct cidr_list second = { &item, 1 };
	_cleanup_result_ kept = ask(http_port, "/hello", 0), led = { 0 };
	_cleanup_free_ char *url = xasprintf("http://127.0.0.2:%d/home", http_port);

	assert_int_equal(kept.status, 200);
	assert_int_equal(cidr_parse(&item, "127.0.0.2/32", NULL), 0);
	start((struct fetch_request){ .url = url, .allow_http = true, .public_only = true, .but = &second, .max_redirects = 1 }, &led);
	wait_for_all();
	assert_message(&led, ERR_DENIED, "its address 127.0.0.1 is not a public one");
	assert_string_equal(led.body, "");
}

/* Whoever judges a host must read it as the request will. */
static void urls(void **state)
{
	static const struct {
		const char *url, *whole, *host, *path;	/* whole NULL: it is no URL */
		int port;
	} rows[] = {
		{ "http://WWW.example/a?b", "http://WWW.example/a?b", "WWW.example", "/a", 80 },
		{ "https://[::1]:8443/", "https://[::1]:8443/", "::1", "/", 8443 },
		{ "/c?d", "http://base.example:81/c?d", "base.example", "/c", 81 },
		{ "e", "http://base.example:81/x/e", "base.example", "/x/e", 81 },
		{ "//other.example/f", "http://other.example/f", "other.example", "/f", 80 },
		{ "http://2130706433/", "http://127.0.0.1/", "127.0.0.1", "/", 80 },
		{ "http://0x7f.1/", "http://127.0.0.1/", "127.0.0.1", "/", 80 },
		{ "http://0177.0.0.1/", "http://127.0.0.1/", "127.0.0.1", "/", 80 },
		{ "http://127.0.0.1./", "http://127.0.0.1./", "127.0.0.1", "/", 80 },
		{ "http://a.example@127.0.0.1/", "http://a.example@127.0.0.1/", "127.0.0.1", "/", 80 },
		{ "http://127.0.0.1/g h", "http://127.0.0.1/g%20h", "127.0.0.1", "/g%20h", 80 },
		{ "http://127.0.0.1:99999/", NULL, NULL, NULL, 0 },
		{ "http://a b/", NULL, NULL, NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fetch_url u;

		assert_int_equal(fetch_url_read(&u, "http://base.example:81/x/y?z", rows[i].url), rows[i].whole ? 0 : -1);
		if (rows[i].whole) {
			assert_string_equal(u.url, rows[i].whole);
			assert_string_equal(u.host, rows[i].host);
			assert_string_equal(u.path, rows[i].path);
			assert_int_equal(u.port, rows[i].port);
		}
		fetch_url_release(&u);
	}
	assert_int_equal(fetch_url_read(&(struct fetch_url){ .port = 0 }, NULL, "/relative/to/nothing"), -1);
}

static void many_at_once(void **state)
{
	_cleanup_free_ char *url = xasprintf("http://127.0.0.1:%d/bytes/5000", http_port);
	struct result r[50];

	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		start((struct fetch_request){ .url = url, .allow_http = true }, &r[i]);
	wait_for_all();
	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		assert_int_equal(r[i].calls, 1);
		assert_int_equal(r[i].status, 200);
		assert_int_equal(r[i].body_len, 5000);
		release(&r[i]);
	}
}

static void cancelled(void **state)
{
	_cleanup_free_ char *silent = xasprintf("http://127.0.0.1:%d/", silent_port);
	_cleanup_result_ hello = { 0 }, never, name, bad;
	int64_t start_ms = clock_mono_ms();

	start((struct fetch_request){ .url = silent, .allow_http = true }, &never);
	start((struct fetch_request){ .url = "https://slow.example/" }, &name);
	start((struct fetch_request){ .url = "no url" }, &bad);
	fetch_cancel(bad.handle);
	waiting -= 3;
	hello = ask(http_port, "/hello", 0); /* a while, for the others to get going */
	fetch_cancel(never.handle);
	fetch_cancel(name.handle);
	release(&hello);
	hello = ask(http_port, "/hello", 0);
	assert_int_equal(hello.status, 200);
	assert_int_equal(never.calls + name.calls + bad.calls, 0);
	assert_in_range(clock_mono_ms() - start_ms, 0, 2500);
}

static struct result group[6];

/* The first to arrive cancels everyone, itself included. */
static void cancel_all(void *arg, const struct fetch_reply *reply)
{
	struct result *r = arg;

	r->calls++;
	for (size_t i = 0; i < ARRAY_SIZE(group); i++)
		if (!group[i].calls || &group[i] == r)
			fetch_cancel(group[i].handle);
	assert_string_equal(reply->body, "hello"); /* still there */
	loop_stop(loop);
}

static void cancelled_in_a_callback(void **state)
{
	_cleanup_free_ char *url = xasprintf("http://127.0.0.1:%d/hello", http_port);
	const struct fetch_request rq = { .url = url, .allow_http = true };
	_cleanup_result_ after = { 0 };
	int calls = 0;

	for (size_t i = 0; i < ARRAY_SIZE(group); i++) {
		group[i].calls = 0;
		group[i].handle = fetch_start(fetcher, &rq, cancel_all, &group[i]);
	}
	wait_for_all();
	after = ask(http_port, "/hello", 0);
	assert_int_equal(after.status, 200);
	for (size_t i = 0; i < ARRAY_SIZE(group); i++)
		calls += group[i].calls;
	assert_int_equal(calls, 1);
}

static struct fetcher *second;

static void free_fetcher(void *arg, const struct fetch_reply *reply)
{
	(*(int *)arg)++;
	fetcher_free(TAKE(second));
	assert_int_equal(reply->status, 200);
	assert_string_equal(fetch_header(reply, "X-One", 0), "first");
	loop_stop(loop);
}

static void freed_under_way(void **state)
{
	_cleanup_free_ char *hello = xasprintf("http://127.0.0.1:%d/hello", http_port);
	_cleanup_free_ char *silent = xasprintf("http://127.0.0.1:%d/", silent_port);
	const struct fetch_request soon = { .url = hello, .allow_http = true },
				   never = { .url = silent, .allow_http = true };
	const struct fetch_request bad = { .url = "no url" };
	_cleanup_result_ after = { 0 };
	int calls = 0;

	second = fetcher_new(loop, "second");
	for (int i = 0; i < 3; i++) {
		fetch_start(second, &never, free_fetcher, &calls);
		fetch_start(second, &soon, free_fetcher, &calls);
	}
	wait_for_all();
	assert_int_equal(calls, 1);
	second = fetcher_new(loop, "third");
	fetch_start(second, &soon, free_fetcher, &calls);
	fetch_start(second, &bad, free_fetcher, &calls);
	fetcher_free(second);
	fetcher_free(NULL);
	after = ask(http_port, "/hello", 0);
	assert_int_equal(after.status, 200);
	assert_int_equal(calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies),
		cmocka_unit_test(requests),
		cmocka_unit_test(big_request),
		cmocka_unit_test(body_limit),
		cmocka_unit_test(header_limit),
		cmocka_unit_test(raw_answers),
		cmocka_unit_test(not_reached),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(redirects),
		cmocka_unit_test(bad_urls),
		cmocka_unit_test(over_unix),
		cmocka_unit_test(over_tls),
		cmocka_unit_test(never_down_from_tls),
		cmocka_unit_test(no_proxy),
		cmocka_unit_test(strangers_urls),
		cmocka_unit_test(strangers_redirects),
		cmocka_unit_test(urls),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(cancelled_in_a_callback),
		cmocka_unit_test(freed_under_way),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
