/* The rows of api.def: what a handler is asked and answers. */
#ifndef WEBUI_HTTP_CALL_H
#define WEBUI_HTTP_CALL_H

#include "webui/http/router.h"

enum item_type {
	ITEM_TEXT,	/* a string */
	ITEM_FLAG,	/* true or false */
	ITEM_LIST,	/* an array of strings */
	ITEM_TEXTS,	/* a string, or an array of them */
	ITEM_NUMBER,	/* digits, in a URL */
};
/* Of the URL; of the body: ADMIN ones are optional, and for administrators only. */
enum item_need { ITEM_QUERY, ITEM_OPTIONAL, ITEM_ADMIN, ITEM_NEEDED };

struct call_item {
	const char *name;
	enum item_type type;
	enum item_need need;
	const char *text;
};

struct api_call {
	page_fn *page;
	const char *name;		/* of that function */
	int status;			/* of a success */
	const char *answer;		/* see api.def */
	const char *text;
	const struct call_item *item;
	size_t count;
};

/* Every route has one. */
const struct api_call *call_of(const struct route *);
/* Its member of the body, or its parameter of the URL, of that name; NULL: there is none. */
/* A parameter of the query, its name written in any case. */
const struct call_item *call_item_any_case(const struct api_call *, const char *name);
const struct call_item *call_item(const struct api_call *, const char *name, bool in_query);
/* What it says, and for whom it is if not for all; owned. */
char *call_item_text(const struct call_item *);

#endif
