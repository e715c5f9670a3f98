/*
 * The first run: the first administrator is made by who has the link from the log (or the control socket), then the
 * rest is a walk through what the store says is missing, until somebody says that it is done.
 */
#ifndef WEBUI_PEOPLE_SETUP_H
#define WEBUI_PEOPLE_SETUP_H

#include "webui/http/handler.h"

#define SETUP_PATH "/setup"
/* Is there nobody yet who could sign in? */
bool setup_open(struct txn *);
bool setup_is_open(struct request *);
/* Is the rest of it still to be done, or to be skipped? */
bool setup_is_under_way(struct request *);

enum setup_step {
	SETUP_ADMIN, SETUP_HOSTNAME, SETUP_ACCOUNT, SETUP_REGISTERING, SETUP_CERTIFICATE, SETUP_ISSUING, SETUP_FINISHED
};
/* "step", the one that is shown, and "steps": all of them, with the way back to those that were reached. */
void setup_put_steps(json_t *answer, enum setup_step reached, enum setup_step shown);
/* Answers with what is missing next; or with the earlier step that the parameter "step" of the query names. */
int setup_show_next(struct request *, struct txn *, struct err *);

#endif
