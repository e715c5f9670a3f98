/* From a name to the servers that must show its record: CNAMEs, the zone's cut, its name servers, their addresses. */
#include "daemon/dns/dns.h"

#include <ctype.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/net.h"

#define CNAMES_MAX 10
#define SERVERS_MAX 32
#define SIBLING_BYTES 12
#define WHOM "Certera asks the resolvers of dns.resolvers, or those of the system."

struct dns_locate {
	struct dns *dns;
	struct dns_settings settings;
	struct dns_place place;
	dns_place_cb *cb;
	void *arg;
	struct dns_query *query;
	int cnames;
	char *target;		/* of the CNAME at place.record, while it is found out whose that is */
	char **ns;		/* the zone's name servers */
	size_t at;		/* of them, the one whose addresses are asked for */
	const char *candidate;	/* part of place.record: may be the zone */
	struct err trouble;	/* with the last name server's address */
};

void dns_place_release(struct dns_place *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->servers[i].name);
		free(p->servers[i].address);
	}
	free(p->servers);
	free(p->record);
	free(p->zone);
	*p = (struct dns_place){ 0 };
}

static void locate_free(struct dns_locate *l)
{
	dns_place_release(&l->place);
	free(l->settings.resolvers);
	strv_free(l->ns);
	free(l->target);
	free(l);
}

void dns_locate_cancel(struct dns_locate *l)
{
	if (l->query)
		dns_cancel(l->query);
	locate_free(l);
}

static void locate_end(struct dns_locate *l, const struct err *err)
{
	l->cb(l->arg, &l->place, err);
	locate_free(l);
}

static void locate_ask(struct dns_locate *l, const char *name, enum dns_type type,
		void (*cb)(void *, const struct dns_answer *))
{
	struct dns_question q = { .name = name, .type = type, .servers = l->settings.resolvers };

	l->query = dns_ask(l->dns, &q, cb, l);
}

static void locate_failed(struct dns_locate *l, const struct err *err, const char *what, const char *name)
{
	struct err e = { 0 };

	/* Of the resolver's, whatever it said: an order waits until that is over. */
	err_set(&e, err->kind == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_NETWORK, "asking for the %s of %s: the resolver %s",
		what, name, err->message);
	err_hint(&e, WHOM);
	locate_end(l, &e);
}

/*
 * Addresses of the name servers, one after another.
 */

/* A family this machine has no route for cannot be asked. */
static bool has_route(const struct address *a)
{
	_cleanup_close_ int fd = socket(a->sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)&a->sa, a->len) == 0;
}

static void add_server(struct dns_locate *l, const char *name, const char *host)
{
	_cleanup_free_ char *text = xasprintf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, l->settings.port);
	struct dns_place *p = &l->place;
	struct address address;

	if (p->count >= SERVERS_MAX || address_parse(&address, text, NULL) < 0 || !has_route(&address))
		return;
	for (size_t i = 0; i < p->count; i++)
		if (str_eq(p->servers[i].address, text))
			return;
	p->servers = xreallocarray(p->servers, p->count + 1, sizeof(*p->servers));
	p->servers[p->count++] = (struct dns_server){ xstrdup(name), TAKE(text) };
}

static void add_servers(struct dns_locate *l, const struct dns_answer *a)
{
	if (a->err)
		l->trouble = *a->err;
	for (size_t i = 0; i < a->count; i++)
		if (a->records[i].answer && (a->records[i].type == DNS_A || a->records[i].type == DNS_AAAA))
			add_server(l, l->ns[l->at], a->records[i].text);
}

static void ask_addresses(struct dns_locate *);

static void got_aaaa(void *arg, const struct dns_answer *a)
{
	struct dns_locate *l = arg;

	l->query = NULL;
	add_servers(l, a);
	l->at++;
	ask_addresses(l);
}

static void got_a(void *arg, const struct dns_answer *a)
{
	struct dns_locate *l = arg;

	l->query = NULL;
	add_servers(l, a);
	locate_ask(l, l->ns[l->at], DNS_AAAA, got_aaaa);
}

static void ask_addresses(struct dns_locate *l)
{
	struct err e = { 0 };

	if (l->at < strv_len(l->ns)) {
		locate_ask(l, l->ns[l->at], DNS_A, got_a);
		return;
	}
	if (l->place.count) {
		locate_end(l, NULL);
		return;
	}
	err_set(&e, ERR_NETWORK, "no name server of the zone %s has an address that can be reached%s%s", l->place.zone,
		err_is_set(&l->trouble) ? ": the resolver " : "", l->trouble.message);
	err_hint(&e, "Certera asks the name servers of the zone itself, at port 53: allow that in the firewall.");
	locate_end(l, &e);
}

/*
 * The zone: its SOA record stands at its cut, and in the authority section of negative answers below it (RFC 2308).
 */

