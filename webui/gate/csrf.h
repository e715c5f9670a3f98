/* Is a changing request really from a page of ours (cross-site request forgery)? */
#ifndef WEBUI_GATE_CSRF_H
#define WEBUI_GATE_CSRF_H

#include "webui/http/request.h"

/*
 * Does what changes something come from a page of ours?  Browsers tell where from (Sec-Fetch-Site, Origin); and what a
 * session changes carries its csrf, masked or not, as the header X-CSRF-Token or the field _csrf of the form.
 */
int csrf_check(struct request *, struct err *);
/*
 * As a page shows it: the token under a mask that is new each time, so that pages that are compressed do not give it
 * away (compress.h).  Owned; "" without a session.
 */
char *csrf_mask(const struct visitor *);

#endif
