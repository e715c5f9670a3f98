/* The lines of a request's head, one at a time.  For the reader. */
#ifndef BASE_HTTP_HEAD_H
#define BASE_HTTP_HEAD_H

#include "base/http/refusal.h"
#include "base/http/request.h"

#define HTTP_LINE_MOST 8192	/* bytes of the first line */
#define HTTP_HEAD_MOST 16384	/* of all lines before the body */

/* What it says that is not for whoever answers.  Begins zeroed. */
struct http_head {
	int fields;		/* lines */
	uint16_t authority;	/* of a target that is a URL; an offset, 0: it is none */
	bool continues;		/* "100 Continue" is waited for */
	bool chunked;
	size_t length;		/* of the body, if it is not chunked */
};

/* Each line is at request.text + at, without its end, for which there is room. */
enum http_refusal head_request_line(struct http_head *, struct http_request *, size_t at, size_t len);
enum http_refusal head_field_line(struct http_head *, struct http_request *, size_t at, size_t len);
/* Behind the last chunk: only its form counts. */
enum http_refusal head_trailer_line(struct http_head *, struct http_request *, size_t at, size_t len);
/* May a request begin with this? */
bool head_may_begin(char);
/* All lines are there: what they say of each other, and of the body. */
enum http_refusal head_end(struct http_head *, struct http_request *, size_t body_most);

/* What the texts of a request may be: for those who are handed one that was read elsewhere. */
bool head_is_target(const char *, size_t len);	/* of a path and of a query */
bool head_is_value(const char *, size_t len);
bool head_is_host(const char *);

#endif
