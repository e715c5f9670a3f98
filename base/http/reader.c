#include "base/http/reader.h"

#define CHUNK_LINE_MOST 256
#define TRAILERS_MOST 4096

void http_reader_init(struct http_reader *h, size_t body_most)
{
	*h = (struct http_reader){ .body_most = body_most };
}

/* What one step of the reading comes to. */
enum advance { ON, ENOUGH, STUCK };

static enum advance refuse(struct http_reader *h, enum http_refusal refusal)
{
	h->refusal = refusal;
	return STUCK;
}

/* Lines: how long they may be, together with what is before them; and what is too long then. */
static size_t line_most(const struct http_reader *h, enum http_refusal *too_long)
{
	switch (h->phase) {
	case HTTP_REQUEST_LINE:
		*too_long = HTTP_REFUSED_target_long;
		return HTTP_LINE_MOST;
	case HTTP_CHUNK_LINE:
		*too_long = HTTP_REFUSED_chunk_line;
		return CHUNK_LINE_MOST;
	case HTTP_TRAILER_LINE:
		*too_long = HTTP_REFUSED_head_long;
		return h->left;
	default:
		*too_long = HTTP_REFUSED_head_long;
		return HTTP_HEAD_MOST - h->at;
	}
}

/* The line behind h->at; its length without its end. */
static enum advance find_line(struct http_reader *h, const char *text, size_t len, size_t *found)
{
	const char *end = memchr(text + h->looked, '\n', len - h->looked);
	size_t whole = end ? (size_t)(end + 1 - text) - h->at : len - h->at;
	enum http_refusal too_long;

	if (whole > line_most(h, &too_long))
		return refuse(h, too_long);
	h->looked = h->at + whole;
	if (!end)
		return ENOUGH;
	if (whole < 2 || end[-1] != '\r')
		return refuse(h, HTTP_REFUSED_bare_line_feed);
	*found = whole - 2;
	return ON;
}

static enum advance on_request_line(struct http_reader *h, struct http_request *r, size_t len)
{
	enum http_refusal refused;

	if (!len) {
		refused = h->empty_line ? HTTP_REFUSED_empty_lines : HTTP_FINE;
		h->empty_line = true;
	} else {
		refused = head_request_line(&h->head, r, h->at, len);
		h->phase = HTTP_FIELD_LINE;
	}
	return refused ? refuse(h, refused) : ON;
}

static enum advance on_field_line(struct http_reader *h, struct http_request *r, size_t len)
{
	enum http_refusal refused = len ? head_field_line(&h->head, r, h->at, len) :
					  head_end(&h->head, r, h->body_most);

	r->body = h->at + 2;
	if (refused)
		return refuse(h, refused);
	if (len)
		return ON;
	h->left = h->head.length;
	h->phase = h->head.chunked ? HTTP_CHUNK_LINE : h->left ? HTTP_BODY : HTTP_OVER;
	return ON;
}

/* The size of a chunk, and what is said of it, which nobody heeds. */
static enum advance on_chunk_line(struct http_reader *h, struct http_request *r, size_t len)
{
	const char *line = r->text + h->at;
	size_t digits = strspn(line, "0123456789abcdefABCDEF"), blanks = strspn(line + digits, " \t");

	h->left = 0;
	for (size_t i = 0; i < digits && h->left <= h->body_most; i++)
		h->left = h->left * 16 + (size_t)(line[i] <= '9' ? line[i] - '0' : (line[i] | 0x20) - 'a' + 10);
	if (!digits || (digits < len && line[digits + blanks] != ';'))
		return refuse(h, HTTP_REFUSED_chunk_size);
	for (size_t i = digits; i < len; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return refuse(h, HTTP_REFUSED_chunk_line);
	if (h->left > h->body_most - r->body_len)
		return refuse(h, HTTP_REFUSED_body_long);
	h->phase = h->left ? HTTP_CHUNK : HTTP_TRAILER_LINE;
	if (!h->left)
		h->left = TRAILERS_MOST;
	return ON;
}

static enum advance on_trailer_line(struct http_reader *h, struct http_request *r, size_t len)
{
	enum http_refusal refused = len ? head_trailer_line(&h->head, r, h->at, len) : HTTP_FINE;

