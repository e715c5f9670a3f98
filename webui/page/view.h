/* The face that browsers see: a handler's JSON value in the template of its row, with what every page has. */
#ifndef WEBUI_PAGE_VIEW_H
#define WEBUI_PAGE_VIEW_H

#include "webui/http/request.h"

/*
 * Adds the page to out.  Beside the value's own members, the template finds
 *   _        what every page has: see put_common() in view.c
 * and times for people: see time.h.
 */
int view_render(struct request *, const char *template, int status, const json_t *value, struct buf *out, struct err *);
#endif
