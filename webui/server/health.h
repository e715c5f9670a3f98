/* How the server is: for monitoring, and for the page System. */
#ifndef WEBUI_SERVER_HEALTH_H
#define WEBUI_SERVER_HEALTH_H

#include "store/db/txn.h"
#include "webui/http/request.h"

/* Adds {name, well, text} for each thing that is looked at.  -1: the store cannot be read. */
int health_look(struct request *, json_t *checks, bool *well, struct err *);
/* "12.3 MiB" */
json_t *health_bytes(int64_t);
/* The members "agenda", "first", "limit", "total", ... of what the visitor may see. */
int health_agenda(struct request *, json_t *answer, int64_t first, int64_t limit, struct err *);

/* How long the first row of the agenda has been due. */
int health_lag(struct txn *, int64_t now, int64_t *lag, struct err *);

#endif
