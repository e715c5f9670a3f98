/* The listeners, connections with TLS and without, and the gate behind them, with real clients: kept, closed, slow, rude. */
#include "t/lib/store.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/metric.h"
#include "base/process/frames.h"
#include "daemon/desk/inbox.h"
#include "daemon/front/exchange.h"
#include "daemon/front/line.h"
#include "daemon/front/sockets.h"
#include "pki/cert.h"
#include "webui/webui.h"

#define BIG (5 * 1024 * 1024)
#define CHALLENGE "/.well-known/acme-challenge/"
#define KEPT 10000

static struct {
	int http, https;		/* ports */
	char *control;
	struct store *store;
	struct listeners *listeners;
	struct tls *tls;
	struct loop *loop;
	struct webui_settings settings;
	struct webui_env env;
	struct webui *webui;
	struct inbox *inbox;
	struct desk_line *line;
	struct challenges *challenges;
	struct doors *doors;
	struct exchanges *exchanges;
	struct conns *conns;
	struct serving *serving;
	struct exchanges *exchanges_control;
	struct conns *conns_control;
	struct serving *serving_control;
	pthread_t thread;
	int descriptors;		/* without connections */
} site;

/*
 * The server.
 */

static struct address loopback(int *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct address a = { .len = sizeof(sin) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a.sa, &a.len), 0);
	*port = address_port(&a);
	return a;
}

static struct listeners *open_listeners(struct address *http, struct address *https, const char *control)
{
	struct config_addresses http_list = { http, 1 }, https_list = { https, 1 };
	struct listen_options options = {
		.http = &http_list, .https = &https_list, .control = control, .group = NO_GROUP, .threads = 1
	};

	return listeners_open(&options, &e);
}

static void *run(void *loop)
{
	loop_run(loop);
	return NULL;
}

static struct cidr_list network(const char *text)
{
	struct cidr_list list = { xcalloc(1, sizeof(struct cidr)), 1 };

	OK(cidr_parse(list.item, text, &e));
	return list;
}

static void line_must_not_close(void *arg)
{
	fail_msg("the line is closed");
}

static int count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

/* Front and desk, with their line between them. */
static void connect_desk(void)
{
	int pair[2];

	OK(frames_pair(pair, &e));
	site.inbox = inbox_new(site.loop, webui_attend, site.webui);
	inbox_connect(site.inbox, pair[0]);
	site.line = line_new(site.loop, pair[1], line_must_not_close, NULL);
}

static int set_up(void **state)
{
	struct address http = loopback(&site.http), https = loopback(&site.https);
	_cleanup_free_ char *big = xmalloc(BIG + 1);

	curl_global_init(CURL_GLOBAL_DEFAULT);
	assert_int_equal(make_test_dir(state), 0);
	site.store = open_test_store();
	memset(big, 'b', BIG);
	big[BIG] = '\0';
	site.challenges = challenges_new();
	challenges_set(site.challenges, "small", "small.thumbprint");
	challenges_set(site.challenges, "big", big);

	site.control = test_path("control.sock");
	site.listeners = open_listeners(&http, &https, site.control);
	assert_non_null(site.listeners);
	site.tls = tls_new("server.example", &e);
	assert_non_null(site.tls);
	site.loop = loop_new();
	site.settings = (struct webui_settings){
		.hostname = "server.example", .https_port = site.https, .key_type = "p256",
		.admin = network("127.0.0.2"), .api = network("127.0.0.3"),
	};
	site.env = (struct webui_env){ .store = site.store, .version = "test", .started = clock_now() };
	site.webui = webui_new(site.loop, NULL, &site.env, &site.settings);
	connect_desk();
	site.doors = doors_new();
	site.exchanges = exchanges_new(&(struct answering){
		.challenges = site.challenges, .attend = line_attend, .left = line_left, .brief = true, .arg = site.line,
	});
	site.conns = conns_new(site.loop, site.tls, site.doors, 1, &exchange_handler, site.exchanges);
	site.serving = listeners_serve(site.listeners, 0, 1u << FACE_HTTP | 1u << FACE_HTTPS, site.loop, site.conns);
	site.exchanges_control = exchanges_new(&(struct answering){ .attend = webui_attend, .arg = site.webui });
	site.conns_control = conns_new(site.loop, NULL, site.doors, 1, &exchange_handler, site.exchanges_control);
	site.serving_control = listeners_serve(site.listeners, 0, 1u << FACE_CONTROL, site.loop, site.conns_control);
	site.descriptors = count_descriptors();
	return pthread_create(&site.thread, NULL, run, site.loop);
}

