/*
 * GET /api/v1/certificates/NAME/watch: tells a page that its certificate is another one now,
 * while something is under way.
 */
#ifndef WEBUI_PAGE_WATCH_H
#define WEBUI_PAGE_WATCH_H

#include "webui/http/handler.h"

/* The member "watch" of a certificate: the address of its events; null: nothing is under way. */
void watch_put_url(json_t *, struct txn *, const struct rec_cert *);

#endif
