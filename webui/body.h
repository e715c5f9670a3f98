/* The JSON object of a request, checked member by member against api.def. */
#ifndef WEBUI_BODY_H
#define WEBUI_BODY_H

#include "webui/request.h"

/* A new reference; NULL and e naming the member that is wrong.  An empty body is an object without members. */
json_t *body_read(const struct request *, struct err *);
/* For a check of one member: if it failed, that member is at fault.  Returns its result. */
int body_at(const char *member, int result, struct err *);

/* `_cleanup_body_ json_t *`: secrets may be in it, so its strings are wiped. */
#define _cleanup_body_ _cleanup_(cleanup_body)
void cleanup_body(json_t **);

#endif
