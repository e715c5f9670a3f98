#include "base/json.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"

#define MAX_SIZE ((size_t)1024 * 1024)
#define MAX_DEPTH 32

void cleanup_json(json_t **json)
{
	json_decref(*json);
}

/* jansson's own limit of 2048 levels is fixed when it is built: count brackets outside strings beforehand. */
static int check_depth(const char *s, size_t len, struct err *e)
{
	size_t line = 1, line_start = 0, depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n') {
			line++;
			line_start = i + 1;
		} else if (in_string) {
			if (s[i] == '\\')
				i++;
			else if (s[i] == '"')
				in_string = false;
		} else if (s[i] == '"') {
			in_string = true;
		} else if (s[i] == '[' || s[i] == '{') {
			if (++depth > MAX_DEPTH)
				return err_set(e, ERR_INVALID,
					       "JSON, line %zu column %zu: nested deeper than %d levels", line,
					       i - line_start + 1, MAX_DEPTH);
		} else if ((s[i] == ']' || s[i] == '}') && depth) {
			depth--;
		}
	}
	return 0;
}

/* How much of the parser's words is for people: not how a program could be told to allow it. */
static int said_most(const char *text)
{
	const char *for_programs = strstr(text, " without JSON_ALLOW");

	return for_programs ? (int)(for_programs - text) : (int)strlen(text);
}

json_t *json_read(const void *data, size_t len, struct err *e)
{
	return json_read_most(data, len, MAX_SIZE, e);
}

json_t *json_read_most(const void *data, size_t len, size_t most, struct err *e)
{
	json_error_t why;
	json_t *json;

	if (len > most) {
		err_set(e, ERR_INVALID, "JSON of %zu bytes: at most %zu are read", len, most);
		return NULL;
	}
	if (check_depth(data, len, e) < 0)
		return NULL;
	json = json_loadb(len ? data : "", len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!json)
		err_set(e, ERR_INVALID, "JSON, line %d column %d: %.*s", why.line, why.column, said_most(why.text),
			why.text);
	return json;
}

static char *dump(const json_t *json, size_t flags)
{
	char *text = json_dumps(json, flags | JSON_ENCODE_ANY);

	if (!text)
		die("a JSON value cannot be written");
	return text;
}

char *json_write(const json_t *json)
{
	return dump(json, JSON_COMPACT);
}

char *json_write_pretty(const json_t *json)
{
	return dump(json, JSON_INDENT(2));
}

const char *json_str(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

int64_t json_int(const json_t *obj, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool json_bool(const json_t *obj, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static void put(json_t *obj, const char *key, json_t *value)
{
	if (json_object_set_new(obj, key, value) < 0)
		die("setting the JSON member \"%s\" failed", key);
}

/* JSON is UTF-8; bytes that are not become U+FFFD instead of losing the whole text. */
static json_t *string(const char *s)
{
	_cleanup_buf_wipe_ struct buf clean = BUF_INIT;
	json_t *value = json_string(s);
	size_t len;

	if (value)
		return value;
	for (; *s; s += MAX(len, 1)) {
		len = utf8_len(s);
		if (len)
			buf_add(&clean, s, len);
		else
			buf_add_str(&clean, "\xef\xbf\xbd");
	}
	return json_string(buf_str(&clean));
}

void json_put_str(json_t *obj, const char *key, const char *value)
{
	put(obj, key, value ? string(value) : json_null());
}

void json_put_int(json_t *obj, const char *key, int64_t value)
{
	put(obj, key, json_integer(value));
}

void json_put_bool(json_t *obj, const char *key, bool value)
{
	put(obj, key, json_boolean(value));
}

void json_put_time(json_t *obj, const char *key, int64_t t)
{
	char text[CLOCK_RFC3339_SIZE];

	json_put_str(obj, key, t ? clock_rfc3339(text, t) : NULL);
}

void json_put_strv(json_t *obj, const char *key, char *const *v)
{
	json_t *array = json_array();

	for (; v && *v; v++)
		if (json_array_append_new(array, string(*v)) < 0)
			die("adding to the JSON array \"%s\" failed", key);
	put(obj, key, array);
}

char **json_strv(const json_t *obj, const char *key)
{
	const json_t *array = json_object_get(obj, key);
	char **v = NULL;

	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *item = json_array_get(array, i);

		if (!json_is_string(item)) {
			strv_free(v);
			return NULL;
		}
		strv_add(&v, json_string_value(item));
	}
	return v;
}

#define PROBLEM_TYPE "urn:certera:error:"

static void put_unless_empty(json_t *obj, const char *key, const char *value)
{
	if (*value)
		json_put_str(obj, key, value);
}

/* RFC 8555 section 6.7.1: "subproblems", each with its identifier. */
static void put_parts(json_t *o, const char *parts)
{
	_cleanup_strv_ char **lines = strv_split(parts, "\n");
	json_t *list = json_array();

	for (char **line = lines; line && *line; line++) {
		char *rest = *line, *name = strsep(&rest, "\t"), *code = strsep(&rest, "\t");
		json_t *one = json_object();

		json_put_str(one, "name", name);
		put_unless_empty(one, "code", code ? code : "");
		put_unless_empty(one, "detail", rest ? rest : "");
		json_array_append_new(list, one);
	}
	json_object_set_new(o, "subproblems", list);
}

/* RFC 9457 section 3, as its example has it: "errors", each with where it is and what. */
static void put_field(json_t *o, const struct err *e)
{
	json_t *list = json_array(), *one = json_object();

	json_put_str(one, "field", e->field);
	put_unless_empty(one, "detail", e->message);
	json_array_append_new(list, one);
	json_object_set_new(o, "errors", list);
}

json_t *json_problem(const struct err *e)
{
	_cleanup_free_ char *type = xasprintf(PROBLEM_TYPE "%s", err_kind_name(e->kind));
	json_t *o = json_object();

	for (char *c = type; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	json_put_str(o, "type", type);
	json_put_str(o, "title", err_title(e->kind));
	json_put_int(o, "status", err_http_status(e->kind));
	put_unless_empty(o, "detail", e->message);
	put_unless_empty(o, "hint", e->hint);
	put_unless_empty(o, "said", e->detail);
	put_unless_empty(o, "code", e->code);
	if (e->retry_at)
		json_put_time(o, "retry_at", e->retry_at);
	if (e->parts[0])
		put_parts(o, e->parts);
	if (*e->field)
		put_field(o, e);
	return o;
}

/* A member as text, "" if it is absent. */
static const char *text(const json_t *obj, const char *key)
{
	const char *s = json_str(obj, key);

	return s ? s : "";
}

void json_problem_read(const json_t *problem, struct err *e)
{
	const char *type = text(problem, "type");
	enum err_kind kind = ERR_INTERNAL;
	const json_t *part;
	size_t i;

	if (str_starts(type, PROBLEM_TYPE))
		kind = err_kind_by_name(type + strlen(PROBLEM_TYPE));
	err_set(e, kind, "%s", text(problem, "detail"));
	err_hint(e, "%s", text(problem, "hint"));
	err_detail(e, "%s", text(problem, "said"));
	err_code(e, text(problem, "code"));
	if (e && clock_parse_rfc3339(json_str(problem, "retry_at"), &e->retry_at) < 0)
		e->retry_at = 0;
	err_field(e, text(json_array_get(json_object_get(problem, "errors"), 0), "field"));
	json_array_foreach (json_object_get(problem, "subproblems"), i, part)
		err_part(e, text(part, "name"), text(part, "code"), text(part, "detail"));
}