static int tear_down(void **state)
{
	loop_stop(site.loop);
	pthread_join(site.thread, NULL);
	serving_free(site.serving);
	serving_free(site.serving_control);
	conns_free(site.conns);
	line_free(site.line);
	webui_free(site.webui);
	inbox_free(site.inbox);
	conns_free(site.conns_control);
	exchanges_free(site.exchanges_control);
	exchanges_free(site.exchanges);
	doors_free(site.doors);
	challenges_free(site.challenges);
	loop_free(site.loop);
	tls_free(site.tls);
	store_close(site.store);
	listeners_close(site.listeners);
	assert_int_equal(access(site.control, F_OK), -1);
	cidr_list_release(&site.settings.admin);
	cidr_list_release(&site.settings.api);
	free(site.control);
	curl_global_cleanup();
	return remove_test_dir(state);
}

/* No connection is left.  The server notices a moment later than its client. */
static void assert_all_closed(void)
{
	for (int i = 0; i < 200 && count_descriptors() != site.descriptors; i++)
		usleep(20000);
	assert_int_equal(count_descriptors(), site.descriptors);
}

/*
 * Clients.
 */

struct reply {
	long status;
	struct buf head, body;
};

static size_t take(char *data, size_t size, size_t count, void *buf)
{
	buf_add(buf, data, size * count);
	return size * count;
}

static void reply_release(struct reply *r)
{
	buf_release(&r->head);
	buf_release(&r->body);
}
#define _cleanup_reply_ _cleanup_(reply_release)

static CURL *client(const char *scheme, const char *path)
{
	static struct curl_slist here = { (char *)"::127.0.0.1:", NULL };
	_cleanup_free_ char *url =
		xasprintf("%s://server.example:%d%s", scheme, str_eq(scheme, "http") ? site.http : site.https, path);
	CURL *c = curl_easy_init();

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_CONNECT_TO, &here);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, 30L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take);
	return c;
}

static struct reply perform(CURL *c)
{
	struct reply r = { 0 };
	CURLcode code;

	curl_easy_setopt(c, CURLOPT_WRITEDATA, &r.body);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, &r.head);
	code = curl_easy_perform(c);
	if (code)
		fail_msg("curl: %s", curl_easy_strerror(code));
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &r.status);
	return r;
}

static struct reply ask(const char *scheme, const char *path, const char *method, const char *from)
{
	CURL *c = client(scheme, path);
	struct reply r;

	curl_easy_setopt(c, CURLOPT_NOBODY, str_eq(method, "HEAD") ? 1L : 0L);
	if (!str_eq(method, "HEAD"))
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(c, CURLOPT_INTERFACE, from);
	r = perform(c);
	curl_easy_cleanup(c);
	return r;
}

static bool has_header(const struct reply *r, const char *line)
{
	return strcasestr(buf_str(&r->head), line);
}

static int dial(int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

/* What comes back before the server closes. */
static struct buf talk(int port, const char *request, size_t len)
{
	_cleanup_close_ int fd = dial(port);
	struct buf answer = BUF_INIT;
	ssize_t got;

	assert_int_equal(send(fd, request, len, MSG_NOSIGNAL), len);
	while ((got = recv(fd, buf_reserve(&answer, 4096), 4096, 0)) > 0)
		answer.len += (size_t)got;
	buf_add(&answer, "", 0);
	return answer;
}

/*
 * Tests.
 */

static const char *const schemes[] = { "http", "https" };

static void test_challenge_answers(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		_cleanup_reply_ struct reply r = ask(schemes[i], CHALLENGE "small", "GET", NULL);
		_cleanup_reply_ struct reply head = ask(schemes[i], CHALLENGE "small", "HEAD", NULL);
		_cleanup_reply_ struct reply unknown = ask(schemes[i], CHALLENGE "smal", "GET", NULL);
		_cleanup_reply_ struct reply hostile = ask(schemes[i], CHALLENGE "a%2f..%00", "GET", NULL);
		_cleanup_reply_ struct reply post = ask(schemes[i], CHALLENGE "small", "POST", NULL);

		assert_int_equal(r.status, 200);
		assert_string_equal(buf_str(&r.body), "small.thumbprint");
		assert_true(has_header(&r, "Content-Type: text/plain\r\n"));
		assert_true(has_header(&r, "Content-Length: 16\r\n"));
		assert_false(has_header(&r, "Server:"));
		assert_int_equal(head.status, 200);
		assert_int_equal(head.body.len, 0);
		assert_true(has_header(&head, "Content-Length: 16\r\n"));
		assert_int_equal(unknown.status, 404);
		assert_int_equal(hostile.status, 404);
		assert_int_equal(post.status, 405);
		assert_true(has_header(&post, "Allow: GET, HEAD\r\n"));
	}
}

