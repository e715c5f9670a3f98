#include "daemon/order/preflight.h"

#include <ctype.h>
#include <errno.h>

#include "base/words.h"
#include "daemon/order/redirect_rule.h"
#include "pki/identifier.h"

#define PATH "/.well-known/acme-challenge/"
#define REDIRECTS_MOST 10
#define BODY_MOST 65536
#define EXCERPT 60
#define URL_MOST 2000

/* What became of a probe. */
enum result {
	PENDING,
	REACHED,
	WRONG,		/* something answered that should not have */
	UNREACHABLE,	/* nothing answered: a CA may have to try another address */
	UNCHECKED,
	NOTHING,	/* there is no address of this family, but one of the other */
};
static const char *const result_words[] = {
	[REACHED] = "reached", [WRONG] = "wrong", [UNREACHABLE] = "unreachable", [UNCHECKED] = "unchecked",
};

/* One name through one address. */
struct preflight_probe {
	struct preflight_probe *next;
	struct preflight *preflight;
	char *name, *address;	/* address NULL: being looked up, or there is none */
	enum dns_type family;
	struct fetch_url url;	/* now asked */
	char *server;		/* what the first one calls itself */
	char **trail;		/* the URLs so far */
	struct dns_query *query;
	struct preflight_hop *hop;
	enum result result;
	const char *cause;	/* a word of preflight.h; NULL: nothing is wrong */
	char *says, *hint;
};

struct preflight {
	struct preflight_options options;
	char *resolvers, *hostname, *token, *expected;
	struct loop *loop;
	struct preflight_probe *probes, **last;
	size_t open;		/* probes that are pending */
	json_t *report;
	struct err why;
	struct timer end;
	preflight_cb *cb;
	void *arg;
};

static void probe_free(struct preflight_probe *p)
{
	if (p->query)
		dns_cancel(p->query);
	preflight_hop_cancel(p->hop);
	fetch_url_release(&p->url);
	free(p->name);
	free(p->address);
	free(p->server);
	free(p->says);
	free(p->hint);
	strv_free(p->trail);
	free(p);
}

