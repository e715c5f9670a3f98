/* What can be done to many rows of a list at once (bulk.def), for the pages of lists. */
#ifndef WEBUI_LIST_BULK_H
#define WEBUI_LIST_BULK_H

#include "base/json.h"
#include "webui/http/request.h"

/* The actions of a list (a row of routes.def) that this visitor may use: [{ word, label }].  New reference. */
json_t *bulk_actions(const struct request *, const char *list);

#endif
