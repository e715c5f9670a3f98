/*
 * The answers to a request.  A reply ends it: it is not to be used any more.  All of them return 0, so that
 * `return reply(...)` reads well.
 */
#ifndef WEBUI_REPLY_H
#define WEBUI_REPLY_H

#include "base/buf.h"
#include "base/json.h"

struct request;

/* One more header of the answer, before it. */
void reply_header(struct request *, const char *name, const char *value);

int reply(struct request *, int status, const char *type, struct slice body);
int reply_text(struct request *, int status, const char *text);
/* The value, which it takes: as JSON, or for a browser in the template of its row. */
int reply_json(struct request *, int status, json_t *value);
int reply_see_other(struct request *, const char *path);		/* 303: the browser goes on there with GET */
int reply_empty(struct request *, int status);
/*
 * Events for a page (text/event-stream) until more() says that it is over, which it is asked now and every half second:
 * adds what is to be sent; 0: go on, 1: that was the end.  ERR_LIMIT: there are too many already.
 */
int reply_stream(struct request *, int (*more)(struct request *, struct buf *), struct err *);
/* As a sentence, or as an RFC 9457 problem for admins and who asks for it.  What is wrong inside goes to the log. */
int reply_error(struct request *, const struct err *);

#endif
