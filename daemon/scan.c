#include "daemon/scan.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"
#include "pki/identifier.h"

#include "daemon/dns_query.h"
#include "daemon/handshake.h"
#include "daemon/starttls.h"

#define ADDRESSES_MAX 16	/* of one name */
#define AT_ONE_HOST 2		/* connections at a time */
#define HOST_BUCKETS 256

/* An address with its connections; it is there as long as it has some, or somebody waits for one. */
struct host {
	struct host *next;
	struct address address;		/* without port */
	int running;
	struct probe *first, **last;	/* who waits */
};

struct scanner {
	struct loop *loop;
	struct dns *dns;		/* our own: slow names shall not hold up what orders ask */
	struct handshakes *handshakes;
	struct trust *trust;
	int64_t timeout_ms;
	char *resolvers, *own;
	struct host *hosts[HOST_BUCKETS];
};

/* One address of a scan. */
struct probe {
	struct probe *next;		/* who waits behind it for the same host */
	struct scan *scan;
	struct view *view;
	struct address address;
	struct host *host;		/* NULL: it is over */
	bool running, connected;
	int fd, error;
	struct event *event;
	struct timer deadline;
	int64_t begun;
	struct starttls starttls;
	struct buf in, out;
	struct handshake *handshake;
};

struct scan {
	struct scanner *scanner;
	struct service service;
	scan_cb *cb;
	void *arg;
	struct dns_query *query;
	struct err err;
	char *found[ADDRESSES_MAX];
	size_t count;
	struct probe *probes;
	struct view *views;
	size_t open;			/* probes that are not over */
	struct timer end;
};

struct scanner *scanner_new(struct loop *loop)
{
	struct scanner *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->dns = dns_new(loop);
	s->handshakes = handshakes_new();
	s->resolvers = xstrdup("");
	s->own = xstrdup("");
	return s;
}

void scanner_free(struct scanner *s)
{
	if (!s)
		return;
	dns_free(s->dns);
	handshakes_free(s->handshakes);
	free(s->resolvers);
	free(s->own);
	free(s);
}

void scanner_configure(struct scanner *s, const struct scan_options *options)
{
	free(s->resolvers);
	free(s->own);
	s->resolvers = xstrdup(options->resolvers);
	s->own = xstrdup(options->own);
	s->timeout_ms = options->timeout_ms;
}

void scanner_trust(struct scanner *s, struct trust *trust)
{
	s->trust = trust;
}

/*
 * Whose turn it is at one host.
 */

static size_t bucket_of(const struct address *a)
{
	const unsigned char *bytes = (const unsigned char *)&a->sa;
	size_t sum = 0;

	for (size_t i = 0; i < a->len; i++)
		sum = sum * 31 + bytes[i];
	return sum % HOST_BUCKETS;
}

static struct host *host_of(struct scanner *s, const struct address *a)
{
	struct host **link = &s->hosts[bucket_of(a)];

	for (; *link; link = &(*link)->next)
		if ((*link)->address.len == a->len && !memcmp(&(*link)->address.sa, &a->sa, a->len))
			return *link;
	*link = xcalloc(1, sizeof(**link));
	(*link)->address = *a;
	(*link)->last = &(*link)->first;
	return *link;
}

static void host_drop(struct scanner *s, struct host *host)
{
	struct host **link = &s->hosts[bucket_of(&host->address)];

	if (host->running || host->first)
		return;
	while (*link != host)
		link = &(*link)->next;
	*link = host->next;
	free(host);
}

static struct probe *host_next(struct host *host)
{
	struct probe *p = host->first;

	host->first = p->next;
	if (!host->first)
		host->last = &host->first;
	p->next = NULL;
	return p;
}

static void probe_begin(struct probe *);

static void host_turn(struct scanner *s, struct host *host)
{
	while (host->first && host->running < AT_ONE_HOST) {
		struct probe *p = host_next(host);

		host->running++;
		p->running = true;
		probe_begin(p);
	}
	host_drop(s, host);
}

/* The probe waits, or runs, no more. */
static void host_leave(struct probe *p)
{
	struct host *host = p->host;
	struct probe **link = &host->first;

	p->host = NULL;
	if (p->running) {
		p->running = false;
		host->running--;
		return;
	}
	while (*link && *link != p)
		link = &(*link)->next;
	if (*link)
		*link = p->next;
	for (host->last = &host->first; *host->last;)
		host->last = &(*host->last)->next;
}

