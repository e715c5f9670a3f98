/* Answers to browsers: pages, files, going on elsewhere; and the form shown again that was not taken. */
#ifndef WEBUI_PAGE_PAGE_H
#define WEBUI_PAGE_PAGE_H

#include "webui/http/request.h"

/*
 * What a row's template says becomes of the value (borrowed):
 *	a name	the template html/NAME.html (room/name) shows it; what a form brought about under an address of its own
 *		(shown.h)
 *	""	(POST, DELETE) the browser goes on to where the form says; the page there says what was done (said.h)
 *	@file	it is saved as a file: pem or key as it is, or data, which is base64; its name in file
 */
int page_reply(struct request *, int status, const json_t *value, struct err *);
/* The form's page again, with what was typed and what is wrong; or a page that says it.  -1: neither could be shown. */
int page_reply_error(struct request *, const struct err *why, struct err *);

#endif
