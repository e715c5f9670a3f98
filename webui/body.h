/* The JSON object of a request, checked member by member. */
#ifndef WEBUI_BODY_H
#define WEBUI_BODY_H

#include "webui/request.h"

enum body_type {
	BODY_TEXT,	/* a string */
	BODY_FLAG,	/* true or false */
	BODY_LIST,	/* an array of strings */
	BODY_TEXTS,	/* a string, or an array of them */
};

struct body_member {
	const char *name;
	enum body_type type;
	bool needed;
};

/* A new reference; NULL and e naming the member that is wrong.  An empty body is an object without members. */
json_t *body_read(const struct request *, const struct body_member *, size_t count, struct err *);
#define BODY_READ(r, members, e) body_read(r, members, ARRAY_SIZE(members), e)

/* `_cleanup_body_ json_t *`: secrets may be in it, so its strings are wiped. */
#define _cleanup_body_ _cleanup_(cleanup_body)
void cleanup_body(json_t **);

#endif
