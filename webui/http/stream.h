/*
 * Events for a page (text/event-stream): an answer that goes on.
 */
#ifndef WEBUI_HTTP_STREAM_H
#define WEBUI_HTTP_STREAM_H

#include "webui/http/request.h"

/*
 * Events until more() says that it is over, which it is asked now, and when certificates,
 * orders, the agenda or the audit log have changed (twice a second at most), and every 15 seconds:
 * adds what is to be sent; 0: go on, 1: that was the end.  ERR_LIMIT: there are too many already.
 */
int stream_reply(struct request *, int (*more)(struct request *, struct buf *), struct err *);
/*
 * The same for an answer of another type that waits at most so many ms for what there is to say (a long poll).  more()
 * learns by stream_is_over() that it is asked for the last time.
 */
int stream_reply_within(struct request *, const char *type, int64_t ms, int (*more)(struct request *, struct buf *),
			struct err *);
bool stream_is_over(const struct request *);

/* For a bell: what streams look at has changed. */
void streams_look(void *webui);
/* All of them end, which is sent. */
void streams_end(struct webui *);

#endif
