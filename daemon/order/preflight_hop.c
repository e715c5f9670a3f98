#include "daemon/order/preflight_hop.h"

#include "pki/identifier.h"

#define ADDRESSES_MOST 8

struct preflight_hop {
	struct preflight_hop_request q;		/* url: see below; strings are owned */
	char *url, *host;
	preflight_hop_cb *cb;
	void *arg;
	char *address[ADDRESSES_MOST];	/* those that may be asked, IPv6 first as CAs do */
	size_t count, asked;
	bool inside;			/* there is one that may not */
	struct dns_query *query;
	struct fetch *fetch;
	struct timer turn;
	struct err why;
};

void preflight_hop_cancel(struct preflight_hop *h)
{
	if (!h)
		return;
	timer_stop(&h->turn);
	if (h->query)
		dns_cancel(h->query);
	if (h->fetch)
		fetch_cancel(h->fetch);
	for (size_t i = 0; i < h->count; i++)
		free(h->address[i]);
	free((char *)h->q.resolvers);
	free(h->url);
	free(h->host);
	free(h);
}

static void over(struct preflight_hop *h, enum preflight_hop_end end, const struct fetch_reply *reply)
{
	h->cb(h->arg, end, reply, reply ? NULL : &h->why);
	preflight_hop_cancel(h);
}

/*
 * Asking one address after the other, until one answers.
 */

static void ask_next(struct preflight_hop *);

static void replied(void *arg, const struct fetch_reply *reply)
{
	struct preflight_hop *h = arg;

	h->fetch = NULL;
	if (!reply->err) {
		over(h, HOP_ANSWER, reply);
		return;
	}
	h->why = *reply->err;
	if (h->asked < h->count)
		ask_next(h);
	else
		over(h, HOP_SILENT, NULL);
}

static void ask_next(struct preflight_hop *h)
{
	const char *address = h->address[h->asked++];
	struct cidr one;
	struct fetch_request q = {
		.url = h->url, .address = address,
		.public_only = true, .but = &(const struct cidr_list){ &one, 1 },
		.any_certificate = true, .allow_http = true, .timeout_ms = h->q.timeout_ms, .max_body = h->q.max_body,
	};

	if (cidr_parse(&one, address, NULL) < 0)
		die("\"%s\" is no address", address);
	h->fetch = fetch_start(h->q.fetcher, &q, replied, h);
}

/*
 * The addresses.
 */

static void take_address(struct preflight_hop *h, const char *text)
{
	struct address address;

	if (address_parse_host(&address, text) < 0 || h->count == ADDRESSES_MOST)
		return;
	if (address_in_reach((const struct sockaddr *)&address.sa, h->q.reach, h->q.listed))
		h->address[h->count++] = xstrdup(text);
	else
		h->inside = true;
}

/* All are here, or there are none. */
static void addresses_known(void *arg)
{
	struct preflight_hop *h = arg;

	if (h->count) {
		ask_next(h);
		return;
	}
	if (h->inside)
		err_set(&h->why, ERR_DENIED, "%s%s", h->host,
			identifier_is_ip(h->host) ? " is not a public address" : " has no public address");
	else if (!err_is_set(&h->why))
		err_set(&h->why, ERR_MISSING, "%s has no address in the DNS", h->host);
	over(h, h->inside ? HOP_INSIDE : h->why.kind == ERR_MISSING ? HOP_NO_NAME : HOP_UNKNOWN, NULL);
}

static void take_answer(struct preflight_hop *h, enum dns_type type, const struct dns_answer *a)
{
	h->query = NULL;
	if (a->err)
		err_set(&h->why, ERR_NETWORK, "looking up %s: the resolver %s", h->host, a->err->message);
	for (size_t i = 0; !a->err && i < a->count; i++)
		if (a->records[i].type == type && a->records[i].answer)
			take_address(h, a->records[i].text);
}

static void preflight_hop_look_up(struct preflight_hop *h, enum dns_type type,
				  void (*cb)(void *arg, const struct dns_answer *))
{
	struct dns_question q = { .name = h->host, .type = type, .servers = h->q.resolvers };

	h->query = dns_ask(h->q.dns, &q, cb, h);
}

static void looked_up_v4(void *arg, const struct dns_answer *a)
{
	take_answer(arg, DNS_A, a);
	addresses_known(arg);
}

static void looked_up_v6(void *arg, const struct dns_answer *a)
{
	struct preflight_hop *h = arg;

	take_answer(h, DNS_AAAA, a);
	preflight_hop_look_up(h, DNS_A, looked_up_v4);
}

struct preflight_hop *preflight_hop_start(const struct preflight_hop_request *q, struct loop *loop,
					  preflight_hop_cb *cb, void *arg)
{
	struct preflight_hop *h = xcalloc(1, sizeof(*h));

	*h = (struct preflight_hop){ .q = *q, .cb = cb, .arg = arg };
	h->q.resolvers = xstrdup(q->resolvers);
	h->url = xstrdup(q->url->url);
	h->host = xstrdup(q->url->host);
	if (!q->address && !identifier_is_ip(h->host)) {
		preflight_hop_look_up(h, DNS_AAAA, looked_up_v6);
		return h;
	}
	take_address(h, q->address ? q->address : h->host);
	timer_start(&h->turn, loop, 0, addresses_known, h);
	return h;
}
