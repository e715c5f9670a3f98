#include "daemon/preflight.h"

#include <ctype.h>
#include <errno.h>

#include "daemon/rule.h"
#include "pki/identifier.h"

#define PATH "/.well-known/acme-challenge/"
#define REDIRECTS_MOST 10
#define BODY_MOST 65536
#define EXCERPT 60

/* One name through one address. */
struct probe {
	struct probe *next;
	struct preflight *preflight;
	char *name, *address;	/* address NULL: being looked up, or there is none */
	enum dns_type family;
	char *url;		/* now asked */
	char *server;		/* what the last one calls itself */
	char **trail;		/* the URLs so far */
	struct dns_query *query;
	struct fetch *fetch;
	bool over;
};

struct preflight {
	struct preflight_options options;
	char *resolvers, *hostname, *token, *expected;
	struct loop *loop;
	struct probe *probes;
	size_t open;		/* probes not over */
	json_t *report;
	struct err why;
	struct timer end;
	preflight_cb *cb;
	void *arg;
};

static void probe_free(struct probe *p)
{
	if (p->query)
		dns_cancel(p->query);
	if (p->fetch)
		fetch_cancel(p->fetch);
	free(p->name);
	free(p->address);
	free(p->url);
	free(p->server);
	strv_free(p->trail);
	free(p);
}

void preflight_cancel(struct preflight *f)
{
	while (f->probes) {
		struct probe *p = f->probes;

		f->probes = p->next;
		probe_free(p);
	}
	timer_stop(&f->end);
	json_decref(f->report);
	free(f->resolvers);
	free(f->hostname);
	free(f->token);
	free(f->expected);
	free(f);
}

static void ended(void *arg)
{
	struct preflight *f = arg;

	f->cb(f->arg, f->report, err_is_set(&f->why) ? &f->why : NULL);
	preflight_cancel(f);
}

static struct probe *probe_new(struct preflight *f, const char *name, enum dns_type family)
{
	struct probe *p = xcalloc(1, sizeof(*p));

	p->preflight = f;
	p->name = xstrdup(name);
	p->family = family;
	p->next = f->probes;
	f->probes = p;
	f->open++;
	return p;
}

/*
 * Verdicts.
 */

static void probe_over(struct probe *p, bool ok, const char *says)
{
	struct preflight *f = p->preflight;
	json_t *one = json_object();

	json_put_str(one, "name", p->name);
	json_put_str(one, "address", p->address);
	json_put_bool(one, "ok", ok);
	json_put_str(one, "says", says);
	json_put_strv(one, "trail", p->trail);
	json_array_append_new(json_object_get(f->report, "probes"), one);
	p->over = true;
	if (--f->open == 0)
		timer_start(&f->end, f->loop, 0, ended, f);
}

static void wrong(struct probe *p, const char *says, const char *hint)
{
	struct err *why = &p->preflight->why;

	if (!err_is_set(why)) {
		err_set(why, ERR_CONFLICT, "the check before ordering: %s%s%s: %s", p->name, p->address ? " at " : "",
			p->address ? p->address : "", says);
		err_code(why, "preflight");
		err_hint(why, "%s", hint);
	}
	probe_over(p, false, says);
}

/* The web server does not send challenges to us: here is what it lacks. */
static void wrong_for_rule(struct probe *p, const char *says)
{
	struct preflight *f = p->preflight;
	_cleanup_json_ json_t *rules = rule_for(p->server, f->hostname);
	_cleanup_free_ char *hint = NULL, *brief = NULL;
	const char *file = json_object_iter_key(json_object_iter(rules));

	brief = rule_short(json_str(rules, file));
	if (json_object_size(rules) == 1 && strlen(brief) < 350)
		hint = xasprintf("The web server needs this redirect (%s):\n%s", file, brief);
	else
		hint = xasprintf("The web server needs a redirect of " PATH " to http://%s" PATH "; "
				 "\"certeractl cert check\" shows it.",
				 f->hostname);
	json_object_update(json_object_get(f->report, "rules"), rules);
	wrong(p, says, hint);
}

static bool other_family_works(const struct probe *p)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(p->preflight->report, "probes"), i, one)
		if (json_bool(one, "ok", false) && str_eq(json_str(one, "name"), p->name))
			return true;
	return false;
}

