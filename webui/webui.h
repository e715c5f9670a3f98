/*
 * What the desks answer: the router, the gate and the handlers.
 *
 * One struct webui a thread, on that thread's loop.  Nothing in a handler blocks: it reads the store,
 * writes intents, asks the keeper and answers when the keeper did.
 */
#ifndef WEBUI_WEBUI_H
#define WEBUI_WEBUI_H

#include "base/http/answer.h"
#include "base/loop.h"
#include "keeper/keeper.h"
#include "webui/elsewhere.h"
#include "webui/settings.h"

struct webui;

/* env is borrowed; settings are borrowed until the next webui_configure() or webui_free(). */
struct webui *webui_new(struct loop *, struct keeper_client *, const struct webui_env *, const struct webui_settings *);
void webui_configure(struct webui *, const struct webui_settings *);	/* on the webui's own thread */
void webui_end_streams(struct webui *);		/* their ends are sent */
/* Requests that wait for an answer end without; writes what is still to be recorded. */
void webui_free(struct webui *);

/* The one way in: answers this request (of this struct webui), now or later. */
void webui_attend(void *webui, struct http_exchange *);
/* Of several machines: to whom changes and notes are shown first.  NULL: there are no others. */
void webui_elsewhere(struct webui *, webui_take_fn *take, webui_note_fn *note, void *arg);
/* A note of a different node, to be written here.  Any bytes. */
void webui_noted(void *webui, struct slice note);
/* What was noted aside is written, or on its way to a different node.  True: so is all. */
bool webui_flush(struct webui *);
/* Answers a request that nobody attends to by this error, as a page or as JSON. */
void webui_refuse(void *webui, struct http_exchange *, const struct err *);

#endif
