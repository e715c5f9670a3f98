#include "daemon/track/scan.h"

#include <netinet/in.h>

#include "pki/identifier.h"

#include "daemon/dns/query.h"
#include "daemon/track/probe.h"

#define ADDRESSES_MAX 16	/* of one name */
#define AT_ONE_HOST 2		/* connections at a time */
#define HOST_BUCKETS 256

/* An address with its connections; it is there as long as it has some, or somebody waits for one. */
struct host {
	struct host *next;
	struct address address;		/* without port */
	int running;
	struct turn *first, **last;	/* who waits */
};

struct scanner {
	struct dns *dns;		/* our own: slow names shall not hold up what orders ask */
	struct probe_env env;
	char *resolvers;
	const struct cidr_list *listed;
	struct host *hosts[HOST_BUCKETS];
};

/* One address of a scan: it waits for its turn at the host, has it, or had it. */
struct turn {
	struct turn *next;		/* who waits behind it for the same host */
	struct scan *scan;
	struct observation *view;
	struct address address;
	struct host *host;		/* NULL: it is over, or never began */
	struct probe *probe;		/* NULL: it waits */
};

struct scan {
	struct scanner *scanner;
	struct service service;
	enum reach reach;
	scan_cb *cb;
	void *arg;
	struct dns_query *query;
	struct err err;
	char *found[ADDRESSES_MAX];
	size_t count;
	struct turn *turns;
	struct observation *views;
	size_t open;			/* turns that are not over */
	struct timer end;
};

struct scanner *scanner_new(struct loop *loop)
{
	struct scanner *s = xcalloc(1, sizeof(*s));

	s->dns = dns_new(loop);
	s->env = (struct probe_env){ .loop = loop, .handshakes = handshakes_new(), .own = xstrdup("") };
	s->resolvers = xstrdup("");
	return s;
}

void scanner_free(struct scanner *s)
{
	if (!s)
		return;
	dns_free(s->dns);
	handshakes_free(s->env.handshakes);
	free(s->resolvers);
	free(s->env.own);
	free(s);
}

void scanner_configure(struct scanner *s, const struct scan_options *options)
{
	free(s->resolvers);
	free(s->env.own);
	s->resolvers = xstrdup(options->resolvers);
	s->env.own = xstrdup(options->own);
	s->env.timeout_ms = options->timeout_ms;
	s->listed = options->listed;
}

void scanner_trust(struct scanner *s, struct trust *trust)
{
	s->env.trust = trust;
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

static struct turn *host_next(struct host *host)
{
	struct turn *t = host->first;

	host->first = t->next;
	if (!host->first)
		host->last = &host->first;
	t->next = NULL;
	return t;
}

static void turn_over(void *arg, bool silent);

static void host_turn(struct scanner *s, struct host *host)
{
	while (host->first && host->running < AT_ONE_HOST) {
		struct turn *t = host_next(host);

		host->running++;
		t->probe = probe_start(&s->env, &t->scan->service, &t->address, t->view, turn_over, t);
	}
	host_drop(s, host);
}

/* The turn waits, or runs, no more. */
static void host_leave(struct turn *t)
{
	struct host *host = t->host;
	struct turn **link = &host->first;

	t->host = NULL;
	if (t->probe) {
		probe_free(TAKE(t->probe));
		host->running--;
		return;
	}
	while (*link && *link != t)
		link = &(*link)->next;
	if (*link)
		*link = t->next;
	for (host->last = &host->first; *host->last;)
		host->last = &(*host->last)->next;
}

static void scan_ended(void *arg)
{
	struct scan *s = arg;
	const struct err *err = s->count ? NULL : &s->err;

	s->cb(s->arg, s->views, s->count, err);
	scan_cancel(s);
}

static void turn_end(struct turn *t)
{
	struct scan *scan = t->scan;
	struct host *host = t->host;

	host_leave(t);
	if (--scan->open == 0)
		timer_start(&scan->end, scan->scanner->env.loop, 0, scan_ended, scan);
	host_turn(scan->scanner, host);
}

/* Those who wait for the same port of the same host would wait as long, one after another. */
static void share_fate(const struct turn *t)
{
	struct turn *waiting = t->host->first;

	while (waiting) {
		struct turn *next = waiting->next;

		if (address_port(&waiting->address) == address_port(&t->address)) {
			probe_say_silent(waiting->view);
			turn_end(waiting);
		}
		waiting = next;
	}
}

static void turn_over(void *arg, bool silent)
{
	struct turn *t = arg;

	if (silent)
		share_fate(t);
	turn_end(t);
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

static void take_turn(struct scan *s, size_t i)
{
	struct turn *t = &s->turns[i];
	struct address bare;

	*t = (struct turn){ .scan = s, .view = &s->views[i] };
	snprintf(t->view->address, sizeof(t->view->address), "%s", s->found[i]);
	if (address_parse_host(&bare, s->found[i]) < 0)
		die("\"%s\" is no address", s->found[i]);
	if (!address_in_reach((const struct sockaddr *)&bare.sa, s->reach, s->scanner->listed)) {
		observation_say(t->view, OBSERVED_UNCHECKED,
			 "Administrators can allow it: with the setting tracking.private, or by adding it themselves.",
			 "The address is not a public one: not checked.");
		return;
	}
	s->open++;
	t->address = bare;
	set_port(&t->address, s->service.port);
	t->host = host_of(s->scanner, &bare);
	*t->host->last = t;
	t->host->last = &t->next;
}

static void take_turns(struct scan *s)
{
	s->turns = xcalloc(s->count, sizeof(*s->turns));
	s->views = xcalloc(s->count, sizeof(*s->views));
	for (size_t i = 0; i < s->count; i++)
		take_turn(s, i);
	for (size_t i = 0; i < s->count; i++)
		if (s->turns[i].host)
			host_turn(s->scanner, s->turns[i].host);
	if (!s->open)
		timer_start(&s->end, s->scanner->env.loop, 0, scan_ended, s);
}

static void add_address(struct scan *s, const char *text)
{
	for (size_t i = 0; i < s->count; i++)
		if (str_eq(s->found[i], text))
			return;
	if (s->count < ADDRESSES_MAX)
		s->found[s->count++] = xstrdup(text);
}

static void scan_ask(struct scan *s, enum dns_type type, void (*cb)(void *arg, const struct dns_answer *))
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
		err_set(&s->err, ERR_MISSING, "%s",
			a->missing ? "There is no such name in the DNS." :
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
	take_turns(s);
}

static void looked_up_v4(void *arg, const struct dns_answer *a)
{
	struct scan *s = arg;

	take_addresses(s, DNS_A, a);
	scan_ask(s, DNS_AAAA, looked_up_v6);
}

struct scan *scan_start(struct scanner *scanner, const struct service *service, enum reach reach, scan_cb *cb,
			void *arg)
{
	struct scan *s = xcalloc(1, sizeof(*s));

	*s = (struct scan){ .scanner = scanner, .service = *service, .reach = reach, .cb = cb, .arg = arg };
	s->service.host = xstrdup(service->host);
	if (identifier_is_ip(service->host)) {
		add_address(s, service->host);
		take_turns(s);
	} else {
		scan_ask(s, DNS_A, looked_up_v4);
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
		struct turn *t = s->turns ? &s->turns[i] : NULL;
		struct host *host = t ? t->host : NULL;

		if (host) {
			host_leave(t);
			host_turn(s->scanner, host);
		}
		free(s->found[i]);
		if (s->views)
			observation_release(&s->views[i]);
	}
	free(s->turns);
	free(s->views);
	service_release(&s->service);
	free(s);
}
