#include "daemon/order/look.h"

#include "daemon/dns/dns.h"
#include "daemon/order/preflight.h"

#define AT_ONCE 8

struct look_one {
	struct look *look;
	json_t *item;		/* borrowed from the look's */
	struct preflight *preflight;
	struct dns_locate *locate;
	struct dns_wait *wait;
	struct dns_place place;
};

struct look {
	struct engine *engine;
	bool urls, all;
	enum reach reach;
	json_t *items;
	struct dns_settings dns;
	struct look_one *one;
	size_t count, next, busy;
	struct timer turn;
	look_cb *done;
	void *arg;
};

void look_cancel(struct look *l)
{
	for (struct look_one *o = l->one; o < l->one + l->count; o++) {
		if (o->preflight)
			preflight_cancel(o->preflight);
		if (o->locate)
			dns_locate_cancel(o->locate);
		if (o->wait)
			dns_wait_cancel(o->wait);
		dns_place_release(&o->place);
	}
	timer_stop(&l->turn);
	json_decref(l->items);
	free(l->dns.resolvers);
	free(l->one);
	free(l);
}

static void look_turn(void *);

/* Of one: the next may begin. */
static void found(struct look_one *o, const char *state, const char *says)
{
	struct look *l = o->look;

	json_put_str(o->item, "state", state);
	json_put_str(o->item, "says", says);
	l->all &= str_eq(state, "found");
	l->busy--;
	timer_start(&l->turn, l->engine->loop, 0, look_turn, l);
}

static void record_seen(void *arg, const struct err *err)
{
	struct look_one *o = arg;

	o->wait = NULL;
	found(o, err ? "missing" : "found", err ? err->message : "every name server of the zone has the record");
}

static void record_located(void *arg, struct dns_place *place, const struct err *err)
{
	struct look_one *o = arg;

	o->locate = NULL;
	o->place = *place;
	*place = (struct dns_place){ 0 };
	if (err) {
		found(o, "missing", err->message);
		return;
	}
	o->wait =
		dns_wait(o->look->engine->dns, &(struct dns_waiting){
						       .place = &o->place,
						       .values = (char *[]){ (char *)json_str(o->item, "value"), NULL },
						       .done = record_seen,
						       .arg = o,
					       });
}

/* What was not asked is not known. */
static void url_seen(void *arg, json_t *report, const struct err *why)
{
	const json_t *probes = json_object_get(report, "probes"), *probe;
	const char *unknown = NULL;
	struct look_one *o = arg;
	size_t i;

	o->preflight = NULL;
	if (why) {
		found(o, "missing", why->message);
		return;
	}
	json_array_foreach ((json_t *)probes, i, probe) {
		if (str_eq(json_str(probe, "result"), "reached")) {
			found(o, "found", "the address shows the content");
			return;
		}
		unknown = json_str(probe, "says");
	}
	found(o, "unknown", unknown ? unknown : "the address cannot be checked from here");
}

static void look_at_url(struct look_one *o)
{
	const struct engine *g = o->look->engine;
	_cleanup_free_ char *servers = config_servers(&g->config->preflight_resolvers),
			    *hostname = config_hostname(g->config);
	const char *url = json_str(o->item, "url"), *name = json_str(o->item, "name");
	struct preflight_options options = {
		.fetcher = g->fetcher,
		.dns = g->dns,
		.resolvers = servers,
		.hostname = hostname,
		.reach = o->look->reach,
		.listed = &g->config->preflight_private,
		.port = (int)g->config->preflight_port,
		.timeout_ms = (int)g->config->preflight_timeout * 1000,
		.by_hand = true,
	};

	o->preflight = preflight_start(&options, g->loop, (char *[]){ (char *)name, NULL }, strrchr(url, '/') + 1,
				       json_str(o->item, "content"), url_seen, o);
}

static void look_at(struct look_one *o)
{
	o->look->busy++;
	if (json_str(o->item, "record"))
		o->locate =
			dns_locate(o->look->engine->dns, &o->look->dns, json_str(o->item, "record"), record_located, o);
	else if (o->look->urls)
		look_at_url(o);
	else
		found(o, "unknown", "the check of web servers is disabled");
}

static void look_turn(void *arg)
{
	struct look *l = arg;

	while (l->next < l->count && l->busy < AT_ONCE)
		look_at(&l->one[l->next++]);
	if (l->busy || l->next < l->count)
		return;
	l->done(l->arg, l->items, l->all);
	look_cancel(l);
}

struct look *look_start(struct engine *g, const char *todo, bool urls, enum reach reach, look_cb *done, void *arg,
			struct err *e)
{
	json_t *items = json_read(todo ? todo : "", todo ? strlen(todo) : 0, e);
	struct look *l;

	if (!items)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	*l = (struct look){
		.engine = g, .urls = urls, .all = true, .reach = reach, .items = items, .done = done, .arg = arg
	};
	l->dns = (struct dns_settings){ config_servers(&g->config->dns_resolvers), (int)g->config->dns_port };
	l->count = json_array_size(items);
	l->one = xcalloc(l->count, sizeof(*l->one));
	for (size_t i = 0; i < l->count; i++)
		l->one[i] = (struct look_one){ .look = l, .item = json_array_get(items, i) };
	timer_start(&l->turn, g->loop, 0, look_turn, l);
	return l;
}
