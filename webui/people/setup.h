/*
 * The first run: the first administrator is made by who has the link from the log (or the control socket), then the
 * rest is a walk through what the store says is missing, until somebody says that it is done.
 */
#ifndef WEBUI_PEOPLE_SETUP_H
#define WEBUI_PEOPLE_SETUP_H

#include "webui/http/request.h"

#define SETUP_PATH "/setup"
/* Is there nobody yet who could sign in? */
bool setup_open(struct txn *);
bool setup_is_open(struct request *);
/* Is the rest of it still to be done, or to be skipped? */
bool setup_is_under_way(struct request *);

#endif