	h->left -= len + 2;
	if (!len)
		h->phase = HTTP_OVER;
	return refused ? refuse(h, refused) : ON;
}

static enum advance read_line(struct http_reader *h, struct http_request *r, size_t len,
			   enum advance (*on_line)(struct http_reader *, struct http_request *, size_t))
{
	size_t found = 0;
	enum advance step = find_line(h, r->text, len, &found);

	if (step == ON)
		step = on_line(h, r, found);
	if (step == ON)
		h->at = h->looked;
	return step;
}

static enum advance read_body(struct http_reader *h, struct http_request *r, size_t len)
{
	if (len - h->at < h->left)
		return ENOUGH;
	h->at += h->left;
	r->body_len = h->left;
	h->phase = HTTP_OVER;
	return ON;
}

/* Chunks move together: the body is one piece behind the head. */
static enum advance read_chunk(struct http_reader *h, struct http_request *r, size_t len)
{
	size_t some = MIN(len - h->at, h->left);

	memmove(r->text + r->body + r->body_len, r->text + h->at, some);
	r->body_len += some;
	h->at += some;
	h->looked = h->at;
	h->left -= some;
	if (h->left)
		return ENOUGH;
	h->phase = HTTP_CHUNK_END;
	return ON;
}

static enum advance read_chunk_end(struct http_reader *h, struct http_request *r, size_t len)
{
	size_t some = MIN(len - h->at, 2);

	if (memcmp(r->text + h->at, "\r\n", some))
		return refuse(h, HTTP_REFUSED_chunk_end);
	if (some < 2)
		return ENOUGH;
	h->at += 2;
	h->looked = h->at;
	h->phase = HTTP_CHUNK_LINE;
	return ON;
}

static enum advance read_on(struct http_reader *h, struct http_request *r, size_t len)
{
	switch (h->phase) {
	case HTTP_REQUEST_LINE:
		if (len > h->at && !head_may_begin(r->text[h->at]))
			return refuse(h, HTTP_REFUSED_request_line);
		return read_line(h, r, len, on_request_line);
	case HTTP_FIELD_LINE:
		return read_line(h, r, len, on_field_line);
	case HTTP_BODY:
		return read_body(h, r, len);
	case HTTP_CHUNK_LINE:
		return read_line(h, r, len, on_chunk_line);
	case HTTP_CHUNK:
		return read_chunk(h, r, len);
	case HTTP_CHUNK_END:
		return read_chunk_end(h, r, len);
	case HTTP_TRAILER_LINE:
		return read_line(h, r, len, on_trailer_line);
	case HTTP_OVER:
		break;
	}
	return ENOUGH;
}

/* What comes next follows the body directly, so that many small chunks take no more room than their bytes. */
static void close_gap(struct http_reader *h, struct http_request *r, size_t *len)
{
	size_t end = r->body + r->body_len, gap = h->at - end;

	if (h->phase < HTTP_CHUNK_LINE || !gap)
		return;
	memmove(r->text + end, r->text + h->at, *len - h->at);
	h->at -= gap;
	h->looked -= gap;
	*len -= gap;
}

enum http_progress http_read(struct http_reader *h, struct http_request *r, char *text, size_t *len)
{
	enum advance step = ON;
	bool asks;

	if (!h->at && h->phase == HTTP_REQUEST_LINE) {
		r->minor = 1;
		r->head = r->keeps = false;
		r->path = r->query = 0;
		memset(r->field, 0, sizeof(r->field));
		r->body = r->body_len = 0;
	}
	r->text = text;
	while (step == ON && h->phase != HTTP_OVER)
		step = read_on(h, r, *len);
	if (step == STUCK)
		return HTTP_REFUSED;
	if (h->phase == HTTP_OVER)
		return HTTP_WHOLE;
	close_gap(h, r, len);
	asks = h->head.continues && *len == r->body;
	h->head.continues = false;
	return asks ? HTTP_CONTINUE : HTTP_MORE;
}
