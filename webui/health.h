/* How the server is: for monitoring, and for the page System. */
#ifndef WEBUI_HEALTH_H
#define WEBUI_HEALTH_H

#include "webui/request.h"

/* Adds {name, well, text} for each thing that is looked at.  -1: the store cannot be read. */
int health_look(struct request *, json_t *checks, bool *well, struct err *);
/* "12.3 MiB" */
json_t *health_bytes(int64_t);
/* The members "agenda", "first", "limit", "total", ... of what the visitor may see. */
int health_agenda(struct request *, json_t *answer, int64_t first, int64_t limit, struct err *);

#endif
