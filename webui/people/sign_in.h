/* The password once more, in the form that wants it: what was typed there is not lost on the way to another page. */
#ifndef WEBUI_PEOPLE_SIGN_IN_H
#define WEBUI_PEOPLE_SIGN_IN_H

#include "webui/http/request.h"

/* Has the form a password in it? */
bool sign_in_is_wanted(const struct request *);
/* Asks the keeper whether it is right, and then goes on with the request. */
int sign_in_first(struct request *, int (*go_on)(struct request *, struct err *), struct err *);

#endif