/* This machine has no IPv6 (or IPv4) at all: nothing can be said. */
static bool no_way_from_here(const struct probe *p, const struct err *err)
{
	return strv_len(p->trail) == 1 &&
	       (strstr(err->message, strerror(ENETUNREACH)) || strstr(err->message, strerror(EADDRNOTAVAIL)));
}

static void unreachable(struct probe *p, const struct err *err)
{
	_cleanup_free_ char *says = xasprintf("%s", err->message);

	if (no_way_from_here(p, err))
		probe_over(p, true, "not to be reached from this server, which has no such network; not checked");
	else if (strv_len(p->trail) > 1)
		wrong(p, says, "The web server redirects, but where to cannot be reached. "
			       "Is the host in its rule right, and its port open?");
	else if (p->family == DNS_AAAA && p->address && strchr(p->address, ':'))
		wrong(p, says, other_family_works(p) ?
			       "IPv4 works; CAs try IPv6 first. Make the web server listen on its IPv6 address "
			       "with port 80 open, or remove the AAAA record." :
			       "Make the web server listen on its IPv6 address with port 80 open, "
			       "or remove the AAAA record.");
	else
		wrong(p, says, "A web server must answer there on port 80, open to the whole world: "
			       "CAs ask from several places.");
}

static void wrong_answer(struct probe *p, const struct fetch_reply *r)
{
	_cleanup_free_ char *says = NULL;
	char excerpt[EXCERPT + 1];
	size_t len = 0;

	for (; len < EXCERPT && r->body[len]; len++)
		excerpt[len] = isprint((unsigned char)r->body[len]) ? r->body[len] : ' ';
	excerpt[len] = '\0';
	if (strv_len(p->trail) == 1) {
		says = xasprintf("answers %d itself: it does not redirect challenges to us", r->status);
		wrong_for_rule(p, says);
		return;
	}
	says = xasprintf("%s, where it redirects to, answers %d%s%s%s", p->url, r->status,
			 r->status == 200 ? ": \"" : "", r->status == 200 ? excerpt : "", r->status == 200 ? "\"" : "");
	wrong_for_rule(p, says);
}

/*
 * Following redirects, one address at the first hop.
 */

static void ask(struct probe *p);

/* http://host[:port]/...: is it what a CA follows?  NULL, or what is wrong. */
static const char *not_followed(const struct probe *p, const char *url)
{
	bool https = str_starts(url, "https://");
	const char *host = https ? url + 8 : url + 7;
	const char *end = host + strcspn(host, "/?#"), *colon = end;

	if (!https && !str_starts(url, "http://"))
		return "which is neither http nor https";
	while (colon > host && isdigit((unsigned char)colon[-1]))
		colon--;
	if (p->preflight->options.port != 80 || colon == end || colon == host || colon[-1] != ':')
		return NULL;
	if (strtol(colon, NULL, 10) == (https ? 443 : 80))
		return NULL;
	return "and CAs follow only to port 80 for http and 443 for https";
}

static char *absolute(const char *base, const char *location)
{
	const char *host = strstr(base, "://") + 3;

	if (strstr(location, "://") || location[0] != '/')
		return xstrdup(location);
	if (location[1] == '/')
		return xasprintf("%.*s%s", (int)(host - 2 - base), base, location);
	return xasprintf("%.*s%s", (int)(host - base + (int)strcspn(host, "/?#")), base, location);
}

static void follow(struct probe *p, const struct fetch_reply *r)
{
	const char *location = fetch_header(r, "Location", 0);
	_cleanup_free_ char *says = NULL, *url = location ? absolute(p->url, location) : NULL;
	const char *why = url ? not_followed(p, url) : NULL;

	if (!url)
		says = xasprintf("answers %d without saying where to", r->status);
	else if (why)
		says = xasprintf("redirects to %.200s, %s", url, why);
	else if (strv_has(p->trail, url))
		says = xasprintf("redirects go round in a circle: %.200s", url);
	else if (strv_len(p->trail) > REDIRECTS_MOST)
		says = xasprintf("more than %d redirects", REDIRECTS_MOST);
	if (says) {
		wrong_for_rule(p, says);
		return;
	}
	free(p->url);
	p->url = TAKE(url);
	ask(p);
}

static bool is_expected(const struct probe *p, const char *body)
{
	size_t len = strlen(p->preflight->expected);

	return !strncmp(body, p->preflight->expected, len) && strspn(body + len, " \t\r\n") == strlen(body + len);
}

