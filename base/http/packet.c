#include "base/http/packet.h"

#include <netinet/in.h>

#include "base/http/head.h"

#define HEADER 9		/* length of the rest, kind, id */
#define TEXTS_MOST (HTTP_HEAD_MOST + 1024)	/* bytes of path, query and headers, with their ends */
#define ANSWER_FIELDS_MOST (32 * 1024)

enum { TEXT_PATH, TEXT_QUERY, TEXT_FIELD };	/* then one a field */

static const bool travels[HTTP_FIELDS] = {
#define READER false
#define DESK true
#define HTTP_FIELD(field, name, joined, whose) [HTTP_##field] = whose,
#include "base/http/field.def"
#undef HTTP_FIELD
#undef READER
#undef DESK
};

/*
 * Numbers, the highest byte first.
 */

static void put_number(void *at, uint32_t number, int bytes)
{
	unsigned char *to = at;

	while (bytes--) {
		to[bytes] = (unsigned char)number;
		number >>= 8;
	}
}

static void add_number(struct buf *out, uint32_t number, int bytes)
{
	unsigned char at[4];

	put_number(at, number, bytes);
	buf_add(out, at, (size_t)bytes);
}

/* What is left of a packet; `bad` once more was asked of it than it has. */
struct rest {
	const unsigned char *data;
	size_t len;
	bool bad;
};

static struct slice take(struct rest *r, size_t len)
{
	struct slice taken = { r->data, len };

	r->bad |= len > r->len;
	if (r->bad)
		return slice("", 0);
	r->data += len;
	r->len -= len;
	return taken;
}

static uint32_t take_number(struct rest *r, int bytes)
{
	struct slice s = take(r, (size_t)bytes);
	const unsigned char *from = s.data;
	uint32_t number = 0;

	for (size_t i = 0; i < s.len; i++)
		number = number << 8 | from[i];
	return number;
}

static struct rest rest_of(const struct packet *p)
{
	return (struct rest){ .data = p->content.data, .len = p->content.len };
}

/*
 * Packets.
 */

ssize_t packet_take(struct packet *p, struct slice bytes)
{
	struct rest r = { .data = bytes.data, .len = bytes.len };
	size_t len = take_number(&r, 4);

	if (r.bad)
		return 0;
	if (len < HEADER - 4 || len > PACKET_MOST)
		return -1;
	p->kind = take_number(&r, 1);
	p->id = take_number(&r, 4);
	if (!r.bad && (p->kind < PACKET_REQUEST || p->kind >= PACKET_KINDS || p->id >= PACKET_IDS))
		return -1;
	p->content = take(&r, len - (HEADER - 4));
	return r.bad ? 0 : (ssize_t)(4 + len);
}

ssize_t packet_each(struct slice bytes, int (*one)(void *arg, const struct packet *), void *arg)
{
	const char *all = bytes.data;
	size_t used = 0;
	struct packet p;
	ssize_t size = 0;
	int more = 0;

	while (!more && (size = packet_take(&p, slice(all + used, bytes.len - used))) > 0) {
		more = one(arg, &p);
		if (more < 0)
			return -1;
		used += (size_t)size;
	}
	return size < 0 ? -1 : (ssize_t)used;
}

static size_t begin(struct buf *out, enum packet_kind kind, uint32_t id)
{
	size_t at = out->len;

	add_number(out, 0, 4);
	add_number(out, kind, 1);
	add_number(out, id, 4);
	return at;
}

static void end(struct buf *out, size_t at)
{
	put_number(out->data + at, (uint32_t)(out->len - at - 4), 4);
}

void packet_add(struct buf *out, enum packet_kind kind, uint32_t id, struct slice content)
{
	size_t at = begin(out, kind, id);

	buf_add(out, content.data, content.len);
	end(out, at);
}

/*
 * Requests: face, method, HEAD or not, the peer; texts, each with its number, which grow; the body.
 */

static void add_peer(struct buf *out, const struct address *peer)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)&peer->sa;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&peer->sa;
	bool is_six = peer->sa.ss_family == AF_INET6;

	add_number(out, is_six ? 6 : 4, 1);
	add_number(out, (uint32_t)address_port(peer), 2);
	if (is_six)
		buf_add(out, &six->sin6_addr, sizeof(six->sin6_addr));
	else
		buf_add(out, &four->sin_addr, sizeof(four->sin_addr));
}

