/* How the server is, and what comes next: what /api/v1/status says, and more of it for the overview. */
#ifndef WEBUI_OVERVIEW_H
#define WEBUI_OVERVIEW_H

#include "webui/admin.h"

/* The members of /api/v1/status. */
int overview_put(struct request *, struct txn *, json_t *, struct err *);

#endif
