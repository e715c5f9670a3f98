/*
 * One request, whoever read it and whoever answers it: what the front reads, handlers see, and later travels between
 * processes and machines.
 *
 * It borrows the text it was read from, and refers to it by offsets: a copy of the text is a copy of the request.
 */
#ifndef BASE_HTTP_REQUEST_H
#define BASE_HTTP_REQUEST_H

#include "base/buf.h"
#include "base/net.h"

/* Where it came in: plain http, https, the control socket. */
enum face { FACE_HTTP, FACE_HTTPS, FACE_CONTROL, FACES };

enum method { METHOD_GET, METHOD_POST, METHOD_DELETE, METHOD_OTHER };

enum http_field {
#define HTTP_FIELD(field, name, joined, whose) HTTP_##field,
#include "base/http/field.def"
#undef HTTP_FIELD
	HTTP_FIELDS
};

struct http_request {
	enum face face;
	struct address peer;	/* the other end of the connection */
	int socket;		/* the connection's on the control socket, whose the kernel knows; else -1 */
	enum method method;	/* HEAD is a GET */
	bool head;		/* the body of the answer is not wanted */
	bool keeps;		/* the connection may go on after the answer */
	int minor;		/* HTTP/1.minor */
	char *text;		/* begins with the head; what follows are offsets in it, 0: it is not there */
	uint16_t path, query, field[HTTP_FIELDS];
	size_t body, body_len;
	/*
	 * Of a local administrator on a different machine: what that machine's keeper vouches with, and behind the
	 * packet (packet.h), once our keeper has looked at it, its word.  NULL: the request came in here.
	 */
	const char *vouched;
	/* And who that administrator is, for the audit log (local_admin_text()); NULL: it is not known yet. */
	const char *vouched_name;
};

/* As it came: not decoded, never empty, and without what a URL has before it. */
static inline const char *http_path(const struct http_request *r) { return r->text + r->path; }
/* What is behind the question mark; NULL: there is none. */
static inline const char *http_query(const struct http_request *r) { return r->query ? r->text + r->query : NULL; }
/* The value of a header without blanks around it; NULL: it is not there. */
static inline const char *http_field(const struct http_request *r, enum http_field f)
{
	return r->field[f] ? r->text + r->field[f] : NULL;
}
static inline struct slice http_body(const struct http_request *r) { return slice(r->text + r->body, r->body_len); }
/* How much of its text it refers to. */
static inline size_t http_request_size(const struct http_request *r) { return r->body + r->body_len; }

/*
 * Is this the path of an http-01 challenge (RFC 8555 section 8.3)?  The redirects of web servers often have a slash too
 * many; it makes no difference.  token: what stands where the token should, "" if nothing does.
 */
bool http_challenge(const char *path, struct slice *token);

#endif