static void take_peer(struct rest *r, struct address *peer)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	uint32_t family = take_number(r, 1);
	uint16_t port = htons((uint16_t)take_number(r, 2));
	struct slice host = take(r, family == 6 ? sizeof(six.sin6_addr) : sizeof(four.sin_addr));

	r->bad |= family != 4 && family != 6;
	*peer = (struct address){ .len = family == 6 ? sizeof(six) : sizeof(four) };
	six.sin6_port = four.sin_port = port;
	if (r->bad)
		return;
	memcpy(family == 6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr, host.data, host.len);
	memcpy(&peer->sa, family == 6 ? (void *)&six : (void *)&four, peer->len);
}

static void add_text(struct buf *out, uint32_t number, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return;
	add_number(out, number, 1);
	add_number(out, (uint32_t)len, 2);
	buf_add(out, text, len);
}

/* Before the request itself; returns what is left of its body. */
static struct slice add_ahead(struct buf *out, uint32_t id, const struct http_request *r)
{
	struct slice body = http_body(r);

	if (r->vouched)
		packet_add(out, PACKET_VOUCHER, id, slice_str(r->vouched));
	for (; body.len > PACKET_BODY_MOST;
	     body = slice((const char *)body.data + PACKET_BODY_MOST, body.len - PACKET_BODY_MOST))
		packet_add(out, PACKET_BODY, id, slice(body.data, PACKET_BODY_MOST));
	return body;
}

void packet_add_request(struct buf *out, uint32_t id, const struct http_request *r)
{
	struct slice body = add_ahead(out, id, r);
	size_t at = begin(out, PACKET_REQUEST, id);
	uint32_t texts = 1 + (r->query != 0);

	for (enum http_field f = 0; f < HTTP_FIELDS; f++)
		texts += travels[f] && r->field[f];
	add_number(out, r->vouched ? FACE_HTTPS : r->face, 1);
	add_number(out, r->method, 1);
	add_number(out, r->head, 1);
	add_peer(out, r->vouched ? &(struct address){ .len = 0 } : &r->peer);
	add_number(out, texts, 1);
	add_text(out, TEXT_PATH, http_path(r));
	add_text(out, TEXT_QUERY, http_query(r));
	for (enum http_field f = 0; f < HTTP_FIELDS; f++)
		if (travels[f])
			add_text(out, TEXT_FIELD + f, http_field(r, f));
	buf_add(out, body.data, body.len);
	end(out, at);
}

size_t packet_text_size(const struct packet *p)
{
	return p->content.len + 2;	/* a text's number and length are longer than its end */
}

static bool is_text(uint32_t number, const char *text, size_t len)
{
	switch (number) {
	case TEXT_PATH:
		return (*text == '/' || str_eq(text, "*")) && head_is_target(text, len) && !memchr(text, '?', len);
	case TEXT_QUERY:
		return head_is_target(text, len);
	case TEXT_FIELD + HTTP_host:
		return head_is_host(text);
	default:
		return head_is_value(text, len);
	}
}

static uint16_t *place_of(struct http_request *r, uint32_t number)
{
	if (number == TEXT_PATH)
		return &r->path;
	if (number == TEXT_QUERY)
		return &r->query;
	return number < TEXT_FIELD + HTTP_FIELDS && travels[number - TEXT_FIELD] ? &r->field[number - TEXT_FIELD]
										 : NULL;
}

/* The next of its texts; *used: so much of the request's text is in use. */
static void take_text(struct rest *rest, struct http_request *r, size_t *used, int64_t *last)
{
	uint32_t number = take_number(rest, 1);
	struct slice text = take(rest, take_number(rest, 2));
	uint16_t *place = place_of(r, number);

	rest->bad |= !place || number <= *last || *used + text.len + 1 > TEXTS_MOST;
	if (rest->bad)
		return;
	*last = number;
	*place = (uint16_t)*used;
	memcpy(r->text + *used, text.data, text.len);
	r->text[*used + text.len] = '\0';
	rest->bad = strlen(r->text + *used) != text.len || !is_text(number, r->text + *used, text.len);
	*used += text.len + 1;
}

