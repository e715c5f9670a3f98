#include "base/http/head.h"

#include <ctype.h>

#define METHOD_MOST 32
#define FIELDS_MOST 100

/*
 * Characters.
 */

enum { TOKEN = 1, TARGET = 2, REG_NAME = 4, NAME = TOKEN | TARGET | REG_NAME };

/* RFC 9110 section 5.6.2, RFC 3986 section 3.2.2.  In targets browsers leave more as it is than RFC 3986 allows. */
static const unsigned char kinds[256] = {
	['0' ... '9'] = NAME, ['A' ... 'Z'] = NAME, ['a' ... 'z'] = NAME,
	['!'] = NAME, ['$'] = NAME, ['%'] = NAME, ['&'] = NAME, ['\''] = NAME, ['*'] = NAME, ['+'] = NAME,
	['-'] = NAME, ['.'] = NAME, ['_'] = NAME, ['~'] = NAME,
	['^'] = TOKEN | TARGET, ['`'] = TOKEN | TARGET, ['|'] = TOKEN | TARGET, ['#'] = TOKEN,
	['('] = TARGET | REG_NAME, [')'] = TARGET | REG_NAME, [','] = TARGET | REG_NAME, [';'] = TARGET | REG_NAME,
	['='] = TARGET | REG_NAME,
	['"'] = TARGET, ['/'] = TARGET, [':'] = TARGET, ['<'] = TARGET, ['>'] = TARGET, ['?'] = TARGET, ['@'] = TARGET,
	['['] = TARGET, ['\\'] = TARGET, [']'] = TARGET, ['{'] = TARGET, ['}'] = TARGET,
};

/* How many of the first bytes are of this kind. */
static size_t span(const char *text, size_t len, int kind)
{
	size_t n = 0;

	while (n < len && kinds[(unsigned char)text[n]] & kind)
		n++;
	return n;
}

bool head_is_value(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
			return false;
	return true;
}