static void test_kept_connection(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		CURL *c = client(schemes[i], CHALLENGE "small");
		long connects, all = 0;

		for (int n = 0; n < KEPT; n++) {
			_cleanup_reply_ struct reply r = perform(c);

			assert_int_equal(r.status, 200);
			assert_int_equal(r.body.len, 16);
			curl_easy_getinfo(c, CURLINFO_NUM_CONNECTS, &connects);
			all += connects;
		}
		assert_int_equal(all, 1);
		curl_easy_cleanup(c);
	}
}

static void test_big_answers(void **state)
{
	struct curl_slist close = { (char *)"Connection: close", NULL };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(schemes); i++) {
		CURL *c = client(schemes[i / 2], CHALLENGE "big");

		if (i % 2)
			curl_easy_setopt(c, CURLOPT_HTTPHEADER, &close);
		for (int n = 0; n < 3; n++) {
			_cleanup_reply_ struct reply r = perform(c);

			assert_int_equal(r.status, 200);
			assert_int_equal(r.body.len, BIG);
			assert_int_equal(strspn(r.body.data, "b"), BIG);
		}
		curl_easy_cleanup(c);
	}
}

/* A client that reads in bursts fills the socket again and again. */
static size_t take_slowly(char *data, size_t size, size_t count, void *buf)
{
	usleep(500);
	return take(data, size, count, buf);
}

static void test_slow_reader(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		CURL *c = client(schemes[i], CHALLENGE "big");
		struct reply r;

		curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_slowly);
		r = perform(c);
		assert_int_equal(r.body.len, BIG);
		reply_release(&r);
		curl_easy_cleanup(c);
	}
}

/* Who does not take long answers at all: so many wait, those that have waited longest are given up, and who reads is served. */
static void test_no_readers(void **state)
{
	static const char request[] = "GET " CHALLENGE "big HTTP/1.1\r\nHost: a\r\n\r\n";
	uint64_t before = metric_get(METRIC_closed_slow);
	CURL *c = client("http", CHALLENGE "big");
	int fd[80], least = 4096;
	struct reply r;

	for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
		fd[i] = dial(site.http);
		setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
		assert_int_equal(send(fd[i], request, sizeof(request) - 1, 0), sizeof(request) - 1);
	}
	for (int waited = 0; metric_get(METRIC_closed_slow) == before && waited < 2000; waited++)
		usleep(10000);
	assert_true(metric_get(METRIC_closed_slow) > before);
	r = perform(c);
	assert_int_equal(r.body.len, BIG);
	reply_release(&r);
	curl_easy_cleanup(c);
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++)
		close(fd[i]);
}

static void test_closed_answers_are_whole(void **state)
{
	struct curl_slist close = { (char *)"Connection: close", NULL };

	for (int n = 0; n < 200; n++) {
		CURL *c = client(schemes[n % 2], CHALLENGE "small");
		struct reply r;

		curl_easy_setopt(c, CURLOPT_HTTPHEADER, &close);
		r = perform(c);
		assert_int_equal(r.body.len, 16);
		reply_release(&r);
		curl_easy_cleanup(c);
	}
	assert_all_closed();
}

static void test_old_http(void **state)
{
	const char *request = "GET " CHALLENGE "small HTTP/1.0\r\n\r\n";
	_cleanup_buf_ struct buf answer = talk(site.http, request, strlen(request));

	assert_true(str_starts(answer.data, "HTTP/1.0 200 "));
	assert_true(str_ends(answer.data, "\r\n\r\nsmall.thumbprint"));
}

