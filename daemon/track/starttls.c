#include "daemon/track/starttls.h"

#include <ctype.h>

#include "base/words.h"

#define SHOWN 100	/* bytes of an answer in a sentence */

enum heard { HEARD_MORE = 0, HEARD_YES = 1, HEARD_NO = -1 };

/* Looks at what came: is the answer whole, is it the one wanted, how long is it? */
typedef enum heard read_fn(struct slice in, const char *wanted, size_t *used);

static read_fn read_reply, read_tagged, read_line, read_extended, read_letter, read_element;

static const struct say {
	const char *protocol;
	struct slice sends;
	read_fn *read;
	const char *wanted;
} says[] = {
#define SAY(protocol, sends, read, wanted) { #protocol, { sends, sizeof(sends) - 1 }, read_##read, wanted },
#include "daemon/track/starttls.def"
#undef SAY
};

/* The line at the front, without its end; false: it is not whole yet. */
static bool take_line(struct slice *in, struct slice *line)
{
	const char *end = in->len ? memchr(in->data, '\n', in->len) : NULL;
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - (const char *)in->data);
	*line = slice(in->data, len && end[-1] == '\r' ? len - 1 : len);
	*in = slice(end + 1, in->len - len - 1);
	return true;
}

static bool begins(struct slice line, const char *with, size_t len)
{
	return line.len >= len && !strncasecmp(line.data, with, len);
}

/* "250-one", "250-STARTTLS", "250 last": wanted is the code, and perhaps a word one of the lines must be. */
static enum heard read_reply(struct slice in, const char *wanted, size_t *used)
{
	struct slice rest = in, line;
	const char *word = strchr(wanted, ' ');
	bool met = !word;

	while (take_line(&rest, &line)) {
		const char *text = line.data;

		*used = in.len - rest.len;
		if (line.len < 3 || strncmp(text, wanted, 3))
			return HEARD_NO;
		if (word && line.len == 3 + strlen(word) && !strncasecmp(text + 4, word + 1, line.len - 4))
			met = true;
		if (line.len == 3 || text[3] == ' ')
			return met ? HEARD_YES : HEARD_NO;
	}
	return HEARD_MORE;
}

/* Lines with "* " are no answer yet. */
static enum heard read_tagged(struct slice in, const char *wanted, size_t *used)
{
	struct slice rest = in, line;

	while (take_line(&rest, &line)) {
		*used = in.len - rest.len;
		if (!begins(line, "* ", 2))
			return begins(line, wanted, strlen(wanted)) ? HEARD_YES : HEARD_NO;
	}
	return HEARD_MORE;
}

static enum heard read_line(struct slice in, const char *wanted, size_t *used)
{
	struct slice rest = in, line;

	if (!take_line(&rest, &line))
		return HEARD_MORE;
	*used = in.len - rest.len;
	return begins(line, wanted, strlen(wanted)) ? HEARD_YES : HEARD_NO;
}

/* The head of a BER element: 1, 0 if it is not whole, -1 if it is nothing we take. */
static int take_head(struct slice *in, unsigned *tag, size_t *len)
{
	const unsigned char *p = in->data;
	size_t bytes;

	if (in->len < 2)
		return 0;
	*tag = p[0];
	*len = p[1];
	bytes = p[1] & 0x80 ? p[1] & 0x7f : 0;
	if (bytes > 4 || p[1] == 0x80)
		return -1;
	if (in->len < 2 + bytes)
		return 0;
	if (bytes)
		*len = 0;
	for (size_t i = 0; i < bytes; i++)
		*len = *len << 8 | p[2 + i];
	*in = slice(p + 2 + bytes, in->len - 2 - bytes);
	return *len > STARTTLS_ANSWER_MAX ? -1 : 1;
}

/* LDAPMessage { messageID, ExtendedResponse { resultCode success, ... } } */
static enum heard read_extended(struct slice in, const char *wanted, size_t *used)
{
	struct slice rest = in;
	const unsigned char *p;
	unsigned tag;
	size_t len;
	int whole = take_head(&rest, &tag, &len);

