/*
 * The answers to a request, whatever is in them.  A reply ends it: it is not to be used any more.  All of them return
 * 0, so that `return reply(...)` reads well.
 */
#ifndef WEBUI_HTTP_REPLY_H
#define WEBUI_HTTP_REPLY_H

#include "webui/http/request.h"

/* One more header of the answer, before it. */
void reply_header(struct request *, const char *name, const char *value);
/* A cookie for this host alone, which no script reads.  seconds: how long; 0: until the browser ends. */
void reply_cookie(struct request *, const char *name, const char *value, int seconds);
void reply_forget_cookie(struct request *, const char *name);

int reply(struct request *, int status, const char *type, struct slice body);
int reply_text(struct request *, int status, const char *text);
int reply_see_other(struct request *, const char *path);		/* 303: the browser goes on there with GET */
int reply_empty(struct request *, int status);

/* For face.c.  Sent at once: all that was seen is durable.  And once more kept back until the bell rings. */
int reply_now(struct request *, int status, const char *type, struct slice body);
void reply_hold(struct request *);

#endif