static void test_pipelined(void **state)
{
	const char *request =
		"GET " CHALLENGE "small HTTP/1.1\r\nHost: a\r\n\r\nGET " CHALLENGE "small HTTP/1.1\r\nHost: a\r\n"
		"Connection: close\r\n\r\n";
	_cleanup_buf_ struct buf answer = talk(site.http, request, strlen(request));
	const char *first = strstr(answer.data, "small.thumbprint");

	assert_non_null(first);
	assert_non_null(strstr(first + 1, "small.thumbprint"));
}

static void test_limits(void **state)
{
	_cleanup_free_ char *filler = xmalloc(40000);
	_cleanup_buf_ struct buf request = BUF_INIT;
	struct buf answer;

	memset(filler, 'x', 39999);
	filler[39999] = '\0';
	buf_addf(&request, "GET / HTTP/1.1\r\nX: %s\r\n\r\n", filler);
	answer = talk(site.http, request.data, request.len);
	assert_true(str_starts(answer.data, "HTTP/1.1 431 "));
	buf_release(&answer);

	buf_clear(&request);
	buf_addf(&request, "POST /api/key/x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", 64 * 1024 + 1);
	answer = talk(site.http, request.data, request.len);
	assert_true(str_starts(answer.data, "HTTP/1.1 413 "));
	buf_release(&answer);
}

static void test_gate(void **state)
{
	_cleanup_reply_ struct reply stranger = ask("https", "/api/certificate/shop", "GET", NULL);
	_cleanup_reply_ struct reply nowhere = ask("https", "/nothing", "GET", NULL);
	_cleanup_reply_ struct reply script = ask("https", "/nothing", "GET", "127.0.0.3");
	_cleanup_reply_ struct reply admin = ask("https", "/nothing", "GET", "127.0.0.2");
	_cleanup_reply_ struct reply api = ask("https", "/api/v1/status", "GET", "127.0.0.2");
	_cleanup_reply_ struct reply without = ask("https", "/api/certificate/shop", "GET", "127.0.0.3");
	_cleanup_reply_ struct reply method = ask("https", "/api/certificate/shop", "DELETE", "127.0.0.3");

	assert_int_equal(stranger.status, 403);
	assert_int_equal(nowhere.status, 403);
	assert_string_equal(buf_str(&stranger.body), buf_str(&nowhere.body));
	assert_int_equal(script.status, 403);
	assert_int_equal(admin.status, 404);
	assert_int_equal(api.status, 401);
	assert_int_equal(without.status, 401);
	assert_int_equal(method.status, 405);
}

static void test_redirect(void **state)
{
	_cleanup_free_ char *location = xasprintf("Location: https://server.example:%d/a/b?c=d\r\n", site.https);
	_cleanup_reply_ struct reply stranger = ask("http", "/a/b?c=d", "GET", NULL);
	_cleanup_reply_ struct reply known = ask("http", "/a/b?c=d", "GET", "127.0.0.3");
	_cleanup_reply_ struct reply post = ask("http", "/a/b?c=d", "POST", "127.0.0.3");
	struct curl_slist evil = { (char *)"Host: evil.example", NULL };
	CURL *c = client("http", "//evil.example/");
	struct reply r;

	assert_int_equal(stranger.status, 403);
	assert_int_equal(known.status, 308);
	assert_true(has_header(&known, location));
	assert_int_equal(post.status, 403);

	curl_easy_setopt(c, CURLOPT_HTTPHEADER, &evil);
	curl_easy_setopt(c, CURLOPT_INTERFACE, "127.0.0.3");
	r = perform(c);
	assert_true(has_header(&r, "Location: https://server.example:"));
	reply_release(&r);
	curl_easy_cleanup(c);
}

static void test_control_socket(void **state)
{
	CURL *c = client("http", "/api/v1/status");
	struct stat st;
	struct reply r;

	assert_int_equal(stat(site.control, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, site.control);
	r = perform(c);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(buf_str(&r.body), "\"version\":\"test\""));
	reply_release(&r);
	curl_easy_cleanup(c);
}