static void replied(void *arg, const struct fetch_reply *r)
{
	struct probe *p = arg;
	const char *server = r->err ? NULL : fetch_header(r, "Server", 0);

	p->fetch = NULL;
	if (strv_len(p->trail) == 1 && server) {
		free(p->server);
		p->server = xstrdup(server);
	}
	if (r->err)
		unreachable(p, r->err);
	else if (r->status == 301 || r->status == 302 || r->status == 307 || r->status == 308)
		follow(p, r);
	else if (r->status == 200 && is_expected(p, r->body))
		probe_over(p, true, strv_len(p->trail) > 1 ? "redirects to us" : "answers for us");
	else
		wrong_answer(p, r);
}

static void ask(struct probe *p)
{
	struct preflight *f = p->preflight;
	struct fetch_request q = {
		.url = p->url,
		.address = strv_len(p->trail) ? NULL : p->address,
		.any_certificate = true,
		.allow_http = true,
		.timeout_ms = f->options.timeout_ms,
		.max_body = BODY_MOST,
	};

	strv_add(&p->trail, p->url);
	p->fetch = fetch_start(f->options.fetcher, &q, replied, p);
}

static void begin(struct probe *p, const char *address)
{
	struct preflight *f = p->preflight;
	_cleanup_free_ char *port = f->options.port == 80 ? xstrdup("") : xasprintf(":%d", f->options.port);
	bool v6 = strchr(p->name, ':');

	p->address = xstrdup(address);
	p->url = xasprintf("http://%s%s%s%s" PATH "%s", v6 ? "[" : "", p->name, v6 ? "]" : "", port, f->token);
	ask(p);
}

/*
 * Addresses.
 */

/* The other family of the same name, if it has been looked up. */
static bool other_has_address(const struct probe *p)
{
	for (const struct probe *q = p->preflight->probes; q; q = q->next)
		if (q != p && str_eq(q->name, p->name) && (q->address || !q->over))
			return true;
	return false;
}

static void quietly_over(struct probe *p)
{
	p->over = true;
	if (--p->preflight->open == 0)
		timer_start(&p->preflight->end, p->preflight->loop, 0, ended, p->preflight);
}

static void looked_up(void *arg, const struct dns_answer *a)
{
	struct probe *p = arg;
	const char *first = NULL;

	p->query = NULL;
	for (size_t i = 0; !a->err && i < a->count; i++) {
		if (a->records[i].type != p->family || !a->records[i].answer)
			continue;
		if (first)	/* one probe an address */
			begin(probe_new(p->preflight, p->name, p->family), a->records[i].text);
		else
			first = a->records[i].text;
	}
	if (first)
		begin(p, first);
	else if (a->err)
		probe_over(p, true, "could not be looked up from here; the CA may know better");
	else if (other_has_address(p))
		quietly_over(p);
	else
		wrong(p, a->missing ? "there is no such name in the DNS" : "it has neither an A nor an AAAA record",
		      "Add the name to the DNS with the address of its web server.");
}

static void look_up(struct preflight *f, const char *name, enum dns_type family)
{
	struct probe *p = probe_new(f, name, family);
	struct dns_question q = { .name = name, .type = family, .servers = f->resolvers };

	p->query = dns_ask(f->options.dns, &q, looked_up, p);
}

struct preflight *preflight_start(const struct preflight_options *options, struct loop *loop, char *const *names,
				  const char *token, const char *expected, preflight_cb *cb, void *arg)
{
	struct preflight *f = xcalloc(1, sizeof(*f));

	f->options = *options;
	f->loop = loop;
	f->resolvers = xstrdup(options->resolvers ? options->resolvers : "");
	f->hostname = xstrdup(options->hostname);
	f->token = xstrdup(token);
	f->expected = xstrdup(expected);
	f->report = json_object();
	json_object_set_new(f->report, "probes", json_array());
	json_object_set_new(f->report, "rules", json_object());
	f->cb = cb;
	f->arg = arg;
	for (; *names; names++) {
		if (identifier_is_ip(*names)) {
			begin(probe_new(f, *names, strchr(*names, ':') ? DNS_AAAA : DNS_A), *names);
			continue;
		}
		look_up(f, *names, DNS_A);
		look_up(f, *names, DNS_AAAA);
	}
	if (!f->open)
		timer_start(&f->end, loop, 0, ended, f);
	return f;
}
