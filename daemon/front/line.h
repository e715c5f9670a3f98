/* A front thread's line to its desk: requests go there as packets (base/http/packet.h), answers come back. */
#ifndef DAEMON_FRONT_LINE_H
#define DAEMON_FRONT_LINE_H

#include "base/http/answer.h"
#include "base/loop.h"

struct desk_line;
/* Takes the socket.  closed: the desk is gone, or says what it must not; no answer comes any more. */
struct desk_line *line_new(struct loop *, int fd, void (*closed)(void *arg), void *arg);
void line_free(struct desk_line *);		/* after the connections; NULL is fine */

/* For struct answering. */
void line_attend(void *line, struct http_exchange *);
/* Between nodes: what was noted aside.  False: the other side is behind, or it is too long. */
bool line_note(struct desk_line *, struct slice note);
void line_left(void *line, struct http_exchange *);

#endif
