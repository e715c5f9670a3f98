/*
 * One of many requests that a request stands for: for the same visitor, through the one way in (webui_attend()), so
 * through the same gate, handler and audit log, and answered when it is durable.
 */
#ifndef WEBUI_LIST_ERRAND_H
#define WEBUI_LIST_ERRAND_H

#include "base/json.h"
#include "webui/http/request.h"

/* The answer, which may come at once; status 0: there is none, the server ends. */
typedef void errand_done_fn(void *arg, int status, struct slice body);

/* path: of the API.  query may be NULL; the body is JSON (borrowed).  Nothing of the request is needed afterwards. */
void errand_run(const struct request *, enum method, const char *path, const char *query, const json_t *body,
		errand_done_fn *done, void *arg);

#endif
