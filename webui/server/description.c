/* /api/v1/description: the API as people read it, with the calls in curl's words. */
#include <ctype.h>

#include "webui/http/call.h"
#include "webui/http/handler.h"
#include "webui/server/openapi.h"

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

static json_t *items(const struct api_call *call, bool in_query)
{
	json_t *list = json_array();

	for (size_t i = 0; i < call->count; i++) {
		const struct call_item *item = &call->item[i];
		_cleanup_free_ char *text = NULL;
		json_t *one;

		if ((item->need == ITEM_QUERY) != in_query)
			continue;
		one = json_object();
		json_put_str(one, "name", item->name);
		json_put_str(one, "type", type_word(item->type));
		json_put_bool(one, "needed", item->need == ITEM_NEEDED);
		text = call_item_text(item);
		json_put_str(one, "text", text);
		json_array_append_new(list, one);
	}
	return list;
}

/* A body with the members that are needed: {"name": "..."} */
static void add_example(struct buf *out, const struct api_call *call)
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

static char *curl(const struct request *r, const struct route *route, const struct api_call *call, const char *bearer)
{
	_cleanup_free_ char *server = request_server(r), *path = openapi_path(route);
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
		buf_addf(&out, " \\\n  -H \"Authorization: Bearer %s\"", bearer);
	if (route->method == METHOD_POST && body)
		add_example(&out, call);
	return buf_detach(&out);
}

/* Only its hash is kept, so the line has a variable of the shell with its name: $CI_TOKEN of the token "ci".  Owned. */
static char *variable_of(const struct rec_token *token)
{
	char *name = xasprintf("$%s_TOKEN", token->id ? token->name : "CERTERA");

	for (char *p = name + 1; *p; p++)
		*p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
	return name;
}

/* May the token call it?  Whatever its domains and addresses say. */
static bool token_may(const struct rec_token *token, const struct route *route)
{
	struct visitor as = { .actions = token->actions };

	return role_by_word(&as.role, token->role, NULL) == 0 && as.role >= route->role && gate_allows(&as, route);
}

static json_t *show_call(const struct request *r, const struct route *route, const struct rec_token *token,
			 const char *bearer)
{
	const struct api_call *call = call_of(route);
	_cleanup_free_ char *path = openapi_path(route), *command = curl(r, route, call, bearer);
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
	json_put_bool(o, "beyond_token", token->id && route->role > ROLE_GUEST && !token_may(token, route));
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

static void mark_chosen(json_t *names, const char *chosen)
{
	json_t *one;
	size_t i;

	json_array_foreach (names, i, one)
		json_put_bool(one, "chosen", str_eq(json_str(one, "name"), chosen));
}

int page_description(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	_cleanup_(rec_token_release) struct rec_token token = { 0 };
	_cleanup_free_ char *server = request_server(r), *bearer = NULL;
	_cleanup_json_ json_t *answer = json_object();
	json_t *groups = json_array(), *names = json_array();
	_cleanup_txn_ struct txn *t = NULL;
	const struct route *route;

	json_put_str(answer, "server", server);
	json_object_set_new(answer, "groups", groups);
	json_object_set_new(answer, "tokens", names);
	if (admin_query(r, &query, e) < 0 || store_read(r->webui->env->store, &t, e) < 0 ||
	    admin_choose_token(r, t, params_get(&query, "token"), names, &token, e) < 0)
		return -1;
	mark_chosen(names, token.name);
	bearer = variable_of(&token);
	json_put_str(answer, "token", token.name);
	json_put_str(answer, "bearer", bearer);
	json_put_str(answer, "variable", bearer + 1);
	for (size_t i = 0; (route = router_row(i)); i++) {
		_cleanup_free_ char *group = openapi_group(route);

		if (group)
			json_array_append_new(group_of(groups, group), show_call(r, route, &token, bearer));
	}
	return reply_json(r, 200, TAKE(answer));
}
