#include "webui/http/call.h"

#define CALL(page, status, answer, text) static const struct call_item page##_items[] = {
#define QUERY(name, type, text) { #name, ITEM_##type, ITEM_QUERY, text },
#define MEMBER(name, type, need, text) { #name, ITEM_##type, ITEM_##need, text },
#define END(page)                                                                                                      \
	}                                                                                                              \
	;
#include "webui/api.def"
#undef CALL
#undef QUERY
#undef MEMBER
#undef END

static const struct api_call calls[] = {
#define CALL(page, status, answer, text) { page, #page, status, answer, text, page##_items, ARRAY_SIZE(page##_items) },
#define QUERY(name, type, text)
#define MEMBER(name, type, need, text)
#define END(page)
#include "webui/api.def"
#undef CALL
#undef QUERY
#undef MEMBER
#undef END
};

const struct api_call *call_of(const struct route *route)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].page == route->page)
			return &calls[i];
	die("the handler of %s has no row in api.def", route->path);
}

const struct call_item *call_item(const struct api_call *call, const char *name, bool in_query)
{
	for (size_t i = 0; i < call->count; i++)
		if ((call->item[i].need == ITEM_QUERY) == in_query && !strcmp(call->item[i].name, name))
			return &call->item[i];
	return NULL;
}

const struct call_item *call_item_any_case(const struct api_call *call, const char *name)
{
	for (size_t i = 0; i < call->count; i++)
		if (call->item[i].need == ITEM_QUERY && !strcasecmp(call->item[i].name, name))
			return &call->item[i];
	return NULL;
}

char *call_item_text(const struct call_item *item)
{
	return xasprintf("%s%s", item->text, item->need == ITEM_ADMIN ? " (administrators only)" : "");
}
