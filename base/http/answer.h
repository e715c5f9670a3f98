/*
 * The answer to a request, on its way back: whoever answers says what, whoever holds the connection writes it.
 *
 * The two share a struct http_exchange a request.  Its request counts until the answer is complete; nothing of the
 * exchange may be used after that.
 */
#ifndef BASE_HTTP_ANSWER_H
#define BASE_HTTP_ANSWER_H

#include "base/http/date.h"
#include "base/http/request.h"

struct http_answer {
	int status;
	const char *type;	/* of the body; NULL: there is none */
	struct slice fields;	/* more headers, made by http_add_field() */
	struct slice body;	/* left away by the writer where the request was HEAD */
	/* of a cluster's leader: it shows what the entries of the log up to this one have done */
	uint64_t applied;
};

struct http_exchange;

/* Any of these may be called inside of the function that was handed the exchange, or later on the same loop. */
struct http_way {
	void (*answer)(struct http_exchange *, const struct http_answer *);	/* complete */
	/* A body in parts: begin (its body does not count), parts, end.  part: false: nobody is there any more. */
	void (*begin)(struct http_exchange *, const struct http_answer *);
	bool (*part)(struct http_exchange *, struct slice);
	void (*end)(struct http_exchange *);
	void (*drop)(struct http_exchange *);	/* there will be no (more) answer; the connection is closed */
	/* has the other side closed the connection, even half?  It is looked at now */
	bool (*gone)(struct http_exchange *);
	/* Between nodes: who was asked has not looked at it, so it may be asked elsewhere.  NULL: drop() */
	void (*back)(struct http_exchange *);
};

struct http_exchange {
	const struct http_way *way;
	const struct http_request *request;
	uint32_t mark;		/* of whoever answers: for himself */
};

/* Adds a line of headers.  A value that would be more than one line is left away. */
void http_add_field(struct buf *, const char *name, const char *value);

/* What the connection adds of its own. */
struct http_framing {
	int minor;		/* of the request's HTTP/1.minor, which the answer has too */
	bool keeps;		/* the connection goes on */
	bool head;		/* the body is not wanted */
	bool parts;		/* it comes in parts: in chunks, or, as HTTP/1.0 has none, until the connection ends */
	const char *date;	/* as http_date() has it */
	const char *fields;	/* more headers, each with CRLF; "": none */
};
/* Adds all of an answer, or its head if the body comes in parts. */
void http_write(struct buf *, const struct http_answer *, const struct http_framing *);
void http_write_chunk(struct buf *, struct slice);	/* an empty one is the end */

#endif