/*
 * The end of a probe.
 */

static void scan_ended(void *arg)
{
	struct scan *s = arg;
	const struct err *err = s->count ? NULL : &s->err;

	s->cb(s->arg, s->views, s->count, err);
	scan_cancel(s);
}

static void probe_close(struct probe *p)
{
	handshake_free(TAKE(p->handshake));
	if (p->event)
		event_free(TAKE(p->event));
	timer_stop(&p->deadline);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	buf_release(&p->in);
	buf_release(&p->out);
}

static void probe_over(struct probe *p)
{
	struct scan *scan = p->scan;
	struct host *host = p->host;

	p->view->ms = p->begun ? clock_mono_ms() - p->begun : 0;
	probe_close(p);
	host_leave(p);
	if (--scan->open == 0)
		timer_start(&scan->end, scan->scanner->loop, 0, scan_ended, scan);
	host_turn(scan->scanner, host);
}

static void say(struct probe *p, enum view_state state, const char *hint, const char *fmt, ...) PRINTF_LIKE(4, 5);
static void say(struct probe *p, enum view_state state, const char *hint, const char *fmt, ...)
{
	va_list args;

	p->view->state = state;
	p->view->hint = hint;
	va_start(args, fmt);
	p->view->says = xvasprintf(fmt, args);
	va_end(args);
}

static void unreachable(struct probe *p, const struct err *e)
{
	say(p, VIEW_UNREACHABLE, NULL, "It %s%s%s%s.", e->message, e->detail[0] ? ": \"" : "", e->detail,
	    e->detail[0] ? "\"" : "");
	probe_over(p);
}

/* What says something about this machine, and nothing about the other. */
static bool is_our_fault(int error)
{
	static const int ours[] = { ENETUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT, EMFILE, ENFILE,
				    ENOBUFS,     ENOMEM,        EPERM,        EACCES };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (ours[i] == error)
			return true;
	return false;
}

/* Before anything was sent. */
static void not_begun(void *arg)
{
	struct probe *p = arg;

	if (is_our_fault(p->error))
		say(p, VIEW_UNCHECKED, NULL, "This machine cannot connect to the address: %s.", strerror(p->error));
	else
		say(p, VIEW_UNREACHABLE, NULL, "It takes no connection: %s.", strerror(p->error));
	probe_over(p);
}

static void not_connected(struct probe *p, int error)
{
	if (error == ETIMEDOUT)
		say(p, VIEW_UNREACHABLE, NULL, "It does not answer.");
	else
		say(p, VIEW_UNREACHABLE, NULL, "It takes no connection: %s.", strerror(error));
	probe_over(p);
}

/* Those who wait for the same port of the same host would wait as long, one after another. */
static void share_fate(struct probe *p)
{
	struct probe *waiting = p->host->first;

	while (waiting) {
		struct probe *next = waiting->next;

		if (address_port(&waiting->address) == address_port(&p->address)) {
			say(waiting, VIEW_UNREACHABLE, NULL, "It does not answer.");
			probe_over(waiting);
		}
		waiting = next;
	}
}

static void time_is_up(void *arg)
{
	struct probe *p = arg;

	if (!p->connected) {
		share_fate(p);
		not_connected(p, ETIMEDOUT);
		return;
	}
	say(p, VIEW_UNREACHABLE, NULL, "It takes the connection, but does not come to an end with %s in %lld seconds.",
	    p->handshake ? "the TLS handshake" : "what is to be said before TLS",
	    (long long)(p->scan->scanner->timeout_ms / 1000));
	probe_over(p);
}

/* The server has shown its certificates. */
static void seen(struct probe *p)
{
	struct view *v = p->view;
	enum fault worst;

	if (!p->scan->scanner->trust) {
		say(p, VIEW_UNCHECKED, "Install the system's root certificates, or set tracking.roots.",
		    "There are no root certificates here to check it against.");
		probe_over(p);
		return;
	}
	judge_chain(&v->judgement, p->scan->scanner->trust, &v->chain, p->scan->service.host, clock_now());
	worst = judgement_worst(&v->judgement);
	if (worst == FAULTS) {
		v->state = VIEW_VALID;
	} else {
		say(p, VIEW_INVALID, fault_hint(worst), "%s", v->judgement.says[worst]);
		v->fault = fault_word(worst);
	}
	probe_over(p);
}

