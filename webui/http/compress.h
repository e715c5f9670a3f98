/*
 * Answers to browsers, compressed; which ones may be.
 *
 * What is compressed tells by its length what in it repeats (BREACH): who can have a victim's browser ask for a page
 * with a text of their own in it, and watches the line, guesses a secret in that page letter by letter.  So:
 *	never	what the API answers, downloads, answers to forms, pages with a secret in them, and what another site
 *		caused
 *	always	style sheets, scripts, images
 *	pages	that were asked for by a page of ours or by the person (Sec-Fetch-Site); the CSRF token in them looks
 *		different each time (csrf_mask())
 */
#ifndef WEBUI_HTTP_COMPRESS_H
#define WEBUI_HTTP_COMPRESS_H

#include "webui/http/request.h"

/* Answers 200 with what nobody keeps secret. */
int reply_public(struct request *, const char *type, struct slice body);
/* Answers with a page. */
int reply_page(struct request *, int status, struct slice page);

#endif
