/* What browsers send: the first byte picks how it is encoded (or: parameters of a URL). */
#include "webui/http/body.h"
#include "webui/page/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever came in, texts come out: the parameters of every call are read as such. */
static void check_texts(const json_t *form)
{
	const char *name;
	json_t *text;

	json_object_foreach ((json_t *)form, name, text)
		if (!json_is_string(text) || strlen(json_string_value(text)) != json_string_length(text))
			die("the field %s is no text", name);
}

static void read_params(struct slice text)
{
	struct params p = { NULL, 0 };
	struct err e;

	params_parse(&p, text.data, text.len, &e);
	for (size_t i = 0; i < p.count; i++)
		if (params_get(&p, p.item[i].name) != p.item[i].value)
			die("a parameter is given twice");
	params_release(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {
		"application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data; boundary=\"----b-1\"; x=y",
	};
	struct slice body = slice(data + (size > 0), size - (size > 0));
	size_t which = size ? data[0] % (ARRAY_SIZE(types) + 1) : 0;
	json_t *form = NULL;
	struct err e;

	if (!size)
		return 0;
	if (which == ARRAY_SIZE(types)) {
		read_params(body);
		return 0;
	}
	if (form_parse(&form, types[which], body, &e) == 0 && !form)
		die("%s is a form", types[which]);
	check_texts(form);
	cleanup_body(&form);
	return 0;
}
