/*
 * What a connection sends: a request (and what follows) reads the same in one piece and in pieces of the first byte's
 * size; what comes out is text that cannot end a line; and nothing refers to what was not read.
 */
#include "base/http/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MOST 3000
#define DATA_MOST 32768

struct reading {
	struct http_reader reader;
	struct http_request request;
	char *text;
	size_t len;
	enum http_progress progress;
};

/* As conn.c does it, but in memory that ends where the bytes do. */
static void read_in_pieces(struct reading *r, const uint8_t *data, size_t size, size_t piece)
{
	http_reader_init(&r->reader, BODY_MOST);
	r->progress = HTTP_MORE;
	for (size_t at = 0; at < size && (r->progress == HTTP_MORE || r->progress == HTTP_CONTINUE); at += piece) {
		size_t some = MIN(piece, size - at);
		char *text = xmalloc(r->len + some);

		if (r->len)
			memcpy(text, r->text, r->len);
		memcpy(text + r->len, data + at, some);
		free(r->text);
		r->text = text;
		r->len += some;
		r->progress = http_read(&r->reader, &r->request, r->text, &r->len);
		if (r->len > r->request.body + r->request.body_len + HTTP_HEAD_MOST + 2 * piece + BODY_MOST)
			die("%zu bytes are kept", r->len);
	}
}

static void check_text(const char *text)
{
	for (; text && *text; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
			die("byte %d", *text);
}

static void check_same(const char *a, const char *b)
{
	if (!str_eq(a, b))
		die("\"%s\" or \"%s\"", a ? a : "nothing", b ? b : "nothing");
}

static void compare(const struct reading *a, const struct reading *b)
{
	check_same(http_path(&a->request), http_path(&b->request));
	check_same(http_query(&a->request), http_query(&b->request));
	check_text(http_path(&a->request));
	check_text(http_query(&a->request));
	for (enum http_field f = 0; f < HTTP_FIELDS; f++) {
		check_same(http_field(&a->request, f), http_field(&b->request, f));
		check_text(http_field(&a->request, f));
	}
	if (a->request.method != b->request.method || a->request.head != b->request.head ||
	    a->request.keeps != b->request.keeps || !slice_eq(http_body(&a->request), http_body(&b->request)))
		die("method, framing or body differ");
	if (!*http_path(&a->request) || http_request_size(&a->request) > a->reader.at || a->reader.at > a->len)
		die("it ends at %zu, is read to %zu of %zu", http_request_size(&a->request), a->reader.at, a->len);
	if (a->request.field[HTTP_content_length] || a->request.field[HTTP_transfer_encoding])
		die("what was for the reader goes on");
	if (a->request.minor && !a->request.field[HTTP_host])
		die("no host");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading whole = { .len = 0 }, pieces = { .len = 0 };

	if (size < 2 || size > DATA_MOST)
		return 0;
	read_in_pieces(&whole, data + 1, size - 1, size - 1);
	read_in_pieces(&pieces, data + 1, size - 1, data[0] % 61 + 1);
	/* In pieces a request may be refused for what is late in one piece, never otherwise. */
	if ((whole.progress == HTTP_REFUSED) != (pieces.progress == HTTP_REFUSED) ||
	    (whole.progress == HTTP_WHOLE) != (pieces.progress == HTTP_WHOLE))
		die("%d in one piece, %d in several", whole.progress, pieces.progress);
	if (whole.progress == HTTP_REFUSED && whole.reader.refusal != pieces.reader.refusal)
		die("%s / %s", http_refusal_text(whole.reader.refusal), http_refusal_text(pieces.reader.refusal));
	if (whole.progress == HTTP_WHOLE)
		compare(&whole, &pieces);
	free(whole.text);
	free(pieces.text);
	return 0;
}
