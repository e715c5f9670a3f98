/*
 * Answers that a browser is sent on to.  What a form brought about is often told once only: API keys, passwords,
 * recovery codes.  Such an answer is kept for a while for the session that got it, in the desks' memory and never in
 * the store, and the browser goes on (303) to /shown/ID: a reload neither does it again nor loses it.  Safe from any
 * desk.
 */
#ifndef WEBUI_PAGE_SHOWN_H
#define WEBUI_PAGE_SHOWN_H

#include "webui/http/request.h"

#define SHOWN_SECONDS 600

/*
 * Keeps the answer (borrowed) of the request's row.  Owned: the path where it is shown.  NULL: nobody is signed in, or
 * it is too long to be kept; then it is shown at once.
 */
char *shown_keep(const struct request *, const json_t *answer);
/*
 * The answer of this id that the visitor's session got; the request is then as if it were for that row, with its path.
 * New reference; NULL: it is over, or somebody else's.
 */
json_t *shown_find(struct request *, const char *id);
/* The session has ended. */
void shown_forget(const char *session);

#endif
