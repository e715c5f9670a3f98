/* /api/v1/description: the API as people read it, with the calls in curl's words. */
#include "webui/call.h"
#include "webui/openapi.h"

static const char *method_word(const struct route *route)
{
	return route->method == METHOD_GET ? "GET" : route->method == METHOD_DELETE ? "DELETE" : "POST";
}

static const char *type_word(enum item_type type)
{
	static const char *const words[] = {
		[ITEM_TEXT] = "text",          [ITEM_FLAG] = "true or false",
		[ITEM_LIST] = "list of texts", [ITEM_TEXTS] = "text, or list of texts",
		[ITEM_NUMBER] = "number",
	};

	return words[type];
}

static json_t *items(const struct call *call, bool in_query)
{
	json_t *list = json_array();

	for (size_t i = 0; i < call->count; i++) {
		const struct call_item *item = &call->item[i];
		json_t *one;

		if ((item->need == ITEM_QUERY) != in_query)
			continue;
		one = json_object();
		json_put_str(one, "name", item->name);
		json_put_str(one, "type", type_word(item->type));
		json_put_bool(one, "needed", item->need == ITEM_NEEDED);
		json_put_str(one, "text", item->text);
		json_array_append_new(list, one);
	}
	return list;
}

/* A body with the members that are needed: {"name": "..."} */
static void add_example(struct buf *out, const struct call *call)
{
	bool first = true;

	buf_add_str(out, " \\\n  -d '{");
	for (size_t i = 0; i < call->count; i++) {
		if (call->item[i].need != ITEM_NEEDED)
			continue;
		buf_addf(out, "%s\"%s\": \"...\"", first ? "" : ", ", call->item[i].name);
		first = false;
	}
	buf_add_str(out, "}'");
}

static char *curl(const struct request *r, const struct route *route, const struct call *call)
{
	_cleanup_free_ char *server = openapi_server(r), *path = openapi_path(route);
	struct buf out = BUF_INIT;
	bool body = false;

	for (size_t i = 0; i < call->count; i++)
		body |= call->item[i].need != ITEM_QUERY;
	buf_add_str(&out, "curl");
	if (route->method == METHOD_DELETE || (route->method == METHOD_POST && !body))
		buf_addf(&out, " -X %s", method_word(route));
	buf_addf(&out, " %s%s", server, path);
	if (route->role == ROLE_APIKEY)
		buf_add_str(&out, " \\\n  -H \"apiKey: API_KEY\"");
	else if (route->role > ROLE_GUEST)
		buf_add_str(&out, " \\\n  -H \"Authorization: Bearer TOKEN\"");
	if (route->method == METHOD_POST && body)
		add_example(&out, call);
	return buf_detach(&out);
}

static json_t *show_call(const struct request *r, const struct route *route)
{
	const struct call *call = call_of(route);
	_cleanup_free_ char *path = openapi_path(route), *command = curl(r, route, call);
	_cleanup_free_ char *id = xasprintf("%s-%s", method_word(route), call->name);
	json_t *o = json_object();

	json_put_str(o, "id", id);
	json_put_str(o, "method", method_word(route));
	json_put_str(o, "path", path);
	json_put_str(o, "text", call->text);
	json_put_str(o, "role",
		     *role_word(route->role)      ? role_word(route->role)
		     : route->role == ROLE_APIKEY ? "an API key"
						  : "everybody");
	json_put_int(o, "status", call->status);
	json_object_set_new(o, "query", items(call, true));
	json_object_set_new(o, "body", items(call, false));
	json_put_str(o, "curl", command);
	return o;
}

/* The group of that name, made if there is none yet. */
static json_t *group_of(json_t *groups, const char *name)
{
	json_t *group;
	size_t i;

	json_array_foreach (groups, i, group)
		if (str_eq(json_str(group, "group"), name))
			return json_object_get(group, "calls");
	group = json_pack("{s:s, s:[]}", "group", name, "calls");
	json_array_append_new(groups, group);
	return json_object_get(group, "calls");
}

int page_description(struct request *r, struct err *e)
{
	_cleanup_free_ char *server = openapi_server(r);
	json_t *answer = json_object(), *groups = json_array();
	const struct route *route;

	json_put_str(answer, "server", server);
	json_object_set_new(answer, "groups", groups);
	for (size_t i = 0; (route = router_row(i)); i++) {
		_cleanup_free_ char *group = openapi_group(route);

		if (group)
			json_array_append_new(group_of(groups, group), show_call(r, route));
	}
	return reply_json(r, 200, answer);
}