/* One fails at each byte of its first flight, one says nothing at all, one speaks another language. */
static void test_rude_clients(void **state)
{
	static const unsigned char hello[] = {
		0x16, 3,  1,  0,  0x31, 1,  0,  0,  0x2d, 3,  3,    1,    2,  3,  4,  5,  6,  7,
		8,    9,  10, 11, 12,   13, 14, 15, 16,   17, 18,   19,   20, 21, 22, 23, 24, 25,
		26,   27, 28, 29, 30,   31, 32, 0,  0,    2,  0xc0, 0x2b, 1,  0,  0,  2,  0,  0,
	};

	for (size_t len = 0; len <= sizeof(hello); len++) {
		int fd = dial(site.https);

		if (len)
			assert_int_equal(send(fd, hello, len, 0), len);
		close(fd);
	}
	for (size_t len = 0; len < 40; len++) {
		int fd = dial(site.https);

		assert_int_equal(send(fd, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n12345", len, 0), len);
		close(fd);
	}
	assert_all_closed();
	test_challenge_answers(state);
}

/*
 * Certificates.
 */

struct own {
	struct buf chain, key;
	char pin[80];		/* of its public key, as curl wants it */
};

static struct own own_certificate(const char *host)
{
	_cleanup_key_ struct key *key = key_generate(KEY_P256, &e);
	_cleanup_buf_ struct buf der = BUF_INIT, spki = BUF_INIT, hash = BUF_INIT;
	unsigned char digest[SHA256_SIZE];
	struct own own = { 0 };
	struct cert cert = { 0 };
	struct chain chain = { &cert, 1 };

	assert_non_null(key);
	OK(cert_self_signed(key, host, &der, &e));
	OK(cert_parse(&cert, slice_buf(&der), &e));
	chain_pem(&chain, 0, 1, &own.chain);
	OK(key_pkcs8(key, &own.key, &e));
	OK(key_spki(key, &spki, &e));
	sha256(spki.data, spki.len, digest);
	base64_add(&hash, digest, sizeof(digest));
	snprintf(own.pin, sizeof(own.pin), "sha256//%s", hash.data);
	cert_release(&cert);
	return own;
}

static void own_release(struct own *own)
{
	buf_release(&own->chain);
	buf_wipe(&own->key);
}
#define _cleanup_own_ _cleanup_(own_release)

static void set_certificate(const struct own *own, const char *a, const char *b)
{
	char *names[] = { (char *)a, (char *)b, NULL };

	OK(tls_set_certificate(site.tls, own->pin, names, slice_buf(&own->chain), slice_buf(&own->key), &e));
}

/* Who asks for host is served this certificate. */
static void assert_served(const struct own *own, const char *host)
{
	_cleanup_free_ char *url = xasprintf("https://%s:%d" CHALLENGE "small", host, site.https);
	CURL *c = client("https", "");
	CURLcode code;
	struct buf unused = BUF_INIT;

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PINNEDPUBLICKEY, own->pin);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &unused);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, &unused);
	code = curl_easy_perform(c);
	if (code)
		fail_msg("%s: %s", host, curl_easy_strerror(code));
	curl_easy_cleanup(c);
	buf_release(&unused);
}

static void test_certificates_by_name(void **state)
{
	_cleanup_own_ struct own a = own_certificate("a.example"), b = own_certificate("b.example"),
				 a2 = own_certificate("a.example");
	char *names[] = { (char *)"a.example", NULL };

	set_certificate(&a, "a.example", "*.a.example");
	assert_served(&a, "a.example");
	assert_served(&a, "www.a.example");
	assert_served(&a, "elsewhere.example");
	set_certificate(&b, "b.example", NULL);
	assert_served(&a, "a.example");
	assert_served(&a, "WWW.A.example");
	assert_served(&b, "b.example");
	assert_served(&b, "elsewhere.example");
	assert_served(&b, "127.0.0.1");

	FAILS(tls_set_certificate(site.tls, "a2", names, slice_buf(&a2.chain), slice_buf(&b.key), &e), INVALID,
	      "a different key");
	FAILS(tls_set_certificate(site.tls, "a2", names, slice_str("nonsense"), slice_buf(&b.key), &e), INVALID, "");
	assert_served(&a, "a.example");

	set_certificate(&a2, "a.example", NULL);
	assert_served(&a2, "a.example");
	assert_served(&a, "www.a.example");

	OK(tls_keep_certificates(site.tls, (char *[]){ a.pin, b.pin, NULL }, &e));
	assert_served(&a, "a.example");
	assert_served(&b, "b.example");
	OK(tls_set_certificate(site.tls, a.pin, names, slice_buf(&a2.chain), slice_buf(&a2.key), &e));
	assert_served(&a2, "www.a.example");	/* the next version of a, without that name */
}

static atomic_bool replacing;

