/*
 * Requests that come in from a front thread as packets (base/http/packet.h): each becomes an exchange, whoever attends to
 * it knows no difference.  On one loop.
 */
#ifndef DAEMON_DESK_INBOX_H
#define DAEMON_DESK_INBOX_H

#include "base/http/answer.h"
#include "base/loop.h"

struct inbox;
struct inbox *inbox_new(struct loop *, void (*attend)(void *arg, struct http_exchange *), void *arg);
/* Takes the socket to a front thread.  What an earlier one has asked for is for nobody any more. */
void inbox_connect(struct inbox *, int fd);
void inbox_free(struct inbox *);	/* when all is answered or dropped; NULL is fine */

#endif
