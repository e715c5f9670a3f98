/*
 * JSON that is sent to the API: the first two bytes pick a row of routes.def and who asks, the rest is the body.  What comes out
 * is an object whose members are that row's, of their types, and nothing for administrators comes from others.
 */
#include "webui/http/body.h"
#include "webui/http/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct route *pick(unsigned number)
{
	size_t count = 0;

	while (router_row(count))
		count++;
	return router_row(number % count);
}

static void check_member(const struct request *r, const char *name, const json_t *value)
{
	const struct call_item *item = call_item(call_of(r->route), name, false);

	if (!item)
		die("there is no member %s", name);
	if (item->need == ITEM_ADMIN && r->visitor.role != ROLE_ADMIN)
		die("%s is not for all", name);
	if (item->type == ITEM_TEXT ? !json_is_string(value) : item->type == ITEM_FLAG && !json_is_boolean(value))
		die("%s is of another type", name);
	if (json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value))
		die("%s is no text", name);
}

/* As it is written, it is the same. */
static void check_again(const json_t *body)
{
	char *text = json_write(body);
	struct err e;
	json_t *again = json_read(text, strlen(text), &e);

	if (again && !json_equal(body, again))
		die("it is another value");
	json_decref(again);
	free(text);
}

static void read_body(struct request *r)
{
	json_t *body, *problem, *value;
	const char *name;
	struct err e = { 0 };

	body = body_read(r, &e);
	if (!body && (!err_is_set(&e) || !*e.message))
		die("it is refused without a word");
	if (!body) {
		problem = json_problem(&e);
		json_decref(problem);
		return;
	}
	json_object_foreach (body, name, value)
		check_member(r, name, value);
	check_again(body);
	cleanup_body(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request request = { 0 };
	struct http_exchange exchange = { .request = &request };
	struct request r = { .exchange = &exchange };
	char *text;

	if (size < 2)
		return 0;
	text = xmalloc(size - 1);
	memcpy(text, data + 2, size - 2);
	text[size - 2] = '\0';
	request.text = text;
	request.body_len = size - 2;
	r.route = pick(data[0] | (data[1] & 0x7f) << 8);
	r.visitor.role = data[1] & 0x80 ? ROLE_ADMIN : ROLE_OPERATOR;
	read_body(&r);
	free(text);
	return 0;
}
