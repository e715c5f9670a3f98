/*
 * One value, two faces: what a handler found, or what went wrong, for the client of the API or for a browser.  This
 * ends the request, as all in reply.h.
 */
#ifndef WEBUI_HTTP_FACE_H
#define WEBUI_HTTP_FACE_H

#include "base/json.h"
#include "webui/http/reply.h"

/* The value, which it takes: as JSON, or for a browser in the template of its row. */
int reply_json(struct request *, int status, json_t *value);
/* As a sentence, or as an RFC 9457 problem for admins and who asks for it.  What is wrong inside goes to the log. */
int reply_error(struct request *, const struct err *);

/* For a bell: answers that waited for the disk are sent, or told that it was in vain. */
void face_look(void *webui);

#endif
