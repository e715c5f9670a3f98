#include "daemon/order/by_hand_look.h"

#include "store/record/reach.h"

#include "daemon/order/preflight.h"

struct by_hand_look {
	struct engine *engine;
	enum reach reach;
	json_t *todo;		/* what is left of it */
	struct preflight *preflight;
	struct timer turn;
	by_hand_look_cb *done;
	void *arg;
};

void by_hand_look_cancel(struct by_hand_look *l)
{
	if (l->preflight)
		preflight_cancel(l->preflight);
	timer_stop(&l->turn);
	json_decref(l->todo);
	free(l);
}

static void by_hand_look_over(struct by_hand_look *l, const struct err *why)
{
	by_hand_look_cb *done = l->done;
	void *arg = l->arg;
	struct err err = why ? *why : (struct err){ 0 };

	by_hand_look_cancel(l);
	done(arg, why ? &err : NULL);
}

static void next(void *);

static void looked(void *arg, json_t *report, const struct err *why)
{
	struct by_hand_look *l = arg;

	l->preflight = NULL;
	if (why)
		by_hand_look_over(l, why);
	else
		timer_start(&l->turn, l->engine->loop, 0, next, l);
}

static void by_hand_look_at(struct by_hand_look *l, const json_t *one)
{
	const struct config *config = l->engine->config;
	_cleanup_free_ char *servers = config_servers(&config->preflight_resolvers),
			    *hostname = config_hostname(config);
	const char *url = json_str(one, "url"), *name = json_str(one, "name");
	struct preflight_options options = {
		.fetcher = l->engine->fetcher, .dns = l->engine->dns, .resolvers = servers, .hostname = hostname,
		.reach = l->reach, .listed = &config->preflight_private, .port = (int)config->preflight_port,
		.timeout_ms = (int)config->preflight_timeout * 1000, .by_hand = true,
	};

	l->preflight = preflight_start(&options, l->engine->loop, (char *[]){ (char *)name, NULL }, strrchr(url,
													    '/') + 1,
				       json_str(one, "content"), looked, l);
}

/* One after the other; those without a URL are records (publish.c looks at them). */
static void next(void *arg)
{
	struct by_hand_look *l = arg;
	_cleanup_json_ json_t *one = NULL;

	while (json_array_size(l->todo)) {
		json_decref(one);
		one = json_incref(json_array_get(l->todo, 0));
		json_array_remove(l->todo, 0);
		if (json_str(one, "url")) {
			by_hand_look_at(l, one);
			return;
		}
	}
	by_hand_look_over(l, NULL);
}

struct by_hand_look *by_hand_look_start(struct engine *g, const struct rec_cert *cert, const char *todo,
					by_hand_look_cb *done, void *arg, struct err *e)
{
	bool off = !g->config->preflight_enabled || cert->no_preflight;
	_cleanup_txn_ struct txn *t = NULL;
	struct by_hand_look *l;
	enum reach reach;

	if (store_read(g->store, &t, e) < 0 || reach_of_cert(t, cert, &reach, e) < 0)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	*l = (struct by_hand_look){ .engine = g, .reach = reach, .done = done, .arg = arg };
	l->todo = off ? json_array() : json_read(todo, strlen(todo), e);
	timer_start(&l->turn, g->loop, 0, next, l);
	return l;
}
