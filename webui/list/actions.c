#include "webui/list/actions.h"

#include "webui/http/body.h"

static const struct bulk_action actions[] = {
#define BULK(list, word, method, path, member, value, label, question, button, done) \
	{ #list, #word, METHOD_##method, path, member, VALUE_##value, label, question, button, done },
#include "webui/list/bulk.def"
#undef BULK
};

static const struct bulk_list lists[] = {
	{ "certificates", "certificate", "certificates", &rec_cert_type },
	{ "sites", "site", "sites", &rec_site_type },
	{ "outbox", "message", "messages", &rec_outbox_type },
	{ "keys", "key", "keys", &rec_key_type },
	{ "orders", "order", "orders", &rec_order_type },
	{ "users", "user", "users", &rec_user_type },
};

const struct bulk_list *bulk_list(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (str_eq(lists[i].name, name))
			return &lists[i];
	return NULL;
}

bool bulk_is_export(const struct bulk_action *a)
{
	return str_eq(a->word, "export");
}

/* The row of routes.def that an action is a request of; NULL: there is none. */
static const struct route *route_of(const struct bulk_action *a, struct match *m)
{
	_cleanup_free_ char *path = bulk_is_export(a) ? xasprintf("/api/v1/%s", a->list)
						      : xasprintf("/api/v1/%s/%s%s", a->list,
								  str_eq(a->list, "outbox") ? "x/1" : "x", a->path);

	router_find(m, a->method, path);
	return m->route;
}

static bool may(const struct request *r, const struct bulk_action *a)
{
	_cleanup_(match_release) struct match m = { 0 };
	const struct route *route = route_of(a, &m);

	return route && gate_lets_in(&r->visitor, route->role, r->webui->settings) && gate_allows(&r->visitor, route);
}

json_t *bulk_actions(const struct request *r, const char *list)
{
	json_t *all = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		_cleanup_strv_ char **labels = strv_split(actions[i].label, "|");
		json_t *o;

		if (!str_eq(actions[i].list, list) || !may(r, &actions[i]))
			continue;
		o = json_object();
		json_put_str(o, "word", actions[i].word);
		json_put_str(o, "label", labels[0]);
		json_array_append_new(all, o);
	}
	return all;
}

const struct bulk_action *bulk_action(const struct request *r, const json_t *body, struct err *e)
{
	const char *list = json_str(body, "list"), *word = json_str(body, "action");
	_cleanup_buf_ struct buf words = BUF_INIT;

	list += *list == '/';
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (!str_eq(actions[i].list, list))
			continue;
		if (!str_eq(actions[i].word, word)) {
			buf_addf(&words, "%s%s", words.len ? ", " : "", actions[i].word);
		} else if (may(r, &actions[i])) {
			return &actions[i];
		} else {
			err_set(e, ERR_DENIED, "this is not for the role %s, or not for this token",
				role_word(r->visitor.role));
			return NULL;
		}
	}
	if (words.len)
		body_at("action", err_set(e, ERR_INVALID, "\"action\" is one of %s", buf_str(&words)), e);
	else
		body_at("list",
			err_set(e, ERR_INVALID, "\"list\" is certificates, sites, outbox, keys, orders or users"), e);
	return NULL;
}
