/* GET /api/openapi.json: OpenAPI 3.1. */
#include "webui/server/openapi.h"

#include "webui/http/call.h"
#include "webui/http/face.h"
#include "webui/http/session.h"

#define VERSION_OF_API "v1"
#define PREFIX "/api/v1/"
#define SCHEMA "#/components/schemas/"

/* What handlers add to the records they show. */
static const struct extra {
	const char *record, *name, *schema, *text;
} extras[] = {
#define TEXT_OR_NULL "{\"type\": [\"string\", \"null\"]}"
#define TEXTS "{\"type\": \"array\", \"items\": {\"type\": \"string\"}}"
#define STEPS "time and sentence of each step; what scripts printed is there for administrators only"
	{ "cert", "status", "{\"type\": \"string\"}", "its status, one word" },
	{ "cert", "status_text", "{\"type\": \"string\"}", "the status as a sentence" },
	{ "cert", "next_step", "{\"type\": \"string\"}", "what you can do next" },
	{ "cert", "names_shown", TEXTS, "its names as people read them" },
	{ "cert", "account", TEXT_OR_NULL, "name of the account that orders it" },
	{ "cert", "key", TEXT_OR_NULL, "name of its key" },
	{ "cert", "key_reuse_shown", "{\"type\": \"string\"}",
	  "whether it keeps its key at renewals: on, off, or auto (only while other certificates share it)" },
	{ "account", "key", TEXT_OR_NULL, "name of its key" },
	{ "version", "number", "{\"type\": \"integer\"}", "its number within the certificate" },
	{ "order", "number", "{\"type\": \"integer\"}", "its number within the certificate" },
	{ "cert", "hooks_unconfirmed", "{\"type\": \"boolean\"}",
	  "its own scripts do not run: no administrator confirmed them" },
	{ "order", "log", TEXTS, STEPS },
	{ "trial", "certificate", "{\"type\": \"string\"}", "name of that certificate" },
	{ "trial", "log", TEXTS, STEPS },
	{ "version", "deploy_log", TEXTS, STEPS },
	{ "upkeep", "log", TEXTS, STEPS },
	{ "event", "number", "{\"type\": \"integer\"}", "they are numbered from 1 without gaps" },
};

static const char problem_schema[] =
	"{\"type\": \"object\", \"description\": \"what is wrong (RFC 9457)\", \"required\": [\"type\", \"title\", "
	"\"status\"],"
	"\"properties\": {"
	"\"type\": {\"type\": \"string\", \"description\": \"urn:certera:error: and the kind of error\"},"
	"\"title\": {\"type\": \"string\", \"description\": \"the kind of error, in words\"},"
	"\"status\": {\"type\": \"integer\"},"
	"\"detail\": {\"type\": \"string\", \"description\": \"what went wrong\"},"
	"\"hint\": {\"type\": \"string\", \"description\": \"what you can do\"},"
	"\"said\": {\"type\": \"string\", \"description\": \"what the other server said, word for word\"},"
	"\"code\": {\"type\": \"string\"},"
	"\"retry_at\": {\"type\": \"string\", \"format\": \"date-time\"},"
	"\"errors\": {\"type\": \"array\", \"description\": \"the member or parameter at fault\", \"items\": "
	"{\"type\": \"object\","
	" \"properties\": {\"field\": {\"type\": \"string\"}, \"detail\": {\"type\": \"string\"}}}},"
	"\"subproblems\": {\"type\": \"array\", \"items\": {\"type\": \"object\"}}}}";

static json_t *parsed(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	if (!value)
		die("not JSON: %s", text);
	return value;
}

static json_t *reference(const char *schema)
{
	_cleanup_free_ char *to = xasprintf(SCHEMA "%s", schema);

	return json_pack("{s:s}", "$ref", to);
}

/*
 * Names and places.
 */

/* What belongs together though its path does not begin alike. */
static const char *const together[][2] = {
	{ "issue", "certificates" }, { "decode", "certificates" }, { "sign-in", "me" },
	{ "sign-out", "me" },        { "setup", "me" },            { "checks", "certificates" },
	{ "status", "server" },      { "overview", "server" },     { "agenda", "server" },
	{ "health", "server" },      { "system", "server" },       { "backup", "server" },
	{ "verify", "server" },      { "settings", "server" },     { "redirects", "server" },
	{ "description", "server" }, { "events", "server" },
};

char *openapi_group(const struct route *route)
{
	if (str_starts(route->path, PREFIX)) {
		_cleanup_free_ char *first =
			xstrndup(route->path + strlen(PREFIX), strcspn(route->path + strlen(PREFIX), "/"));

		for (size_t i = 0; i < ARRAY_SIZE(together); i++)
			if (str_eq(together[i][0], first))
				return xstrdup(together[i][1]);
		return TAKE(first);
	}
	return str_starts(route->path, "/api/") && !strchr(route->path, '.') ? xstrdup("download") : NULL;
}