static void got_ns(void *arg, const struct dns_answer *a)
{
	struct dns_locate *l = arg;
	struct err e = { 0 };

	l->query = NULL;
	if (a->err) {
		locate_failed(l, a->err, "name servers", l->place.zone);
		return;
	}
	for (size_t i = 0; i < a->count; i++)
		if (a->records[i].answer && a->records[i].type == DNS_NS)
			strv_add(&l->ns, a->records[i].text);
	if (l->ns) {
		ask_addresses(l);
		return;
	}
	err_set(&e, ERR_PROTOCOL, "the zone %s has no NS records", l->place.zone);
	err_hint(&e, WHOM " Do they see the zone as the internet does?");
	locate_end(l, &e);
}

static void got_soa(void *arg, const struct dns_answer *a)
{
	struct dns_locate *l = arg;
	const char *dot;
	struct err e = { 0 };

	l->query = NULL;
	if (a->err) {
		locate_failed(l, a->err, "zone", l->place.record);
		return;
	}
	for (size_t i = 0; i < a->count; i++) {
		const struct dns_record *r = &a->records[i];
		_cleanup_free_ char *below = xasprintf(".%s", r->owner);

		if (r->type != DNS_SOA || (!str_eq(r->owner, l->place.record) && !str_ends(l->place.record, below)))
			continue;
		l->place.zone = xstrdup(r->owner);
		locate_ask(l, l->place.zone, DNS_NS, got_ns);
		return;
	}
	/* An answer without: one label up. */
	dot = strchr(l->candidate, '.');
	if (dot) {
		l->candidate = dot + 1;
		locate_ask(l, l->candidate, DNS_SOA, got_soa);
		return;
	}
	err_set(&e, ERR_NETWORK, "no zone is known that %s is in", l->place.record);
	err_hint(&e, "Is the domain spelled right, registered and delegated? " WHOM);
	locate_end(l, &e);
}

static void ask_zone(struct dns_locate *l)
{
	l->candidate = l->place.record;
	locate_ask(l, l->candidate, DNS_SOA, got_soa);
}

/*
 * CNAMEs.  One that a wildcard made up (*.example.org CNAME lb.example.net) is not meant for the record, and gone as
 * soon as the record is there.  It looks like any other, but a name beside it that nobody can have made has it too.
 */

static void got_cname(void *arg, const struct dns_answer *a);

static void follow(struct dns_locate *l)
{
	struct err e = { 0 };

	free(l->place.record);
	l->place.record = TAKE(l->target);
	if (++l->cnames <= CNAMES_MAX) {
		locate_ask(l, l->place.record, DNS_CNAME, got_cname);
		return;
	}
	err_set(&e, ERR_PROTOCOL, "more than %d CNAMEs in a row, now at %s", CNAMES_MAX, l->place.record);
	err_hint(&e, "Let the first CNAME lead straight to the last name.");
	locate_end(l, &e);
}

static void got_sibling(void *arg, const struct dns_answer *a)
{
	struct dns_locate *l = arg;
	const struct dns_record *cname = a->err ? NULL : dns_first(a, DNS_CNAME);

	l->query = NULL;
	if (!cname || !str_eq(cname->text, l->target)) {
		follow(l);
		return;
	}
	free(TAKE(l->target));
	ask_zone(l);
}

static void ask_sibling(struct dns_locate *l)
{
	const char *parent = strchr(l->place.record, '.');
	_cleanup_free_ char *label = random_hex(SIBLING_BYTES);
	_cleanup_free_ char *sibling = xasprintf("%s%s", label, parent ? parent : "");

	locate_ask(l, sibling, DNS_CNAME, got_sibling);
}

/* A name from somebody else's zone, which scripts are given: letters, digits, dashes, underscores and dots. */
static bool locate_is_plain(const char *name)
{
	while (isalnum((unsigned char)*name) || (*name && strchr("-_.", *name)))
		name++;
	return !*name;
}

static void got_cname(void *arg, const struct dns_answer *a)
{
	struct dns_locate *l = arg;
	const struct dns_record *cname = a->err ? NULL : dns_first(a, DNS_CNAME);
	struct err e = { 0 };

	l->query = NULL;
	if (a->err) {
		locate_failed(l, a->err, "CNAME", l->place.record);
	} else if (!cname) {
		ask_zone(l);
	} else if (!locate_is_plain(cname->text)) {
		err_set(&e, ERR_PROTOCOL, "the CNAME of %s leads to a name with other characters than letters, digits, "
			"- and _", l->place.record);
		err_hint(&e, "Scripts get only such names: let the CNAME lead to a different one.");
		locate_end(l, &e);
	} else {
		l->target = xstrdup(cname->text);
		ask_sibling(l);
	}
}

struct dns_locate *dns_locate(struct dns *dns, const struct dns_settings *settings, const char *name, dns_place_cb *cb,
			      void *arg)
{
	struct dns_locate *l = xcalloc(1, sizeof(*l));

	l->dns = dns;
	l->settings = (struct dns_settings){ xstrdup(settings->resolvers), settings->port };
	l->place.record = xstrdup(name);
	l->cb = cb;
	l->arg = arg;
	locate_ask(l, name, DNS_CNAME, got_cname);
	return l;
}
