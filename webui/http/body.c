#include "webui/http/body.h"

#include "webui/http/call.h"
#include "webui/page/form.h"

static bool is_list(const json_t *value)
{
	const json_t *item;
	size_t i;

	json_array_foreach (value, i, item)
		if (!json_is_string(item))
			return false;
	return json_is_array(value);
}

static int check_type(const struct call_item *item, const json_t *value, struct err *e)
{
	static const char *const expected[] = {
		[ITEM_TEXT] = "a string", [ITEM_FLAG] = "true or false", [ITEM_LIST] = "an array of strings",
		[ITEM_TEXTS] = "a string or an array of strings",
	};
	const bool fits[] = {
		[ITEM_TEXT] = json_is_string(value), [ITEM_FLAG] = json_is_boolean(value), [ITEM_LIST] = is_list(value),
		[ITEM_TEXTS] = json_is_string(value) || is_list(value),
	};

	if (fits[item->type])
		return 0;
	return err_set(e, ERR_INVALID, "the member \"%s\" must be %s", item->name, expected[item->type]);
}

/* Which script runs, with which environment, is a way to everything that our user can read. */
static int check_need(const struct request *r, const struct call_item *item, struct err *e)
{
	if (item->need != ITEM_ADMIN || gate_administers(&r->visitor))
		return 0;
	err_set(e, ERR_DENIED,
		"the member \"%s\" is for administrators: only they choose scripts and their environment", item->name);
	return err_hint(e, "Leave it out, or ask an administrator to set it.");
}

static int check_members(const struct request *r, json_t *body, const struct api_call *call, struct err *e)
{
	const char *name;
	json_t *value;

	for (size_t i = 0; i < call->count; i++) {
		const struct call_item *item = &call->item[i];

		if (item->need == ITEM_NEEDED && !json_object_get(body, item->name))
			return body_at(item->name,
				       err_set(e, ERR_INVALID, "the member \"%s\" is missing", item->name), e);
	}
	json_object_foreach (body, name, value) {
		const struct call_item *item = call_item(call, name, false);

		if (!item)
			return body_at(name, err_set(e, ERR_INVALID, "there is no member \"%.40s\" here", name), e);
		if (body_at(name, check_need(r, item, e), e) < 0 || body_at(name, check_type(item, value, e), e) < 0)
			return -1;
	}
	return 0;
}

json_t *body_read(const struct request *r, struct err *e)
{
	struct slice text = request_body(r);
	_cleanup_body_ json_t *body = NULL;

	if (r->form)
		body = form_body(r, call_of(r->route));
	else
		body = text.len ? json_read(text.data, text.len, e) : json_object();
	if (!body)
		e->kind = ERR_USAGE;
	else if (!json_is_object(body))
		err_set(e, ERR_USAGE, "the body of the request must be a JSON object");
	else if (check_members(r, body, call_of(r->route), e) == 0)
		return TAKE(body);
	return NULL;
}

int body_at(const char *member, int result, struct err *e)
{
	return result < 0 ? err_field(e, member) : result;
}