bool head_is_target(const char *text, size_t len)
{
	return span(text, len, TARGET) == len;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool head_may_begin(char c)
{
	return c == '\r' || c == '\n' || kinds[(unsigned char)c] & TOKEN;
}

/*
 * The request line.
 */

static bool is_word(const char *word, const char *text, size_t len)
{
	return strlen(word) == len && !memcmp(word, text, len);
}

static void take_method(struct http_request *r, const char *text, size_t len)
{
	r->head = is_word("HEAD", text, len);
	r->method = r->head || is_word("GET", text, len) ? METHOD_GET :
		    is_word("POST", text, len)		 ? METHOD_POST :
		    is_word("DELETE", text, len)	 ? METHOD_DELETE :
							   METHOD_OTHER;
}

static enum http_refusal take_version(struct http_request *r, const char *text, size_t len)
{
	if (len != strlen("HTTP/1.1") || memcmp(text, "HTTP/", 5) || !isdigit((unsigned char)text[5]) ||
	    text[6] != '.' || !isdigit((unsigned char)text[7]))
		return HTTP_REFUSED_request_line;
	r->minor = text[7] > '0';
	return text[5] == '1' ? HTTP_FINE : HTTP_REFUSED_version;
}

static void take_path(struct http_request *r, char *path, size_t len)
{
	char *mark = memchr(path, '?', len);

	path[len] = '\0';
	if (mark)
		*mark = '\0';
	r->path = (uint16_t)(path - r->text);
	r->query = mark ? (uint16_t)(mark + 1 - r->text) : 0;
}

static size_t scheme_len(const char *url, size_t len)
{
	if (len > 7 && !strncasecmp(url, "http://", 7))
		return strlen("http:");
	return len > 8 && !strncasecmp(url, "https://", 8) ? strlen("https:") : 0;
}

/*
 * http://host/path: the host moves over the slashes before it, which leaves room for its end, and for a path that is
 * not there.
 */
static enum http_refusal take_url(struct http_head *h, struct http_request *r, char *url, size_t len)
{
	size_t scheme = scheme_len(url, len);
	size_t host = scheme ? strcspn(url + scheme + 2, "/? ") : 0;
	char *path = url + scheme + 2 + host;

	if (!host)
		return HTTP_REFUSED_target;
	memmove(url + scheme, url + scheme + 2, host);
	url[scheme + host] = '\0';
	h->authority = (uint16_t)(url + scheme - r->text);
	len -= scheme + 2 + host;
	if (*path != '/') {
		*--path = '/';
		len++;
	}
	take_path(r, path, len);
	return HTTP_FINE;
}

static enum http_refusal take_target(struct http_head *h, struct http_request *r, char *target, size_t len,
				     const char *method, size_t method_len)
{
	if (!head_is_target(target, len))
		return HTTP_REFUSED_target;
	if (*target != '/' && !is_word("*", target, len))
		return take_url(h, r, target, len);
	if (*target == '*' && !is_word("OPTIONS", method, method_len))
		return HTTP_REFUSED_target;
	take_path(r, target, len);
	return HTTP_FINE;
}

enum http_refusal head_request_line(struct http_head *h, struct http_request *r, size_t at, size_t len)
{
	char *line = r->text + at, *end = line + len;
	size_t method = span(line, len, TOKEN);
	char *target = line + method + 1;
	char *blank = method < len && line[method] == ' ' ? memchr(target, ' ', (size_t)(end - target)) : NULL;
	enum http_refusal refused;

	if (!method || !blank || blank == target)
		return HTTP_REFUSED_request_line;
	refused = take_version(r, blank + 1, (size_t)(end - blank - 1));
	if (refused)
		return refused;
	if (method > METHOD_MOST || is_word("CONNECT", line, method))
		return HTTP_REFUSED_method;
	take_method(r, line, method);
	return take_target(h, r, target, (size_t)(blank - target), line, method);
}

/*
 * A header.
 */

static const struct {
	const char *name;
	size_t len;
	const char *joined;
	enum { READER, DESK } whose;
} fields[] = {
#define HTTP_FIELD(field, name, joined, whose) { name, sizeof(name) - 1, joined, whose },
#include "base/http/field.def"
#undef HTTP_FIELD
};

static enum http_field find_field(const char *name, size_t len)
{
	enum http_field f = 0;

	while (f < HTTP_FIELDS && (fields[f].len != len || strncasecmp(fields[f].name, name, len)))
		f++;
	return f;
}

/*
 * Puts a value behind the one that the field has.  The headers between them make room: they move into the name, which
 * begins at `line` and is longer than what joins the two.
 */
static enum http_refusal join(struct http_request *r, enum http_field f, size_t line, size_t value, size_t len)
{
	const char *between = fields[f].joined;
	size_t end = r->field[f] + strlen(r->text + r->field[f]), more = between ? strlen(between) + len : 0;
	char copy[HTTP_HEAD_MOST];

	if (!between)
		return HTTP_REFUSED_field_twice;
	memcpy(copy, r->text + value, len);
	memmove(r->text + end + more, r->text + end, line - end);
	memcpy(r->text + end, between, more - len);
	memcpy(r->text + end + more - len, copy, len);
	r->text[end + more] = '\0';
	for (size_t other = 0; other < HTTP_FIELDS; other++)
		if (r->field[other] > end)
			r->field[other] = (uint16_t)(r->field[other] + more);
	return HTTP_FINE;
}

/* The line's name and its value without blanks around it. */
static enum http_refusal split(struct http_head *h, const char *line, size_t len, size_t *name, struct slice *value)
{
	const char *begin, *end = line + len;

	*name = span(line, len, TOKEN);
	if (is_blank(*line))
		return HTTP_REFUSED_folded;
	if (!*name || line[*name] != ':')
		return HTTP_REFUSED_field_name;
	if (h->fields++ == FIELDS_MOST)
		return HTTP_REFUSED_fields_many;
	for (begin = line + *name + 1; begin < end && is_blank(*begin); begin++)
		;
	while (end > begin && is_blank(end[-1]))
		end--;
	*value = slice(begin, (size_t)(end - begin));
	return head_is_value(begin, value->len) ? HTTP_FINE : HTTP_REFUSED_field_value;
}

enum http_refusal head_field_line(struct http_head *h, struct http_request *r, size_t at, size_t len)
{
	struct slice value;
	size_t name, value_at;
	enum http_refusal refused = split(h, r->text + at, len, &name, &value);
	enum http_field f = refused ? HTTP_FIELDS : find_field(r->text + at, name);

	if (f == HTTP_FIELDS)
		return refused;
	value_at = (size_t)((const char *)value.data - r->text);
	if (r->field[f])
		return join(r, f, at, value_at, value.len);
	r->text[value_at + value.len] = '\0';
	r->field[f] = (uint16_t)value_at;
	return HTTP_FINE;
}

enum http_refusal head_trailer_line(struct http_head *h, struct http_request *r, size_t at, size_t len)
{
	struct slice value;
	size_t name;

	return split(h, r->text + at, len, &name, &value);
}

/*
 * All of them.
 */

/* A name or address, and perhaps a port (RFC 9110 section 7.2). */
bool head_is_host(const char *text)
{
	if (*text == '[') {
		text += 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
		if (*text++ != ']')
			return false;
	} else {
		text += span(text, strlen(text), REG_NAME);
	}
	return !*text || (*text == ':' && !text[1 + strspn(text + 1, "0123456789")]);
}

static enum http_refusal end_host(const struct http_head *h, struct http_request *r)
{
	if (!r->field[HTTP_host] && r->minor)
		return HTTP_REFUSED_no_host;
	if (r->field[HTTP_host] && !head_is_host(http_field(r, HTTP_host)))
		return HTTP_REFUSED_host;
	if (h->authority)
		r->field[HTTP_host] = h->authority;
	return h->authority && !head_is_host(http_field(r, HTTP_host)) ? HTTP_REFUSED_target : HTTP_FINE;
}

/* The next item of a list with commas, without the blanks around it; NULL: there are no more. */
static const char *next_item(const char **list, size_t *len)
{
	const char *item = *list, *end;

	if (!item)
		return NULL;
	end = strchrnul(item, ',');
	*list = *end ? end + 1 : NULL;
	while (item < end && is_blank(*item))
		item++;
	while (end > item && is_blank(end[-1]))
		end--;
	*len = (size_t)(end - item);
	return item;
}

static bool is_item(const char *word, const char *item, size_t len)
{
	return strlen(word) == len && !strncasecmp(word, item, len);
}

static bool list_has(const char *list, const char *word)
{
	const char *item;
	size_t len;

	while ((item = next_item(&list, &len)))
		if (is_item(word, item, len))
			return true;
	return false;
}

static enum http_refusal end_coding(struct http_head *h, const struct http_request *r)
{
	const char *coding = http_field(r, HTTP_transfer_encoding), *item;
	int items = 0, chunked = 0;
	bool last = false;
	size_t len;

	if (!r->minor)
		return HTTP_REFUSED_coding_old;
	if (r->field[HTTP_content_length])
		return HTTP_REFUSED_length_and_coding;
	while ((item = next_item(&coding, &len))) {
		last = is_item("chunked", item, len);
		chunked += last;
		items++;
	}
	if (!last || chunked > 1)
		return HTTP_REFUSED_coding_last;
	h->chunked = true;
	return items > 1 ? HTTP_REFUSED_coding : HTTP_FINE;
}

static enum http_refusal end_length(struct http_head *h, const struct http_request *r, size_t body_most)
{
	const char *length = http_field(r, HTTP_content_length);

	if (!*length || length[strspn(length, "0123456789")])
		return HTTP_REFUSED_length;
	for (; *length; length++) {
		h->length = h->length * 10 + (size_t)(*length - '0');
		if (h->length > body_most)
			return HTTP_REFUSED_body_long;
	}
	return HTTP_FINE;
}

static enum http_refusal end_expectation(struct http_head *h, const struct http_request *r)
{
	const char *expected = r->minor ? http_field(r, HTTP_expect) : NULL;

	h->continues = expected && (h->chunked || h->length);
	return expected && strcasecmp(expected, "100-continue") ? HTTP_REFUSED_expectation : HTTP_FINE;
}

static enum http_refusal end_framing(struct http_head *h, struct http_request *r, size_t body_most)
{
	const char *connection = http_field(r, HTTP_connection);

	r->keeps = !list_has(connection, "close") && (r->minor || list_has(connection, "keep-alive"));
	if (r->field[HTTP_transfer_encoding])
		return end_coding(h, r);
	return r->field[HTTP_content_length] ? end_length(h, r, body_most) : HTTP_FINE;
}

enum http_refusal head_end(struct http_head *h, struct http_request *r, size_t body_most)
{
	enum http_refusal refused = end_host(h, r);

	if (!refused)
		refused = end_framing(h, r, body_most);
	if (!refused)
		refused = end_expectation(h, r);
	for (size_t f = 0; f < HTTP_FIELDS; f++)
		if (fields[f].whose == READER)
			r->field[f] = 0;
	return refused;
}
