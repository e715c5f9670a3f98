#include "webui/page/form.h"

#include <ctype.h>

#include "base/encode.h"

#define FILES "_files"
#define FIELDS_MOST 2000	/* check boxes: a page has a thousand; each copies what came before it under its name */

/* Lines end in LF: browsers send CR LF. */
static char *plain_lines(const char *text, size_t len)
{
	char *out = xcalloc(1, len + 1), *to = out;

	for (size_t i = 0; i < len; i++)
		if (text[i] != '\r' || i + 1 >= len || text[i + 1] != '\n')
			*to++ = text[i];
	return out;
}

/*
 * A name may come more than once: check boxes, a text and a file, "false" before a check box that is ticked.  What is
 * not empty is put one below the other.
 */
static int put_text(json_t *form, const char *name, const char *text, size_t len, struct err *e)
{
	_cleanup_wipe_ char *value = plain_lines(text, len), *both = NULL;
	const char *before = json_str(form, name);
	json_t *string;

	if (before && *before)
		both = *value ? xasprintf("%s\n%s", before, value) : xstrdup(before);
	string = json_string(both ? both : value);
	if (!string)
		return err_set(e, ERR_USAGE, "the field %.40s of the form is not UTF-8", name);
	json_object_set_new(form, name, string);
	return 0;
}

static int too_many(struct err *e)
{
	return err_set(e, ERR_USAGE, "the form has more than %d fields", FIELDS_MOST);
}

/*
 * application/x-www-form-urlencoded.
 */

static int read_pair(json_t *form, const char *text, size_t len, struct err *e)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t)(equals - text) : len;
	_cleanup_free_ char *name = params_decode(text, name_len, true);
	_cleanup_wipe_ char *value = equals ? params_decode(equals + 1, len - name_len - 1, true) : xstrdup("");

	if (!name || !value)
		return err_set(e, ERR_USAGE, "the form is not encoded as one");
	return put_text(form, name, value, strlen(value), e);
}

static int read_urlencoded(json_t *form, struct slice body, struct err *e)
{
	const char *at = body.data, *end = at + body.len;
	int fields = 0;

	while (at < end) {
		const char *and = memchr(at, '&', (size_t)(end - at));
		size_t pair = (size_t)((and ? and : end) - at);

		if (fields++ == FIELDS_MOST)
			return too_many(e);
		if (pair && read_pair(form, at, pair, e) < 0)
			return -1;
		at += pair + 1;
	}
	return 0;
}

/*
 * multipart/form-data (RFC 7578).
 */

/* name="..." behind Content-Disposition.  Owned; NULL: it has none. */
static char *disposition_of(const char *head, size_t len, const char *parameter)
{
	_cleanup_free_ char *text = xstrndup(head, len);
	_cleanup_free_ char *key = xasprintf(" %s=\"", parameter);
	const char *line = strcasestr(text, "Content-Disposition:"), *at = line ? strstr(line, key) : NULL;

	if (!at)
		return NULL;
	at += strlen(key);
	return xstrndup(at, strcspn(at, "\"\r\n"));
}

/* A file that is not PEM travels as base64, as in JSON. */
static int put_file(json_t *form, const char *name, const char *data, size_t len, struct err *e)
{
	_cleanup_buf_wipe_ struct buf text = BUF_INIT;

	if (len && put_text(form, FILES, name, strlen(name), e) < 0)
		return -1;
	if (!len || (memmem(data, len, "-----BEGIN ", 11) && !memchr(data, 0, len)))
		return put_text(form, name, data, len, e);
	base64_add(&text, data, len);
	return put_text(form, name, buf_str(&text), text.len, e);
}

static int read_part(json_t *form, const char *part, size_t len, struct err *e)
{
	const char *blank = memmem(part, len, "\r\n\r\n", 4);
	size_t head = blank ? (size_t)(blank - part) : 0;
	_cleanup_free_ char *name = blank ? disposition_of(part, head, "name") : NULL;
	_cleanup_free_ char *file = blank ? disposition_of(part, head, "filename") : NULL;
	const char *data = part + head + 4;

	if (!name)
		return err_set(e, ERR_USAGE, "a part of the form has no name");
	len -= head + 4;
	if (file)
		return put_file(form, name, data, len, e);
	if (memchr(data, 0, len))
		return err_set(e, ERR_USAGE, "the field %.40s of the form is no text", name);
	return put_text(form, name, data, len, e);
}