static void take_form(struct rest *rest, struct http_request *r)
{
	uint32_t face = take_number(rest, 1), method = take_number(rest, 1), head = take_number(rest, 1);

	rest->bad |= (face != FACE_HTTP && face != FACE_HTTPS) || method > METHOD_OTHER || head > 1 ||
		     (head && method != METHOD_GET);
	r->face = face;
	r->method = method;
	r->head = head;
	take_peer(rest, &r->peer);
}

int packet_request(const struct packet *p, struct http_request *r, char *text)
{
	struct rest rest = rest_of(p);
	int64_t last = -1;
	uint32_t texts;
	size_t used = 1;	/* no text is at 0 */

	*r = (struct http_request){ .socket = -1, .minor = 1, .text = text };
	*text = '\0';
	take_form(&rest, r);
	for (texts = take_number(&rest, 1); texts && !rest.bad; texts--)
		take_text(&rest, r, &used, &last);
	if (rest.bad || !r->path || rest.len > PACKET_BODY_MOST)
		return -1;
	r->body = used;
	r->body_len = rest.len;
	if (rest.len)
		memcpy(text + used, rest.data, rest.len);
	text[used + rest.len] = '\0';
	return 0;
}

/*
 * Answers: status, position in the log, the body's length, its type if there is a body, headers; the body.
 */

static void add_parts(struct buf *out, uint32_t id, struct slice body)
{
	for (size_t at = 0; at < body.len; at += PACKET_BODY_MOST)
		packet_add(out, PACKET_PART, id,
			   slice((const char *)body.data + at, MIN(body.len - at, PACKET_BODY_MOST)));
}

void packet_add_answer(struct buf *out, uint32_t id, const struct http_answer *a, bool parts)
{
	size_t at = begin(out, parts ? PACKET_BEGIN : PACKET_ANSWER, id);
	struct slice body = parts || !a->type ? slice("", 0) : a->body;
	size_t first = MIN(body.len, PACKET_BODY_MOST);

	add_number(out, (uint32_t)a->status, 2);
	add_number(out, (uint32_t)(a->applied >> 32), 4);
	add_number(out, (uint32_t)a->applied, 4);
	add_number(out, (uint32_t)body.len, 4);
	add_number(out, a->type ? (uint32_t)strlen(a->type) + 1 : 0, 2);
	buf_add(out, a->type, a->type ? strlen(a->type) + 1 : 0);
	add_number(out, (uint32_t)a->fields.len, 4);
	buf_add(out, a->fields.data, a->fields.len);
	buf_add(out, body.data, first);
	end(out, at);
	add_parts(out, id, slice((const char *)body.data + first, body.len - first));
}

/* Lines, each with its end, and none that is empty: a head goes on after them. */
static bool are_fields(struct slice fields)
{
	const char *line = fields.data, *all = line + fields.len;

	while (line < all) {
		const char *stop = memmem(line, (size_t)(all - line), "\r\n", 2);

		if (!stop || stop == line || !head_is_value(line, (size_t)(stop - line)))
			return false;
		line = stop + 2;
	}
	return true;
}

int packet_answer(const struct packet *p, struct http_answer *a, size_t *len)
{
	struct rest rest = rest_of(p);
	struct slice type;

	*a = (struct http_answer){ .status = (int)take_number(&rest, 2) };
	a->applied = (uint64_t)take_number(&rest, 4) << 32;
	a->applied |= take_number(&rest, 4);
	*len = take_number(&rest, 4);
	type = take(&rest, take_number(&rest, 2));
	a->type = type.len ? type.data : NULL;
	a->fields = take(&rest, take_number(&rest, 4));
	a->body = slice(rest.data, rest.len);
	if (rest.bad || a->status < 200 || a->status > 599 || *len > PACKET_ANSWER_MOST || rest.len > *len ||
	    a->fields.len > ANSWER_FIELDS_MOST || !are_fields(a->fields))
		return -1;
	if (p->kind == PACKET_BEGIN ? *len || !a->type : rest.len != MIN(*len, PACKET_BODY_MOST) || (*len && !a->type))
		return -1;
	return type.len && (strnlen(type.data, type.len) != type.len - 1 || !head_is_value(type.data, type.len - 1)) ?
		-1 : 0;
}
