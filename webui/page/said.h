/*
 * The status line: what came of a form, said by the page that the browser is sent on to, and only by the first one: a
 * reload says nothing and does nothing again.  It travels in a cookie of this host, so nobody has to remember it, and
 * it reaches also who is signed out by then.
 */
#ifndef WEBUI_PAGE_SAID_H
#define WEBUI_PAGE_SAID_H

#include "webui/http/request.h"

/* Puts what said.def has for this answer (borrowed) of the request's row into the cookie. */
void said_put(struct request *, const json_t *answer);
/*
 * Takes it out: { text, link: { text, path }, undo: { text, action, member, value } }, the last two null where there
 * are none; or null.  New reference.
 */
json_t *said_take(struct request *);

#endif