/*
 * From the connection to the certificates.
 */

static void watch(struct probe *p, short what);

static void shake_hands(struct probe *p)
{
	struct err e = { 0 };
	enum handshake_state state = handshake_go(p->handshake, &e);

	switch (state) {
	case HANDSHAKE_READS:
		watch(p, EV_READ);
		return;
	case HANDSHAKE_WRITES:
		watch(p, EV_WRITE);
		return;
	case HANDSHAKE_NEWER:
		say(p, VIEW_UNCHECKED, "A build with mbedTLS 3.6 can.", "It speaks only TLS 1.3, which this build cannot check.");
		probe_over(p);
		return;
	case HANDSHAKE_DONE:
		p->view->version = xstrdup(handshake_version(p->handshake));
		p->view->cipher = xstrdup(handshake_cipher(p->handshake));
		break;
	case HANDSHAKE_FAILED:
		break;
	}
	handshake_chain(p->handshake, &p->view->chain);
	if (p->view->chain.count) {	/* if it failed, it may want a certificate of ours: that is no fault of its own */
		seen(p);
		return;
	}
	if (state == HANDSHAKE_DONE)
		err_set(&e, ERR_PROTOCOL, "shows a certificate that cannot be read");
	unreachable(p, &e);
}

static void begin_tls(struct probe *p)
{
	const char *host = p->scan->service.host;

	p->handshake = handshake_new(p->scan->scanner->handshakes, p->fd, identifier_is_ip(host) ? NULL : host);
	shake_hands(p);
}

static void send_rest(struct probe *p)
{
	ssize_t sent = send(p->fd, p->out.data, p->out.len, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		not_connected(p, errno);
		return;
	}
	if (sent > 0) {
		memmove(p->out.data, p->out.data + sent, p->out.len - (size_t)sent);
		p->out.len -= (size_t)sent;
	}
	watch(p, p->out.len ? EV_WRITE : EV_READ);
}

static void next_words(struct probe *p)
{
	if (starttls_is_over(&p->starttls)) {
		begin_tls(p);
		return;
	}
	starttls_say(&p->starttls, &p->out);
	if (p->out.len)
		send_rest(p);
	else
		watch(p, EV_READ);
}

static void hear(struct probe *p)
{
	ssize_t got = recv(p->fd, buf_reserve(&p->in, 4096), 4096, 0);
	struct err e = { 0 };
	int heard;

	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		watch(p, EV_READ);
		return;
	}
	if (got <= 0) {
		err_set(&e, ERR_NETWORK, "closes the connection before TLS");
		unreachable(p, &e);
		return;
	}
	p->in.len += (size_t)got;
	heard = starttls_hear(&p->starttls, &p->in, &e);
	if (heard < 0)
		unreachable(p, &e);
	else if (heard)
		next_words(p);
	else
		watch(p, EV_READ);
}

static void on_connected(struct probe *p)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		not_connected(p, error);
		return;
	}
	p->connected = true;
	next_words(p);
}

static void socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct probe *p = arg;

	if (!p->connected)
		on_connected(p);
	else if (p->handshake)
		shake_hands(p);
	else if (p->out.len)
		send_rest(p);
	else
		hear(p);
}

static void watch(struct probe *p, short what)
{
	if (p->event)
		event_free(p->event);
	p->event = event_new(loop_base(p->scan->scanner->loop), p->fd, what, socket_ready, p);
	if (!p->event || event_add(p->event, NULL) < 0)
		die("an event cannot be watched");
}

/* Not from inside: who begins one may be walking its list. */
static void fail_later(struct probe *p, int error)
{
	p->error = error;
	timer_start(&p->deadline, p->scan->scanner->loop, 0, not_begun, p);
}

static void probe_begin(struct probe *p)
{
	struct scanner *s = p->scan->scanner;
	const struct sockaddr *to = (const struct sockaddr *)&p->address.sa;
	int on = 1;

	p->begun = clock_mono_ms();
	p->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0) {
		fail_later(p, errno);
		return;
	}
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(p->fd, to, p->address.len) < 0 && errno != EINPROGRESS) {
		fail_later(p, errno);
		return;
	}
	timer_start(&p->deadline, s->loop, s->timeout_ms, time_is_up, p);
	watch(p, EV_WRITE);
}

/*
 * The addresses.
 */