char *openapi_path(const struct route *route)
{
	struct buf out = BUF_INIT;

	for (const char *p = route->path; *p;) {
		size_t len = strcspn(p + 1, "/");

		if (p[1] == ':' || p[1] == '*')
			buf_addf(&out, "/{%.*s}", (int)len - 1, p + 2);
		else
			buf_add(&out, p, len + 1);
		p += len + 1;
	}
	return buf_detach(&out);
}

/*
 * What is asked.
 */

static json_t *item_schema(const struct call_item *item)
{
	switch (item->type) {
	case ITEM_FLAG:
		return json_pack("{s:s}", "type", "boolean");
	case ITEM_LIST:
		return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
	case ITEM_TEXTS:
		return json_pack("{s:[{s:s}, {s:s, s:{s:s}}]}", "anyOf", "type", "string", "type", "array", "items",
				 "type", "string");
	case ITEM_NUMBER:
		return json_pack("{s:s}", "type", "integer");
	default:
		return json_pack("{s:s}", "type", "string");
	}
}

static void add_parameter(json_t *list, const char *name, const char *where, json_t *schema, const char *text)
{
	json_t *one = json_pack("{s:s, s:s, s:o}", "name", name, "in", where, "schema", schema);

	if (str_eq(where, "path"))
		json_put_bool(one, "required", true);
	if (text)
		json_put_str(one, "description", text);
	json_array_append_new(list, one);
}

static json_t *parameters(const struct route *route, const struct api_call *call)
{
	json_t *list = json_array();

	for (const char *p = route->path; (p = strchr(p, ':')); p++) {
		_cleanup_free_ char *name = xstrndup(p + 1, strcspn(p + 1, "/"));

		add_parameter(list, name, "path", json_pack("{s:s}", "type", "string"), NULL);
	}
	for (size_t i = 0; i < call->count; i++)
		if (call->item[i].need == ITEM_QUERY)
			add_parameter(list, call->item[i].name, "query", item_schema(&call->item[i]),
				      call->item[i].text);
	return list;
}

/* Members of the body; of the download API, whose body is a form, its parameters. */
static json_t *request_body_of(const struct route *route, const struct api_call *call)
{
	bool form = route->role == ROLE_APIKEY;
	json_t *members = json_object(), *needed = json_array(), *schema;

	for (size_t i = 0; i < call->count; i++) {
		const struct call_item *item = &call->item[i];
		json_t *one = (item->need == ITEM_QUERY) == form ? item_schema(item) : NULL;
		_cleanup_free_ char *text = NULL;

		if (!one)
			continue;
		text = call_item_text(item);
		json_put_str(one, "description", text);
		json_object_set_new(members, item->name, one);
		if (item->need == ITEM_NEEDED)
			json_array_append_new(needed, json_string(item->name));
	}
	schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", members, "additionalProperties", 0);
	return json_pack("{s:b, s:{s:{s:o}}}", "required", json_array_size(needed) > 0, "content",
			 form ? "application/x-www-form-urlencoded" : "application/json", "schema",
			 (json_object_set_new(schema, "required", needed), schema));
}

/*
 * What is answered.
 */

/* "certificates[cert]" */
static json_t *list_schema(const char *answer)
{
	const char *bracket = strchr(answer, '[');
	_cleanup_free_ char *member = xstrndup(answer, (size_t)(bracket - answer));
	_cleanup_free_ char *of = xstrndup(bracket + 1, strcspn(bracket + 1, "]"));
	json_t *members = parsed(
		"{\"first\": {\"type\": \"integer\", \"description\": \"how many entries were skipped\"},"
		"\"limit\": {\"type\": \"integer\"},"
		"\"total\": {\"type\": [\"integer\", \"null\"], \"description\": \"how many there are\"},"
		"\"previous\": {\"type\": [\"integer\", \"null\"], \"description\": \"first of the previous page\"},"
		"\"next\": {\"type\": [\"integer\", \"null\"], \"description\": \"first of the next page\"}}");

	json_object_set_new(members, member, json_pack("{s:s, s:o}", "type", "array", "items", reference(of)));
	return json_pack("{s:s, s:[s,s,s,s], s:o}", "type", "object", "required", member, "first", "limit", "total",
			 "properties", members);
}

static json_t *responses(const struct api_call *call)
{
	_cleanup_free_ char *status = xasprintf("%d", call->status);
	json_t *answers = json_object(), *good = json_pack("{s:s}", "description", call->text);
	const char *type = str_eq(call->answer, "file") ? "*/*" : "application/json";
	json_t *schema = NULL;

	if (strchr(call->answer, '['))
		schema = list_schema(call->answer);
	else if (str_eq(call->answer, "file"))
		schema = json_object();
	else if (str_eq(call->answer, "object"))
		schema = json_pack("{s:s}", "type", "object");
	else if (!str_eq(call->answer, "nothing"))
		schema = reference(call->answer);
	if (schema)
		json_object_set_new(good, "content", json_pack("{s:{s:o}}", type, "schema", schema));
	json_object_set_new(answers, status, good);
	json_object_set_new(answers, "default", json_pack("{s:s}", "$ref", "#/components/responses/problem"));
	return answers;
}

