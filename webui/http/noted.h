/*
 * What a request notes aside, without waiting for it: when a session or token was last used, downloads.  With several
 * machines such a note goes to the leader, as a JSON object whose member "note" says which it is.
 */
#ifndef WEBUI_HTTP_NOTED_H
#define WEBUI_HTTP_NOTED_H

#include "base/json.h"
#include "webui/elsewhere.h"

struct webui;

/* Is it another node's to write?  Takes the object. */
enum webui_noted noted_elsewhere(const struct webui *, json_t *note);

#endif
