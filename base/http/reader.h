/*
 * Reads requests of HTTP/1.0 and 1.1 (RFC 9112) from bytes as they come in, strictly: whatever two readers could
 * understand differently is refused.  No I/O, no memory of its own.
 *
 * The caller gathers what one connection sends in one place, hands all of it over from the beginning of a request, and
 * calls again when there is more.  What was read is changed: ends of lines become NUL, chunks move together.
 */
#ifndef BASE_HTTP_READER_H
#define BASE_HTTP_READER_H

#include "base/http/head.h"

enum http_phase {
	HTTP_REQUEST_LINE, HTTP_FIELD_LINE, HTTP_BODY, HTTP_CHUNK_LINE, HTTP_CHUNK, HTTP_CHUNK_END, HTTP_TRAILER_LINE,
	HTTP_OVER
};

struct http_reader {
	enum http_phase phase;
	size_t at;			/* so many bytes are read */
	enum http_refusal refusal;	/* of a request that was refused */

	/* Its own. */
	struct http_head head;
	size_t body_most;
	size_t looked;			/* so far no line ends */
	size_t left;			/* bytes of the body or chunk that are to come, of the trailers that may */
	bool empty_line;
};

/* For the next request. */
void http_reader_init(struct http_reader *, size_t body_most);

enum http_progress {
	HTTP_MORE,	/* the request is not whole */
	HTTP_CONTINUE,	/* and its sender wants to be told "100 Continue" before the rest.  Said once */
	HTTP_WHOLE,	/* what follows in the text behind reader.at belongs to the next one */
	HTTP_REFUSED,	/* see reader.refusal.  The rest of the connection cannot be read */
};
/*
 * *len becomes less where chunks have moved together.  What the request says of its face, peer and socket stays as it
 * is; of the rest of it nothing counts before it is whole.
 */
enum http_progress http_read(struct http_reader *, struct http_request *, char *text, size_t *len);
/* Has any of the next request come? */
static inline bool http_reader_has_begun(const struct http_reader *h, size_t len) { return h->at || len; }

#endif