static void set_port(struct address *a, int port)
{
	if (a->sa.ss_family == AF_INET)
		((struct sockaddr_in *)&a->sa)->sin_port = htons((uint16_t)port);
	else
		((struct sockaddr_in6 *)&a->sa)->sin6_port = htons((uint16_t)port);
}

static void probe_start(struct scan *s, size_t i)
{
	struct probe *p = &s->probes[i];
	struct address bare;

	*p = (struct probe){ .scan = s, .view = &s->views[i], .fd = -1 };
	snprintf(p->view->address, sizeof(p->view->address), "%s", s->found[i]);
	if (address_parse_host(&bare, s->found[i]) < 0)
		die("\"%s\" is no address", s->found[i]);
	p->address = bare;
	set_port(&p->address, s->service.port);
	starttls_init(&p->starttls, s->service.starttls, s->service.host, s->scanner->own);
	p->host = host_of(s->scanner, &bare);
	*p->host->last = p;
	p->host->last = &p->next;
}

static void start_probes(struct scan *s)
{
	if (!s->count) {
		timer_start(&s->end, s->scanner->loop, 0, scan_ended, s);
		return;
	}
	s->probes = xcalloc(s->count, sizeof(*s->probes));
	s->views = xcalloc(s->count, sizeof(*s->views));
	s->open = s->count;
	for (size_t i = 0; i < s->count; i++)
		probe_start(s, i);
	for (size_t i = 0; i < s->count; i++)
		host_turn(s->scanner, s->probes[i].host);
}

static void add_address(struct scan *s, const char *text)
{
	for (size_t i = 0; i < s->count; i++)
		if (str_eq(s->found[i], text))
			return;
	if (s->count < ADDRESSES_MAX)
		s->found[s->count++] = xstrdup(text);
}

static void ask(struct scan *s, enum dns_type type, void (*cb)(void *arg, const struct dns_answer *))
{
	struct dns_question q = { .name = s->service.host, .type = type, .servers = s->scanner->resolvers };

	s->query = dns_ask(s->scanner->dns, &q, cb, s);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Name servers deal them out in another order each time. */
static void take_addresses(struct scan *s, enum dns_type type, const struct dns_answer *a)
{
	size_t before = s->count;

	s->query = NULL;
	if (a->err)
		err_set(&s->err, ERR_NETWORK, "The name could not be looked up: the resolver %s.", a->err->message);
	else if (!err_is_set(&s->err))
		err_set(&s->err, ERR_MISSING, "%s", a->missing ? "There is no such name in the DNS." :
								 "The name has neither an A nor an AAAA record in the DNS.");
	for (size_t i = 0; !a->err && i < a->count; i++)
		if (a->records[i].type == type && a->records[i].answer)
			add_address(s, a->records[i].text);
	if (s->count > before)
		qsort(s->found + before, s->count - before, sizeof(*s->found), by_text);
}

static void looked_up_v6(void *arg, const struct dns_answer *a)
{
	struct scan *s = arg;

	take_addresses(s, DNS_AAAA, a);
	start_probes(s);
}

static void looked_up_v4(void *arg, const struct dns_answer *a)
{
	struct scan *s = arg;

	take_addresses(s, DNS_A, a);
	ask(s, DNS_AAAA, looked_up_v6);
}

struct scan *scan_start(struct scanner *scanner, const struct service *service, scan_cb *cb, void *arg)
{
	struct scan *s = xcalloc(1, sizeof(*s));

	*s = (struct scan){ .scanner = scanner, .service = *service, .cb = cb, .arg = arg };
	s->service.host = xstrdup(service->host);
	if (identifier_is_ip(service->host)) {
		add_address(s, service->host);
		start_probes(s);
	} else {
		ask(s, DNS_A, looked_up_v4);
	}
	return s;
}

void scan_cancel(struct scan *s)
{
	if (!s)
		return;
	timer_stop(&s->end);
	if (s->query)
		dns_cancel(s->query);
	for (size_t i = 0; i < s->count; i++) {
		struct probe *p = s->probes ? &s->probes[i] : NULL;
		struct host *host = p ? p->host : NULL;

		if (p)
			probe_close(p);
		if (host) {
			host_leave(p);
			host_turn(s->scanner, host);
		}
		free(s->found[i]);
		if (s->views)
			view_release(&s->views[i]);
	}
	free(s->probes);
	free(s->views);
	service_release(&s->service);
	free(s);
}
