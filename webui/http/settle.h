/*
 * The keeper hears what the store now holds for good of a user, a key or a certificate whose blob a request had
 * changed, so that the one before it does not open any more (keeper/marks.h).  When a request ends, the store is asked,
 * not the request: what it wrote may be lost.  What a crash leaves untold, daemon/engine/settle.c tells after the
 * start.
 */
#ifndef WEBUI_HTTP_SETTLE_H
#define WEBUI_HTTP_SETTLE_H

#include "keeper/keeper.h"
#include "webui/http/request.h"

/* The keeper is asked this: if that makes a new blob, its record is looked at when the request ends. */
void settle_later(struct request *, enum keeper_op, const struct slice *fields);
void settle(struct request *);

#endif