	if (whole <= 0 || tag != 0x30)
		return whole == 0 ? HEARD_MORE : HEARD_NO;
	if (rest.len < len)
		return HEARD_MORE;
	*used = in.len - rest.len + len;
	rest.len = len;
	if (take_head(&rest, &tag, &len) <= 0 || tag != 0x02 || rest.len < len)
		return HEARD_NO;
	rest = slice((const char *)rest.data + len, rest.len - len);
	if (take_head(&rest, &tag, &len) <= 0 || tag != 0x78 || take_head(&rest, &tag, &len) <= 0)
		return HEARD_NO;
	p = rest.data;
	return tag == 0x0a && len == 1 && rest.len && p[0] == 0 ? HEARD_YES : HEARD_NO;
}

static enum heard read_letter(struct slice in, const char *wanted, size_t *used)
{
	if (!in.len)
		return HEARD_MORE;
	*used = 1;
	return *(const char *)in.data == *wanted ? HEARD_YES : HEARD_NO;
}

/* wanted: "END WORD": all is there with END, and WORD must be in it. */
static enum heard read_element(struct slice in, const char *wanted, size_t *used)
{
	const char *word = strchr(wanted, ' ') + 1;
	size_t end_len = (size_t)(word - 1 - wanted);
	const char *end = in.len ? memmem(in.data, in.len, wanted, end_len) : NULL;
	bool failed = in.len &&
		      (memmem(in.data, in.len, "<failure", 8) || memmem(in.data, in.len, "</stream:stream", 15));
	const char *close;

	if (!end)
		return failed ? *used = in.len, HEARD_NO : HEARD_MORE;
	close = memchr(end, '>', (size_t)((const char *)in.data + in.len - end));
	if (!close)
		return HEARD_MORE;
	*used = (size_t)(close + 1 - (const char *)in.data);
	return str_eq(word, "/>") || memmem(in.data, *used, word, strlen(word)) ? HEARD_YES : HEARD_NO;
}

static const struct say *row_of(const struct starttls *s)
{
	int step = s->step;

	for (size_t i = 0; i < ARRAY_SIZE(says); i++)
		if (str_eq(says[i].protocol, s->protocol) && step-- == 0)
			return &says[i];
	return NULL;
}

void starttls_init(struct starttls *s, const char *protocol, const char *host, const char *own)
{
	*s = (struct starttls){ protocol, host, own, 0 };
}

bool starttls_is_over(const struct starttls *s)
{
	return !row_of(s);
}

void starttls_say(const struct starttls *s, struct buf *out)
{
	static const size_t len = sizeof("{host}") - 1;		/* of {self} too */
	struct slice text = row_of(s)->sends;
	const char *start = text.data, *host = text.len ? memmem(text.data, text.len, "{host}", len) : NULL;
	const char *self = text.len ? memmem(text.data, text.len, "{self}", len) : NULL;
	const char *place = host ? host : self;

	if (!place) {
		buf_add(out, text.data, text.len);
		return;
	}
	buf_add(out, start, (size_t)(place - start));
	buf_add_str(out, host ? s->host : s->own);
	buf_add(out, place + len, text.len - (size_t)(place - start) - len);
}

/* What was answered, fit for a sentence. */
static void quote(struct err *e, struct slice in)
{
	_cleanup_buf_ struct buf shown = BUF_INIT;

	words_add(&shown, in.data, in.len, SHOWN);
	while (shown.len && shown.data[shown.len - 1] == ' ')
		shown.data[--shown.len] = '\0';
	err_detail(e, "%s", buf_str(&shown));
}

int starttls_hear(struct starttls *s, struct buf *in, struct err *e)
{
	const struct say *row = row_of(s);
	size_t used = 0;
	enum heard heard = row->read(slice_buf(in), row->wanted, &used);
	_cleanup_buf_ struct buf rest = BUF_INIT;

	if (heard == HEARD_MORE && in->len < STARTTLS_ANSWER_MAX)
		return 0;
	if (heard == HEARD_YES && used == in->len) {
		buf_clear(in);
		s->step++;
		return 1;
	}
	if (heard == HEARD_YES) {
		buf_add(&rest, in->data + used, in->len - used);
		s->step++;
		/* What came unasked before TLS could be anybody's. */
		if (starttls_is_over(s))
			return err_set(e, ERR_PROTOCOL, "said something behind its consent to TLS");
		buf_clear(in);
		buf_add(in, rest.data, rest.len);
		return 1;
	}
	err_set(e, ERR_PROTOCOL,
		heard == HEARD_MORE ? "does not come to an end with its answer" : "does not offer TLS (STARTTLS)");
	quote(e, slice_buf(in));
	return -1;
}
