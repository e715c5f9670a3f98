#include "base/http/answer.h"

static const char *phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
		{ 303, "See Other" }, { 304, "Not Modified" }, { 308, "Permanent Redirect" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 409, "Conflict" },
		{ 413, "Content Too Large" }, { 414, "URI Too Long" }, { 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" }, { 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "";
}

void http_add_field(struct buf *out, const char *name, const char *value)
{
	for (const char *c = value; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			return;
	buf_add_str(out, name);
	buf_add_str(out, ": ");
	buf_add_str(out, value);
	buf_add_str(out, "\r\n");
}

static void add_number(struct buf *out, size_t number, unsigned base)
{
	char digits[24], *at = digits + sizeof(digits);

	do {
		*--at = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	buf_add(out, at, (size_t)(digits + sizeof(digits) - at));
}

static void add_line(struct buf *out, const char *name, const char *value)
{
	buf_add_str(out, name);
	buf_add_str(out, value);
	buf_add(out, "\r\n", 2);
}

static void write_status(struct buf *out, int status, int minor)
{
	buf_add_str(out, minor ? "HTTP/1.1 " : "HTTP/1.0 ");
	add_number(out, (size_t)status, 10);
	add_line(out, " ", phrase(status));
}

/* Where the body ends (RFC 9112 section 6.3); of those that have none only some need it said. */
static void write_framing(struct buf *out, const struct http_answer *a, const struct http_framing *f)
{
	if (f->parts && f->minor) {
		buf_add_str(out, "Transfer-Encoding: chunked\r\n");
	} else if (!f->parts && (a->type || (a->status != 204 && a->status != 304))) {
		buf_add_str(out, "Content-Length: ");
		add_number(out, a->type ? a->body.len : 0, 10);
		buf_add(out, "\r\n", 2);
	}
	if (!f->keeps)
		buf_add_str(out, "Connection: close\r\n");
	else if (!f->minor)
		buf_add_str(out, "Connection: keep-alive\r\n");
}

void http_write(struct buf *out, const struct http_answer *a, const struct http_framing *f)
{
	write_status(out, a->status, f->minor);
	add_line(out, "Date: ", f->date);
	if (a->type)
		add_line(out, "Content-Type: ", a->type);
	write_framing(out, a, f);
	buf_add(out, a->fields.data, a->fields.len);
	buf_add_str(out, f->fields);
	buf_add(out, "\r\n", 2);
	if (a->type && !f->head && !f->parts)
		buf_add(out, a->body.data, a->body.len);
}

void http_write_chunk(struct buf *out, struct slice data)
{
	add_number(out, data.len, 16);
	buf_add(out, "\r\n", 2);
	buf_add(out, data.data, data.len);
	buf_add(out, "\r\n", 2);
}