static json_t *security(enum role role)
{
	if (role == ROLE_APIKEY)
		return json_pack("[{s:[]}]", "apiKey");
	return role <= ROLE_GUEST ? json_array() : json_pack("[{s:[]}, {s:[]}]", "token", "session");
}

static json_t *operation(const struct route *route)
{
	static const char *const methods[] = {
		[METHOD_GET] = "get", [METHOD_POST] = "post", [METHOD_DELETE] = "delete"
	};
	const struct api_call *call = call_of(route);
	_cleanup_free_ char *group = openapi_group(route);
	_cleanup_free_ char *id =
		xasprintf("%s%s", call->name + strlen("page_"),
			  route->role == ROLE_APIKEY && route->method == METHOD_POST ? "_by_post" : "");
	json_t *o = json_pack("{s:s, s:s, s:[s], s:o, s:o}", "operationId", id, "summary", call->text, "tags", group,
			      "parameters", parameters(route, call), "responses", responses(call));

	if (route->method == METHOD_POST)
		json_object_set_new(o, "requestBody", request_body_of(route, call));
	json_object_set_new(o, "security", security(route->role));
	if (*role_word(route->role))
		json_put_str(o, "x-role", role_word(route->role));
	json_put_str(o, "x-method", methods[route->method]);
	return o;
}

static json_t *paths(void)
{
	const struct route *route;
	json_t *all = json_object();

	for (size_t i = 0; (route = router_row(i)); i++) {
		_cleanup_free_ char *group = openapi_group(route), *path = openapi_path(route);
		json_t *of_path = json_object_get(all, path), *o;

		if (!group)
			continue;
		if (!of_path) {
			of_path = json_object();
			json_object_set_new(all, path, of_path);
		}
		o = operation(route);
		json_object_set(of_path, json_str(o, "x-method"), o);
		json_object_del(o, "x-method");
		json_decref(o);
	}
	return all;
}

/* Every record that an answer names. */
static void add_schema(json_t *schemas, const char *name)
{
	json_t *schema = json_object_get(schemas, name) ? NULL : record_schema(name);

	if (!schema)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(extras); i++) {
		json_t *one = str_eq(extras[i].record, name) ? parsed(extras[i].schema) : NULL;

		if (!one)
			continue;
		json_put_str(one, "description", extras[i].text);
		json_object_set_new(json_object_get(schema, "properties"), extras[i].name, one);
	}
	json_object_set_new(schemas, name, schema);
}

static json_t *schemas(void)
{
	json_t *all = json_pack("{s:o}", "problem", parsed(problem_schema));
	const struct route *route;

	for (size_t i = 0; (route = router_row(i)); i++) {
		const char *answer = call_of(route)->answer, *bracket = strchr(answer, '[');
		_cleanup_free_ char *name =
			bracket ? xstrndup(bracket + 1, strcspn(bracket + 1, "]")) : xstrdup(answer);

		add_schema(all, name);
	}
	return all;
}

static json_t *components(void)
{
	json_t *o =
		json_pack("{s:{s:{s:s, s:{s:{s:o}}}}}", "responses", "problem", "description",
			  "what is wrong (RFC 9457). 503 after a full or failing disk: nothing was saved. 429 and 503 "
			  "have Retry-After",
			  "content", "application/problem+json", "schema", reference("problem"));

	json_object_set_new(o, "schemas", schemas());
	json_object_set_new(o, "securitySchemes",
			    json_pack("{s:{s:s, s:s}, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}}", "token", "type", "http",
				      "scheme", "bearer", "session", "type", "apiKey", "in", "cookie", "name",
				      SESSION_COOKIE, "apiKey", "type", "apiKey", "in", "header", "name", "apiKey"));
	return o;
}

int page_openapi(struct request *r, struct err *e)
{
	_cleanup_free_ char *server = request_server(r);
	json_t *o = json_pack(
		"{s:s, s:{s:s, s:s, s:s}, s:[{s:s}]}", "openapi", "3.1.0", "info", "title", "Certera", "version",
		VERSION_OF_API, "description",
		"Certificates for many web servers: ordered, renewed, delivered.  Users create bearer tokens; "
		"the apiKey of a certificate or key downloads it.",
		"servers", "url", server);

	json_object_set_new(o, "paths", paths());
	json_object_set_new(o, "components", components());
	return reply_json(r, 200, o);
}
