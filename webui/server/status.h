/* How the server is, and what comes next: what /api/v1/status says, and more of it for the overview. */
#ifndef WEBUI_SERVER_STATUS_H
#define WEBUI_SERVER_STATUS_H

#include "webui/cert/counts.h"
#include "webui/http/handler.h"

/* The members of /api/v1/status, and the counts that they are from, borrowed as of tally_get(). */
int overview_put(struct request *, struct txn *, json_t *, const struct tally_numbers **, struct err *);

#endif
