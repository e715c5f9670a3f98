#include "base/err.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>

#include "base/buf.h"
#include "base/words.h"

static const struct {
	const char *name;
	int http, exit;
	const char *title;
} kinds[] = {
#define ERR_KIND(kind, http, code, title) [ERR_##kind] = { #kind, http, code, title },
#include "base/err.def"
#undef ERR_KIND
};

/* Errors carry strangers' words to terminals, pages and mails: all of them go through here. */
static void put_with(void (*add)(struct buf *, const void *, size_t, size_t), char *field, size_t size,
		     const char *text)
{
	_cleanup_buf_ struct buf fit = BUF_INIT;

	add(&fit, text, strlen(text), size - 1);
	memcpy(field, buf_str(&fit), fit.len + 1);
}

static void put(char *field, size_t size, const char *text)
{
	put_with(words_add, field, size, text);
}

/* The arguments may be fields of the very error that is written to, so the text is made elsewhere first. */
static PRINTF_LIKE(1, 0) char *vtext(const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		die("the format \"%s\" cannot be printed", fmt);
	return text;
}

#define TEXT(fmt)                                                                                                      \
	__extension__({                                                                                                \
		va_list ap_;                                                                                           \
		va_start(ap_, fmt);                                                                                    \
		char *text_ = vtext(fmt, ap_);                                                                         \
		va_end(ap_);                                                                                           \
		text_;                                                                                                 \
	})

static void start(struct err *e, enum err_kind kind, const char *message)
{
	err_clear(e);
	e->kind = kind;
	put(e->message, sizeof(e->message), message);
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	if (e) {
		_cleanup_free_ char *text = TEXT(fmt);

		start(e, kind, text);
	}
	return -1;
}

int err_errno(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	int number = errno;

	if (e) {
		_cleanup_free_ char *text = TEXT(fmt);
		char reason[128], *why = strerror_r(number, reason, sizeof(reason));
		/* "No such file" goes on in lower case, "RFS specific error" does not. */
		bool word = isupper((unsigned char)why[0]) && islower((unsigned char)why[1]);
		_cleanup_free_ char *both =
			xasprintf("%s: %c%s", text, word ? tolower((unsigned char)why[0]) : why[0], why + 1);

		start(e, kind, both);
	}
	errno = number;
	return -1;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	if (e) {
		_cleanup_free_ char *text = TEXT(fmt);
		_cleanup_free_ char *both = xasprintf("%s: %s", text, e->message);

		put(e->message, sizeof(e->message), both);
	}
	return -1;
}

int err_detail(struct err *e, const char *fmt, ...)
{
	if (e) {
		_cleanup_free_ char *text = TEXT(fmt);

		put_with(words_add_lines, e->detail, sizeof(e->detail), text);
	}
	return -1;
}

/* "no such file", but neither "www.example.org" nor "certera.yaml:3". */
static bool is_word(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz");

	return len && (!text[len] || strchr(" ,;:'", text[len])) && !(text[len] == ':' && text[len + 1] != ' ');
}

char *err_sentence(const char *message)
{
	size_t len = strlen(message);
	const char *blank = strrchr(message, ' '), *last = blank ? blank + 1 : message;
	bool ended = !len || strchr(".?!:", message[len - 1]) || strchr(last, '/');
	char *text = xasprintf("%s%s", message, ended ? "" : ".");

	if (is_word(text))
		*text = (char)toupper((unsigned char)*text);
	return text;
}

/* All of `from` in a text by `to`. */
static void exchange(char *text, size_t size, const char *from, const char *to)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *at = text;

	for (const char *hit; (hit = strstr(at, from)); at = hit + strlen(from)) {
		buf_add(&out, at, (size_t)(hit - at));
		buf_add_str(&out, to);
	}
	buf_add_str(&out, at);
	put(text, size, buf_str(&out));
}

void err_reword(struct err *e, const char *from, const char *to)
{
	exchange(e->message, sizeof(e->message), from, to);
	exchange(e->hint, sizeof(e->hint), from, to);
}

int err_hint(struct err *e, const char *fmt, ...)
{
	if (e) {
		_cleanup_free_ char *text = TEXT(fmt);

		put(e->hint, sizeof(e->hint), text);
	}
	return -1;
}

int err_code(struct err *e, const char *code)
{
	if (e)
		put(e->code, sizeof(e->code), code ? code : "");
	return -1;
}

int err_field(struct err *e, const char *field)
{
	if (e && !*e->field)
		put(e->field, sizeof(e->field), field);
	return -1;
}

int err_part(struct err *e, const char *name, const char *code, const char *detail)
{
	_cleanup_free_ char *n = words_line(name, WORDS_MANY), *c = words_line(code ? code : "", WORDS_SOME);
	_cleanup_free_ char *d = words_line(detail ? detail : "", WORDS_MANY);
	size_t used = e ? strlen(e->parts) : 0;

	if (e && used + strlen(n) + strlen(c) + strlen(d) + sizeof("\t\t\n") <= sizeof(e->parts))
		snprintf(e->parts + used, sizeof(e->parts) - used, "%s\t%s\t%s\n", n, c, d);
	return -1;
}

void err_clear(struct err *e)
{
	if (e)
		*e = (struct err){ .kind = ERR_NONE };
}

int err_http_status(enum err_kind kind)
{
	return kinds[kind].http;
}

int err_exit_code(enum err_kind kind)
{
	return kinds[kind].exit;
}

const char *err_title(enum err_kind kind)
{
	return kinds[kind].title;
}

const char *err_kind_name(enum err_kind kind)
{
	return kinds[kind].name;
}

enum err_kind err_kind_by_name(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++)
		if (!strcasecmp(kinds[i].name, name))
			return (enum err_kind)i;
	return ERR_INTERNAL;
}