static int read_multipart(json_t *form, struct slice body, const char *boundary, struct err *e)
{
	_cleanup_free_ char *line = xasprintf("--%s", boundary);
	const char *end = (const char *)body.data + body.len, *next;
	const char *at = memmem(body.data, body.len, line, strlen(line));
	int fields = 0;

	for (; at; at = next) {
		at += strlen(line);
		if (end - at < 2 || !memcmp(at, "--", 2))
			return 0;
		if (fields++ == FIELDS_MOST)
			return too_many(e);
		next = memmem(at, (size_t)(end - at), line, strlen(line));
		if (!next || next - at < 4)
			break;
		if (read_part(form, at + 2, (size_t)(next - at) - 4, e) < 0)	/* between two line ends */
			return -1;
	}
	return err_set(e, ERR_USAGE, "the form has no end");
}

/* Owned; NULL: the header names none. */
static char *boundary_of(const char *type)
{
	const char *at = strcasestr(type, "boundary=");

	if (!at)
		return NULL;
	at += strlen("boundary=");
	at += *at == '"';
	return xstrndup(at, strcspn(at, "\";, "));
}

int form_parse(json_t **form, const char *type, struct slice body, struct err *e)
{
	_cleanup_free_ char *boundary = NULL;

	if (!strncasecmp(type, "application/x-www-form-urlencoded", 33)) {
		*form = json_object();
		return read_urlencoded(*form, body, e);
	}
	if (strncasecmp(type, "multipart/form-data", 19))
		return 0;
	*form = json_object();
	boundary = boundary_of(type);
	if (!boundary || !*boundary)
		return err_set(e, ERR_USAGE, "the form does not say where its parts end");
	return read_multipart(*form, body, boundary, e);
}

int form_read(struct request *r, struct err *e)
{
	const char *type = request_header(r, HTTP_content_type);

	return type ? form_parse(&r->form, type, request_body(r), e) : 0;
}

/*
 * What is in it.
 */

const char *form_text(const struct request *r, const char *name)
{
	return json_str(r->form, name);
}

bool form_is_file(const struct request *r, const char *name)
{
	const char *names = form_text(r, FILES);
	_cleanup_strv_ char **files = names ? strv_split(names, "\n") : NULL;

	return strv_has(files, name);
}

static json_t *list_of(const char *text)
{
	_cleanup_strv_ char **lines = strv_split(text, "\n");
	json_t *list = json_array();

	for (char **line = lines; line && *line; line++) {
		char *from = *line + strspn(*line, " \t"), *to = from + strlen(from);

		while (to > from && isspace((unsigned char)to[-1]))
			*--to = '\0';
		if (*from)
			json_array_append_new(list, json_string(from));
	}
	return list;
}

/* NULL: as if it were not there. */
static json_t *value_of(const struct request *r, const char *name, const char *text, enum item_type type)
{
	_cleanup_strv_ char **empty = strv_split(form_text(r, "_empty") ? form_text(r, "_empty") : "", " ");
	const char *last = strrchr(text, '\n');

	if (!*text && !strv_has(empty, name))
		return NULL;
	switch (type) {
	case ITEM_FLAG:
		return json_boolean(str_eq(last ? last + 1 : text, "true"));
	case ITEM_LIST:
		return list_of(text);
	default:
		return json_string(text);
	}
}

json_t *form_body(const struct request *r, const struct api_call *call)
{
	json_t *body = json_object(), *text, *value;
	const char *name;

	json_object_foreach (r->form, name, text) {
		const struct call_item *item = call_item(call, name, false);

		value = *name == '_' ? NULL : value_of(r, name, json_string_value(text), item ? item->type : ITEM_TEXT);
		if (value)
			json_object_set_new(body, name, value);
	}
	return body;
}

/* Browsers leave out tabs and line ends, and take a backslash for a slash: "/<TAB>/elsewhere" is elsewhere. */
bool form_is_path(const char *text)
{
	if (!text || *text != '/' || text[1] == '/')
		return false;
	for (; *text; text++)
		if (iscntrl((unsigned char)*text) || *text == '\\')
			return false;
	return true;
}

const char *form_next(const struct request *r)
{
	const char *next = form_text(r, "_next"), *page = form_text(r, "_page");

	return form_is_path(next) ? next : form_is_path(page) ? page : "/";
}

int form_check_confirmed(const struct request *r, struct err *e)
{
	const char *typed = form_text(r, "_confirm"), *name = params_get(&r->path, "name");

	if (!typed || !name || str_eq(typed, name))
		return 0;
	err_set(e, ERR_INVALID, "to confirm, type the name: %s", name);
	return err_field(e, "_confirm");
}
