#include "base/http/params.h"

#include <ctype.h>

#include "base/buf.h"

#define PARAMS_MOST 100	/* each is compared with those before it */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of the two digits at s; -1: they are none. */
static int hex_byte(const char *s)
{
	int high = hex_digit(s[0]), low = hex_digit(s[1]);

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

char *params_decode(const char *text, size_t len, bool form)
{
	_cleanup_wipe_ char *out = xcalloc(1, len + 1);
	char *to = out;

	for (size_t i = 0; i < len; i++) {
		int byte = (unsigned char)text[i];

		if (byte == '+' && form) {
			byte = ' ';
		} else if (byte == '%') {
			byte = len - i > 2 ? hex_byte(text + i + 1) : -1;
			i += 2;
		}
		if (byte <= 0)
			return NULL;
		*to++ = (char)byte;
	}
	return TAKE(out);
}

void params_add(struct params *p, const char *name, char *value)
{
	p->item = xreallocarray(p->item, p->count + 1, sizeof(*p->item));
	p->item[p->count++] = (struct param){ xstrdup(name), value };
}

static int add_pair(struct params *p, const char *text, size_t len, struct err *e)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t)(equals - text) : len;
	_cleanup_free_ char *name = params_decode(text, name_len, true);
	char *value;

	if (!name)
		return err_set(e, ERR_USAGE, "a parameter's name is not encoded as a form's");
	if (p->count == PARAMS_MOST)
		return err_set(e, ERR_USAGE, "there are more than %d parameters", PARAMS_MOST);
	if (params_get(p, name))
		return err_set(e, ERR_USAGE, "the parameter %.40s is given twice", name);
	value = equals ? params_decode(equals + 1, len - name_len - 1, true) : xstrdup("");
	if (!value)
		return err_set(e, ERR_USAGE, "the parameter %.40s is not encoded as a form's", name);
	params_add(p, name, value);
	return 0;
}

int params_parse(struct params *p, const char *text, size_t len, struct err *e)
{
	const char *end = text + len;

	while (text < end) {
		const char *and = memchr(text, '&', (size_t)(end - text));
		size_t pair = (size_t)((and ? and : end) - text);

		if (pair && add_pair(p, text, pair, e) < 0)
			return -1;
		text += pair + 1;
	}
	return 0;
}

const char *params_get(const struct params *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (!strcmp(p->item[i].name, name))
			return p->item[i].value;
	return NULL;
}

void params_release(struct params *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->item[i].name);
		wipe_free(p->item[i].value);
	}
	free(p->item);
	*p = (struct params){ NULL, 0 };
}

char *params_link(const char *path, const char *name, const char *value)
{
	struct buf out = BUF_INIT;

	buf_addf(&out, "%s?%s=", path, name);
	for (; *value; value++) {
		if (isalnum((unsigned char)*value) || strchr("-._~/", *value))
			buf_add_ch(&out, *value);
		else
			buf_addf(&out, "%%%02X", (unsigned char)*value);
	}
	return buf_detach(&out);
}