void preflight_cancel(struct preflight *f)
{
	while (f->probes) {
		struct preflight_probe *p = f->probes;

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

/*
 * Verdicts.
 */

/* Also one that could not be checked may answer. */
static bool has_other_address(const struct preflight_probe *p)
{
	for (const struct preflight_probe *q = p->preflight->probes; q; q = q->next)
		if (str_eq(q->name, p->name) && q->address && (q->result == REACHED || q->result == UNCHECKED))
			return true;
	return false;
}

/* CAs try another address where nothing answers; a wrong answer is the end. */
static bool stops_order(const struct preflight_probe *p)
{
	return p->result == WRONG || (p->result == UNREACHABLE && !has_other_address(p));
}

static json_t *probe_json(const struct preflight_probe *p)
{
	json_t *o = json_object();

	json_put_str(o, "name", p->name);
	json_put_str(o, "address", p->address);
	json_put_str(o, "result", result_words[p->result]);
	json_put_bool(o, "ok", !stops_order(p));
	json_put_str(o, "cause", p->cause);
	json_put_str(o, "says", p->says);
	json_put_strv(o, "trail", p->trail);
	return o;
}

static void blame(struct preflight *f, const struct preflight_probe *p)
{
	const char *at = p->address ? " at " : "", *address = p->address ? p->address : "";

	if (f->options.by_hand) {
		err_set(&f->why, ERR_CONFLICT, "http://%s" PATH "%s%s%s does not show its content: %s", p->name,
			f->token, at,
			address, p->says);
		err_hint(&f->why, "Publish exactly the content that is shown, as it is, then verify again. The CA was "
				  "not asked.");
		return;
	}
	err_set(&f->why, ERR_CONFLICT, "the check before ordering: %s%s%s: %s", p->name, at, address, p->says);
	err_code(&f->why, "preflight");
	err_hint(&f->why, "%s", p->hint);
}

static void warn(struct preflight *f, const struct preflight_probe *p)
{
	_cleanup_free_ char *text = xasprintf("%s at %s: %s. This does not stop an order, because the name has more "
					      "addresses; but a CA may use this one. %s",
					      p->name, p->address, p->says, p->hint);

	json_put_str(f->report, "warning", text);
}

static void ended(void *arg)
{
	struct preflight *f = arg;

	for (const struct preflight_probe *p = f->probes; p; p = p->next) {
		if (p->result == NOTHING)
			continue;
		json_array_append_new(json_object_get(f->report, "probes"), probe_json(p));
		if (stops_order(p) && !err_is_set(&f->why))
			blame(f, p);
		else if (p->result == UNREACHABLE && !json_str(f->report, "warning"))
			warn(f, p);
	}
	f->cb(f->arg, f->report, err_is_set(&f->why) ? &f->why : NULL);
	preflight_cancel(f);
}

static struct preflight_probe *probe_new(struct preflight *f, const char *name, enum dns_type family)
{
	struct preflight_probe *p = xcalloc(1, sizeof(*p));

	p->preflight = f;
	p->name = xstrdup(name);
	p->family = family;
	*f->last = p;
	f->last = &p->next;
	f->open++;
	return p;
}

/* hint: of what is wrong, else NULL. */
static void probe_over(struct preflight_probe *p, enum result result, const char *says, const char *hint)
{
	struct preflight *f = p->preflight;

	p->result = result;
	p->says = xstrdup(says);
	p->hint = hint ? xstrdup(hint) : NULL;
	if (--f->open == 0)
		timer_start(&f->end, f->loop, 0, ended, f);
}

/* The web server does not send challenges to us: here is what it lacks. */
static void wrong_for_rule(struct preflight_probe *p, const char *says)
{
	struct preflight *f = p->preflight;
	_cleanup_json_ json_t *rules = redirect_rule(p->server, f->hostname);
	_cleanup_free_ char *hint = NULL, *brief = NULL;
	const char *file = json_object_iter_key(json_object_iter(rules));

	brief = redirect_rule_short(json_str(rules, file));
	if (json_object_size(rules) == 1 && strlen(brief) < 350)
		hint = xasprintf("The web server needs this redirect (%s):\n%s", file, brief);
	else
		hint = xasprintf("The web server needs a redirect of " PATH " to http://%s" PATH "; "
				 "the check of the certificate's web servers shows it.",
				 f->hostname);
	json_object_update(json_object_get(f->report, "rules"), rules);
	p->cause = "redirect";
	probe_over(p, WRONG, says, hint);
}

static bool preflight_is_first(const struct preflight_probe *p)
{
	return strv_len(p->trail) == 1;
}

/* This machine has no IPv6 (or IPv4) at all: nothing can be said. */
static bool no_way_from_here(const struct preflight_probe *p, const struct err *err)
{
	return preflight_is_first(p) &&
	       (strstr(err->message, strerror(ENETUNREACH)) || strstr(err->message, strerror(EADDRNOTAVAIL)));
}

static void unreachable(struct preflight_probe *p, const struct err *err)
{
	const char *says = err->message;

	if (no_way_from_here(p, err)) {
		probe_over(p, UNCHECKED, "not to be reached from this server, which has no such network; not checked",
			   NULL);
	} else if (!preflight_is_first(p)) {
		p->cause = "target";
		probe_over(p, WRONG, says, "The web server redirects, but where to cannot be reached. "
					   "Is the host in its rule right, and its port open?");
	} else if (p->family == DNS_AAAA) {
		p->cause = "ipv6";
		probe_over(p, UNREACHABLE, says, "Make the web server listen on its IPv6 address with port 80 open, "
						 "or remove the AAAA record: CAs try IPv6 first.");
	} else {
		p->cause = "port";
		probe_over(p, UNREACHABLE, says, "A web server must answer there on port 80, open to the whole world: "
						 "CAs ask from several places.");
	}
}

/* An address that no CA can ask is wrong; a name may be a public one out there, and an inside one here. */
static void inside(struct preflight_probe *p, const struct err *why)
{
	_cleanup_free_ char *says = NULL;

	if (preflight_is_first(p)) {
		probe_over(p, UNCHECKED, "This is not a public address. Not checked; preflight.private lists the "
					 "private networks in which web servers are checked.", NULL);
		return;
	}
	says = xasprintf("redirects to %.200s, and %s", p->url.url, why->message);
	if (identifier_is_ip(p->url.host)) {
		wrong_for_rule(p, says);
		return;
	}
	free(says);
	says = xasprintf("It redirects to %.200s, which has no public address here. Not checked; preflight.private "
			 "lists the private networks to which redirects are followed.", p->url.url);
	probe_over(p, UNCHECKED, says, NULL);
}

static bool is_ours(const struct preflight_probe *p)
{
	return !strcasecmp(p->url.host, p->preflight->hostname) && str_starts(p->url.path, PATH);
}

static void wrong_answer(struct preflight_probe *p, const struct fetch_reply *r)
{
	_cleanup_free_ char *says = NULL, *excerpt = words_line(r->body, EXCERPT);
	bool shown = r->status == 200 && is_ours(p) && *excerpt;

	if (preflight_is_first(p)) {
		says = xasprintf("answers %d itself: it does not redirect challenges to us", r->status);
		wrong_for_rule(p, says);
		return;
	}
	says = xasprintf("%.200s, where it redirects to, answers %d%s%s%s", p->url.url, r->status, shown ? ": \"" : "",
			 shown ? excerpt : "", shown ? "\"" : "");
	wrong_for_rule(p, says);
}

/*
 * Following redirects, one address at the first hop.
 */

static void preflight_ask(struct preflight_probe *p);

/* Is it what a CA follows?  NULL, or what is wrong. */
static const char *not_followed(const struct preflight_probe *p, const struct fetch_url *url)
{
	bool https = str_eq(url->scheme, "https");

	if (!https && !str_eq(url->scheme, "http"))
		return "which is neither http nor https";
	if (p->preflight->options.port != 80 || url->port == (https ? 443 : 80))
		return NULL;
	return "and CAs follow only to port 80 for http and 443 for https";
}

static void follow(struct preflight_probe *p, const struct fetch_reply *r)
{
	const char *location = fetch_header(r, "Location", 0);
	_cleanup_(fetch_url_release) struct fetch_url url = { .port = 0 };
	_cleanup_free_ char *says = NULL, *fit = NULL, *shown = location ? words_line(location, URL_MOST) : NULL;
	bool read = location && fetch_url_read(&url, p->url.url, location) == 0;
	const char *why;

	fit = read ? words_line(url.url, URL_MOST) : NULL;
	read = read && str_eq(fit, url.url);	/* what cleaning changes is no URL */
	why = read ? not_followed(p, &url) : NULL;

	if (!location)
		says = xasprintf("answers %d without saying where to", r->status);
	else if (!read)
		says = xasprintf("redirects to an invalid URL: %.200s", shown);
	else if (why)
		says = xasprintf("redirects to %.200s, %s", url.url, why);
	else if (strv_has(p->trail, url.url))
		says = xasprintf("redirects go round in a circle: %.200s", url.url);
	else if (strv_len(p->trail) > REDIRECTS_MOST)
		says = xasprintf("more than %d redirects", REDIRECTS_MOST);
	if (says) {
		wrong_for_rule(p, says);
		return;
	}
	fetch_url_release(&p->url);
	p->url = url;
	url = (struct fetch_url){ .port = 0 };
	preflight_ask(p);
}

static bool is_expected(const struct preflight_probe *p, const char *body)
{
	size_t len = strlen(p->preflight->expected);

	return !strncmp(body, p->preflight->expected, len) && strspn(body + len, " \t\r\n") == strlen(body + len);
}

static void replied(struct preflight_probe *p, const struct fetch_reply *r)
{
	const char *server = fetch_header(r, "Server", 0);

	if (preflight_is_first(p) && server) {
		free(p->server);
		p->server = words_line(server, WORDS_SOME);
	}
	if (r->status == 301 || r->status == 302 || r->status == 307 || r->status == 308)
		follow(p, r);
	else if (r->status == 200 && is_expected(p, r->body))
		probe_over(p, REACHED, preflight_is_first(p) ? "answers for us" : "redirects to us", NULL);
	else
		wrong_answer(p, r);
}

static void no_name(struct preflight_probe *p, const struct err *why)
{
	_cleanup_free_ char *says = xasprintf("redirects to %.200s, and %s", p->url.url, why->message);

	wrong_for_rule(p, says);
}

static void preflight_hop_over(void *arg, enum preflight_hop_end end, const struct fetch_reply *reply,
			       const struct err *why)
{
	struct preflight_probe *p = arg;

	p->hop = NULL;
	switch (end) {
	case HOP_ANSWER:
		replied(p, reply);
		break;
	case HOP_SILENT:
		unreachable(p, why);
		break;
	case HOP_INSIDE:
		inside(p, why);
		break;
	case HOP_NO_NAME:
		no_name(p, why);
		break;
	case HOP_UNKNOWN:
		probe_over(p, UNCHECKED, "It redirects to a name that could not be looked up from here. Not checked.",
			   NULL);
		break;
	}
}

/* The first hop is where the name's owner said; all others are where a web server says. */
static enum reach reach_of(const struct preflight_probe *p)
{
	enum reach reach = p->preflight->options.reach;

	if (is_ours(p) || (strv_len(p->trail) == 0 && reach == REACH_ANY))
		return REACH_ANY;
	return reach == REACH_PUBLIC ? REACH_PUBLIC : REACH_LISTED;
}

static void preflight_ask(struct preflight_probe *p)
{
	struct preflight *f = p->preflight;
	struct preflight_hop_request q = {
		.fetcher = f->options.fetcher,
		.dns = f->options.dns,
		.resolvers = f->resolvers,
		.url = &p->url,
		.address = strv_len(p->trail) ? NULL : p->address,
		.reach = reach_of(p),
		.listed = f->options.listed,
		.timeout_ms = f->options.timeout_ms,
		.max_body = BODY_MOST,
	};

	strv_add(&p->trail, p->url.url);
	p->hop = preflight_hop_start(&q, f->loop, preflight_hop_over, p);
}

static void preflight_begin(struct preflight_probe *p, const char *address)
{
	struct preflight *f = p->preflight;
	bool v6 = strchr(p->name, ':');
	_cleanup_free_ char *port = f->options.port == 80 ? xstrdup("") : xasprintf(":%d", f->options.port);
	_cleanup_free_ char *url = xasprintf("http://%s%s%s%s" PATH "%s", v6 ? "[" : "", p->name, v6 ? "]" : "", port,
					     f->token);

	p->address = xstrdup(address);
	if (fetch_url_read(&p->url, NULL, url) < 0)
		die("%s is no URL", url);
	preflight_ask(p);
}

/*
 * Addresses.
 */

/* The other family of the same name, if it has been looked up. */
static bool other_has_address(const struct preflight_probe *p)
{
	for (const struct preflight_probe *q = p->preflight->probes; q; q = q->next)
		if (q != p && str_eq(q->name, p->name) && (q->address || q->result == PENDING))
			return true;
	return false;
}

static void no_address(struct preflight_probe *p, bool missing)
{
	p->cause = "name";
	probe_over(p, WRONG, missing ? "there is no such name in the DNS" : "it has neither an A nor an AAAA record",
		   "Add the name to the DNS with the address of its web server.");
}

/* Of a name with two kinds of addresses, once is enough. */
static void not_looked_up(struct preflight_probe *p)
{
	bool said = false;

	for (const struct preflight_probe *q = p->preflight->probes; q; q = q->next)
		said |= q != p && str_eq(q->name, p->name) && q->result == UNCHECKED && !q->address;
	probe_over(p, said ? NOTHING : UNCHECKED,
		   said ? "" : "could not be looked up from here; the CA may know better", NULL);
}

static void looked_up(void *arg, const struct dns_answer *a)
{
	struct preflight_probe *p = arg;
	const char *first = NULL;

	p->query = NULL;
	for (size_t i = 0; !a->err && i < a->count; i++) {
		if (a->records[i].type != p->family || !a->records[i].answer)
			continue;
		if (first)	/* one probe an address */
			preflight_begin(probe_new(p->preflight, p->name, p->family), a->records[i].text);
		else
			first = a->records[i].text;
	}
	if (first)
		preflight_begin(p, first);
	else if (a->err)
		not_looked_up(p);
	else if (other_has_address(p))
		probe_over(p, NOTHING, "", NULL);
	else
		no_address(p, a->missing);
}

static void preflight_look_up(struct preflight *f, const char *name, enum dns_type family)
{
	struct preflight_probe *p = probe_new(f, name, family);
	struct dns_question q = { .name = name, .type = family, .servers = f->resolvers };

	p->query = dns_ask(f->options.dns, &q, looked_up, p);
}

struct preflight *preflight_start(const struct preflight_options *options, struct loop *loop, char *const *names,
				  const char *token, const char *expected, preflight_cb *cb, void *arg)
{
	struct preflight *f = xcalloc(1, sizeof(*f));

	f->options = *options;
	f->last = &f->probes;
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
			preflight_begin(probe_new(f, *names, strchr(*names, ':') ? DNS_AAAA : DNS_A), *names);
			continue;
		}
		preflight_look_up(f, *names, DNS_A);
		preflight_look_up(f, *names, DNS_AAAA);
	}
	if (!f->open)
		timer_start(&f->end, loop, 0, ended, f);
	return f;
}
