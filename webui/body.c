#include "webui/body.h"

#include "webui/form.h"

static bool is_list(const json_t *value)
{
	const json_t *item;
	size_t i;

	json_array_foreach (value, i, item)
		if (!json_is_string(item))
			return false;
	return json_is_array(value);
}

static int check_type(const char *name, enum body_type type, const json_t *value, struct err *e)
{
	static const char *const expected[] = {
		[BODY_TEXT] = "a string", [BODY_FLAG] = "true or false", [BODY_LIST] = "an array of strings",
		[BODY_TEXTS] = "a string or an array of strings",
	};
	const bool fits[] = {
		[BODY_TEXT] = json_is_string(value), [BODY_FLAG] = json_is_boolean(value), [BODY_LIST] = is_list(value),
		[BODY_TEXTS] = json_is_string(value) || is_list(value),
	};

	return fits[type] ? 0 : err_set(e, ERR_INVALID, "the member \"%s\" must be %s", name, expected[type]);
}

static int check_members(json_t *body, const struct body_member *members, size_t count, struct err *e)
{
	const char *name;
	json_t *value;

	for (size_t i = 0; i < count; i++)
		if (members[i].needed && !json_object_get(body, members[i].name))
			return err_set(e, ERR_INVALID, "the member \"%s\" is missing", members[i].name);
	json_object_foreach (body, name, value) {
		size_t i = 0;

		while (i < count && strcmp(members[i].name, name))
			i++;
		if (i == count)
			return err_set(e, ERR_INVALID, "there is no member \"%.40s\" here", name);
		if (check_type(name, members[i].type, value, e) < 0)
			return -1;
	}
	return 0;
}

json_t *body_read(const struct request *r, const struct body_member *members, size_t count, struct err *e)
{
	struct slice text = request_body(r);
	_cleanup_body_ json_t *body = NULL;

	if (r->form)
		body = form_body(r, members, count);
	else
		body = text.len ? json_read(text.data, text.len, e) : json_object();
	if (!body)
		e->kind = ERR_USAGE;
	else if (!json_is_object(body))
		err_set(e, ERR_USAGE, "the body of the request must be a JSON object");
	else if (check_members(body, members, count, e) == 0)
		return TAKE(body);
	return NULL;
}

void cleanup_body(json_t **body)
{
	const char *name;
	json_t *value;

	json_object_foreach (*body, name, value)
		if (json_is_string(value))
			wipe((char *)json_string_value(value), json_string_length(value));
	json_decref(*body);
}
