/*
 * Creation that may be repeated.  A client that does not know whether its request arrived sends it again: if there is
 * one of that name, and nothing that the body says is otherwise, the answer is 200 with the one that is there and
 * "existing": true.  API keys are not in it: they were in the first answer, and each can be replaced.  Else it is 409.
 */
#ifndef WEBUI_HTTP_SAME_H
#define WEBUI_HTTP_SAME_H

#include "webui/http/body.h"

/*
 * 0: what the body says of the one that is there (as its record shows it) is what it would say of the one wanted.  -1:
 * there is something else, and "what" of that name is in the way.  `apart` (NULL ends it) are members compared
 * elsewhere.
 */
int same_check(const json_t *body, const json_t *there, const json_t *wanted, const char *const *apart,
	       const char *what, struct err *);
int same_not(const char *what, const json_t *there, const char *member, struct err *);
/* The answer: "member" is the one that is there; NULL: it is the answer itself. */
int same_reply(struct request *, const char *member, json_t *there);

#endif