static void *replace_again_and_again(void *arg)
{
	const struct own *own = arg;
	char *names[] = { (char *)"server.example", NULL };
	struct err why = { 0 };

	for (int i = 0; atomic_load(&replacing); i++)
		if (tls_set_certificate(site.tls, "own", names, slice_buf(&own[i % 2].chain),
					slice_buf(&own[i % 2].key), &why) < 0)
			die("%s", why.message);
	return NULL;
}

static void test_replaced_while_serving(void **state)
{
	struct own own[] = { own_certificate("server.example"), own_certificate("server.example") };
	CURL *kept = client("https", CHALLENGE "small");
	pthread_t thread;

	atomic_store(&replacing, true);
	assert_int_equal(pthread_create(&thread, NULL, replace_again_and_again, own), 0);
	for (int i = 0; i < 100; i++) {
		_cleanup_reply_ struct reply fresh = ask("https", CHALLENGE "small", "GET", NULL);
		_cleanup_reply_ struct reply again = perform(kept);

		assert_int_equal(fresh.status, 200);
		assert_int_equal(again.status, 200);
	}
	atomic_store(&replacing, false);
	pthread_join(thread, NULL);
	curl_easy_cleanup(kept);
	assert_all_closed();
	own_release(&own[0]);
	own_release(&own[1]);
}

/*
 * Sockets.
 */

static void test_taken_addresses(void **state)
{
	struct address http = loopback(&(int){ 0 }), https = loopback(&(int){ 0 }), taken = http;
	_cleanup_free_ char *path = test_path("other.sock"), *file = test_path("file");

	((struct sockaddr_in *)&taken.sa)->sin_port = htons((uint16_t)site.http);
	assert_null(open_listeners(&taken, &https, path));
	assert_non_null(strstr(e.message, "address already in use"));
	assert_non_null(strstr(e.hint, "listen.http"));
	assert_null(open_listeners(&http, &https, site.control));
	assert_non_null(strstr(e.message, "a program answers on it"));
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_null(open_listeners(&http, &https, file));
	assert_non_null(strstr(e.message, "something else is there"));
	assert_int_equal(unlink(file), 0);
}

static void test_stale_socket(void **state)
{
	struct address http = loopback(&(int){ 0 }), https = loopback(&(int){ 0 });
	_cleanup_free_ char *path = test_path("stale.sock"), *kept = test_path("kept.sock");
	struct listeners *l = open_listeners(&http, &https, path);

	assert_non_null(l);
	assert_int_equal(link(path, kept), 0);
	listeners_close(l);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rename(kept, path), 0);	/* as a crash leaves it */
	l = open_listeners(&http, &https, path);
	assert_non_null(l);
	assert_int_equal(listeners_https_port(l), address_port(&https));
	listeners_close(l);
}

/* Out of descriptors it waits instead of spinning, and goes on when there are some again. */
static void test_no_descriptors(void **state)
{
	struct rlimit old, low;
	struct rusage begin, end;
	int fd[20];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++)
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	low = (struct rlimit){ (rlim_t)fd[ARRAY_SIZE(fd) - 1] + 1, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
		struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)site.https),
					   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

		assert_int_equal(connect(fd[i], (struct sockaddr *)&sin, sizeof(sin)), 0);
	}
	getrusage(RUSAGE_SELF, &begin);
	usleep(600000);
	getrusage(RUSAGE_SELF, &end);
	assert_true((end.ru_utime.tv_sec - begin.ru_utime.tv_sec) * 1000000 + end.ru_utime.tv_usec -
			    begin.ru_utime.tv_usec + (end.ru_stime.tv_sec - begin.ru_stime.tv_sec) * 1000000 +
			    end.ru_stime.tv_usec - begin.ru_stime.tv_usec <
		    200000);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++)
		close(fd[i]);
	test_challenge_answers(state);
	assert_all_closed();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenge_answers),
		cmocka_unit_test(test_kept_connection),
		cmocka_unit_test(test_big_answers),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_no_readers),
		cmocka_unit_test(test_closed_answers_are_whole),
		cmocka_unit_test(test_old_http),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_control_socket),
		cmocka_unit_test(test_rude_clients),
		cmocka_unit_test(test_certificates_by_name),
		cmocka_unit_test(test_replaced_while_serving),
		cmocka_unit_test(test_taken_addresses),
		cmocka_unit_test(test_stale_socket),
		cmocka_unit_test(test_no_descriptors),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
