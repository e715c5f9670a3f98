#include "base/encode.h"

#include <ctype.h>

static const char hex_digits[] = "0123456789abcdef";

void hex_add(struct buf *b, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++) {
		buf_add_ch(b, hex_digits[p[i] >> 4]);
		buf_add_ch(b, hex_digits[p[i] & 15]);
	}
}

char *hex_str(const void *data, size_t len)
{
	struct buf b = BUF_INIT;

	hex_add(&b, data, len);
	return buf_detach(&b);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* What a failed decoder has already added is taken back and wiped. */
static int undo(struct buf *b, size_t len)
{
	if (b->data)
		wipe(b->data + len, b->len - len);
	b->len = len;
	return -1;
}

int hex_decode(struct buf *b, const char *s)
{
	size_t start = b->len;

	for (; *s; s += 2) {
		int high = hex_value(s[0]), low = high < 0 ? -1 : hex_value(s[1]);

		if (low < 0)
			return undo(b, start);
		buf_add_ch(b, (char)(high << 4 | low));
	}
	return 0;
}

/* The two alphabets of RFC 4648 differ in their last two characters. */
#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static const char plain[] = ALPHABET "+/", url[] = ALPHABET "-_";

static void encode(struct buf *b, const void *data, size_t len, const char *alphabet)
{
	const unsigned char *p = data;

	buf_reserve(b, len / 3 * 4 + 4);
	for (; len >= 3; len -= 3, p += 3) {
		char four[4] = { alphabet[p[0] >> 2], alphabet[(p[0] & 3) << 4 | p[1] >> 4],
				 alphabet[(p[1] & 15) << 2 | p[2] >> 6], alphabet[p[2] & 63] };

		buf_add(b, four, 4);
	}
	if (len) {
		unsigned second = len == 2 ? p[1] : 0;
		char three[3] = { alphabet[p[0] >> 2], alphabet[(p[0] & 3) << 4 | second >> 4],
				  alphabet[(second & 15) << 2] };

		buf_add(b, three, len + 1);
	}
}

void base32_add(struct buf *b, const void *data, size_t len)
{
	const unsigned char *p = data;
	unsigned bits = 0;
	int count = 0;

	for (size_t i = 0; i < len; i++) {
		bits = (bits << 8 | p[i]) & 0xffff;
		for (count += 8; count >= 5; count -= 5)
			buf_add_ch(b, "abcdefghijklmnopqrstuvwxyz234567"[bits >> (count - 5) & 31]);
	}
	if (count)
		buf_add_ch(b, "abcdefghijklmnopqrstuvwxyz234567"[bits << (5 - count) & 31]);
	buf_add(b, "", 0);
}

static int value(char c, const char *alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == alphabet[62] ? 62 : c == alphabet[63] ? 63 : -1;
}

/* Bits collected so far, of characters not yet a whole byte. */
struct sextets {
	unsigned bits;
	int count; /* of bits */
	size_t chars;
};

static void take(struct sextets *x, struct buf *b, int six)
{
	x->bits = (x->bits << 6 | (unsigned)six) & 0xffff;
	x->count += 6;
	x->chars++;
	if (x->count >= 8) {
		x->count -= 8;
		buf_add_ch(b, (char)(x->bits >> x->count & 0xff));
	}
}

/* A lone last character holds no byte, and left-over bits must be zero: one value has one encoding. */
static bool ends_well(const struct sextets *x)
{
	return x->chars % 4 != 1 && !(x->bits & ((1u << x->count) - 1));
}

void base64_add(struct buf *b, const void *data, size_t len)
{
	encode(b, data, len, plain);
	for (size_t pad = (3 - len % 3) % 3; pad; pad--)
		buf_add_ch(b, '=');
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int base64_decode(struct buf *b, const char *s, size_t len)
{
	struct sextets x = { 0 };
	size_t start = b->len, pads = 0;

	for (size_t i = 0; i < len; i++) {
		int six = value(s[i], plain);

		if (is_space(s[i]))
			continue;
		if (s[i] == '=')
			pads++;
		else if (six < 0 || pads)
			return undo(b, start);
		else
			take(&x, b, six);
	}
	if (!ends_well(&x) || pads != (4 - x.chars % 4) % 4)
		return undo(b, start);
	return 0;
}

void base64url_add(struct buf *b, const void *data, size_t len)
{
	encode(b, data, len, url);
}

char *base64url_str(const void *data, size_t len)
{
	struct buf b = BUF_INIT;

	base64url_add(&b, data, len);
	return buf_detach(&b);
}

int base64url_decode(struct buf *b, const char *s, size_t len)
{
	struct sextets x = { 0 };
	size_t start = b->len;

	for (size_t i = 0; i < len; i++) {
		int six = value(s[i], url);

		if (six < 0)
			return undo(b, start);
		take(&x, b, six);
	}
	return ends_well(&x) ? 0 : undo(b, start);
}

bool base64url_is(const char *s)
{
	size_t len = s ? strlen(s) : 0;

	for (size_t i = 0; i < len; i++)
		if (value(s[i], url) < 0)
			return false;
	return len > 0;
}

size_t utf8_char(const void *at, size_t len, uint32_t *point)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least; /* less would be an overlong form */
	} forms[] = {
		{ 0x80, 0x00, 0 },
		{ 0xe0, 0xc0, 0x80 },
		{ 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 },
	};
	const unsigned char *p = at;

	for (size_t i = 0; i < ARRAY_SIZE(forms) && i < len; i++) {
		uint32_t c = p[0] & (unsigned char)~forms[i].mask;

		if ((p[0] & forms[i].mask) != forms[i].lead)
			continue;
		for (size_t k = 1; k <= i; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (p[k] & 0x3f);
		}
		if (c < forms[i].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return 0;
		*point = c;
		return i + 1;
	}
	return 0;
}

size_t utf8_len(const char *s)
{
	uint32_t point;

	return utf8_char(s, strnlen(s, 4), &point);
}

void url_add(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			buf_add_ch(out, *text);
		else
			buf_addf(out, "%%%02X", (unsigned char)*text);
	}
}
