/* The description of the API, made from routes.def, api.def and record.def. */
#ifndef WEBUI_OPENAPI_H
#define WEBUI_OPENAPI_H

#include "webui/request.h"

/* "certificates": what a route is about, its first segment behind /api/v1; NULL: it is no part of the API.  Owned. */
char *openapi_group(const struct route *);
/* Its path with {name} for :name; owned. */
char *openapi_path(const struct route *);
/* https://this.server, owned. */
char *openapi_server(const struct request *);

#endif
