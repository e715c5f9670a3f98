#include "base/buf.h"

#include <stdarg.h>

/* Never realloc(): it would leave a copy behind, and the buffer may hold a secret. */
static void grow(struct buf *b, size_t needed)
{
	size_t size = MAX(needed, MAX(b->size * 2, 64));
	char *data = xmalloc(size);

	if (b->data) {
		memcpy(data, b->data, b->len + 1);
		wipe(b->data, b->size);
		free(b->data);
	} else {
		data[0] = '\0';
	}
	b->data = data;
	b->size = size;
}

void *buf_reserve(struct buf *b, size_t more)
{
	size_t needed;

	if (__builtin_add_overflow(b->len + 1, more, &needed))
		die("a buffer of %zu bytes was asked to grow by %zu", b->len, more);
	if (needed > b->size)
		grow(b, needed);
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *room = buf_reserve(b, len);

	if (len)
		memcpy(room, data, len);
	room[len] = '\0';
	b->len += len;
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_add_ch(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	buf_reserve(b, 0);
	len = vsnprintf(b->data + b->len, b->size - b->len, fmt, ap);
	if (len < 0)
		die("the format \"%s\" cannot be printed", fmt);
	if ((size_t)len >= b->size - b->len) {
		char *room = buf_reserve(b, (size_t)len);

		vsnprintf(room, (size_t)len + 1, fmt, again);
	}
	b->len += (size_t)len;
	va_end(again);
	va_end(ap);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void buf_wipe(struct buf *b)
{
	if (b->data)
		wipe(b->data, b->size);
	buf_release(b);
}

char *buf_detach(struct buf *b)
{
	char *data = b->data ? b->data : xstrdup("");

	*b = (struct buf)BUF_INIT;
	return data;
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}
