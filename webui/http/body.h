/* The JSON object of a request, checked member by member against api.def. */
#ifndef WEBUI_HTTP_BODY_H
#define WEBUI_HTTP_BODY_H

#include "webui/http/request.h"

/* A new reference; NULL and e naming the member that is wrong.  An empty body is an object without members. */
json_t *body_read(const struct request *, struct err *);
/* For a check of one member: if it failed, that member is at fault.  Returns its result. */
int body_at(const char *member, int result, struct err *);

#endif
