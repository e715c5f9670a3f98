/* The description of the API, made from routes.def, api.def and record.def. */
#ifndef WEBUI_SERVER_OPENAPI_H
#define WEBUI_SERVER_OPENAPI_H

#include "webui/http/request.h"

/* "certificates": what a route is about; NULL: it is no part of the API.  Owned. */
char *openapi_group(const struct route *);
/* Its path with {name} for :name; owned. */
char *openapi_path(const struct route *);

#endif
