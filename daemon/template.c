#include "daemon/template.h"

#include <errno.h>

#include "base/log.h"

#define FILE_MOST (256 * 1024)
#define DEPTH_MOST 8

/* Where a name is looked for: the innermost first. */
struct scope {
	const json_t *values;
	const struct scope *around;
};

struct rendering {
	bool html;
	int depth;
	struct buf *out;
	struct err *e;
};

static const json_t *look_up(const struct scope *scope, const char *name)
{
	for (; scope; scope = scope->around) {
		const json_t *value = json_object_get(scope->values, name);

		if (value)
			return value;
	}
	return NULL;
}

static void add_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			buf_add_str(out, "&amp;");
		else if (*text == '<')
			buf_add_str(out, "&lt;");
		else if (*text == '>')
			buf_add_str(out, "&gt;");
		else if (*text == '"')
			buf_add_str(out, "&quot;");
		else
			buf_add_ch(out, *text);
	}
}

static int add_value(struct rendering *r, const struct scope *scope, const char *name)
{
	const json_t *value = look_up(scope, name);

	if (!value)
		return err_set(r->e, ERR_CONFIG, "there is no {{%s}}", name);
	if (json_is_integer(value))
		buf_addf(r->out, "%lld", (long long)json_integer_value(value));
	else if (json_is_string(value) && r->html)
		add_escaped(r->out, json_string_value(value));
	else if (json_is_string(value))
		buf_add_str(r->out, json_string_value(value));
	return 0;
}

static int render(struct rendering *, const char *text, const char *end, const struct scope *);

static int render_in(struct rendering *r, const char *text, const char *end, const json_t *values, const struct scope *around)
{
	struct scope scope = { values, around };

	return render(r, text, end, &scope);
}

static int render_section(struct rendering *r, const char *name, const char *text, const char *end, const struct scope *scope)
{
	const json_t *value = look_up(scope, name);
	const char *key;
	json_t *item;
	size_t i;

	if (!value)
		return err_set(r->e, ERR_CONFIG, "there is no {{#%s}}", name);
	if (json_is_string(value))
		return *json_string_value(value) ? render(r, text, end, scope) : 0;
	json_array_foreach(value, i, item)
		if (render_in(r, text, end, item, scope) < 0)
			return -1;
	json_object_foreach((json_t *)value, key, item) {
		_cleanup_json_ json_t *pair = json_pack("{s:s, s:O}", "name", key, "value", item);

		if (render_in(r, text, end, pair, scope) < 0)
			return -1;
	}
	return 0;
}

static int render(struct rendering *r, const char *text, const char *end, const struct scope *scope)
{
	if (++r->depth > DEPTH_MOST)
		return err_set(r->e, ERR_CONFIG, "sections are nested too deeply");
	while (text < end) {
		const char *open = memmem(text, (size_t)(end - text), "{{", 2);
		const char *close = open ? memmem(open, (size_t)(end - open), "}}", 2) : NULL;
		_cleanup_free_ char *name = close ? xstrndup(open + 2, (size_t)(close - open - 2)) : NULL;

		buf_add(r->out, text, (size_t)((close ? open : end) - text));
		if (!close)
			break;
		text = close + 2;
		if (*name == '#') {
			_cleanup_free_ char *mark = xasprintf("{{/%s}}", name + 1);
			const char *last = memmem(text, (size_t)(end - text), mark, strlen(mark));

			if (!last)
				return err_set(r->e, ERR_CONFIG, "{{%s}} has no end, %s", name, mark);
			if (render_section(r, name + 1, text, last, scope) < 0)
				return -1;
			text = last + strlen(mark);
		} else if (add_value(r, scope, name) < 0) {
			return -1;
		}
	}
	r->depth--;
	return 0;
}

int template_render(const char *text, const json_t *values, bool html, struct buf *out, struct err *e)
{
	struct rendering r = { .html = html, .out = out, .e = e };

	return render_in(&r, text, text + strlen(text), values, NULL);
}

static const struct {
	const char *name, *text;
} ours[] = {
#include "daemon/template.inc"
};

static const char *find_ours(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (str_eq(ours[i].name, name))
			return ours[i].text;
	die("there is no template %s", name);
}

/* 1 if it was rendered, 0 if there is no such file. */
static int try_file(const char *path, const json_t *values, bool html, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	size_t got;

	if (!file)
		return errno == ENOENT ? 0 : err_errno(e, ERR_CONFIG, "reading %s", path);
	do {
		got = fread(buf_reserve(&text, 4096), 1, 4096, file);
		text.len += got;
		if (text.len > FILE_MOST)
			return err_set(e, ERR_CONFIG, "the template %s is too large", path);
	} while (got);
	buf_add(&text, "", 0);
	if (template_render(buf_str(&text), values, html, out, e) < 0)
		return err_prefix(e, "the template %s", path);
	return 1;
}

void template_render_file(const char *directory, const char *name, const json_t *values, struct buf *out)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
	bool html = str_ends(name, ".html");
	struct err e = { 0 };
	int done = *directory ? try_file(path, values, html, out, &e) : 0;

	if (done > 0)
		return;
	if (done < 0)
		log_err(LOG_LEVEL_WARN, &e);
	buf_clear(out);
	if (template_render(find_ours(name), values, html, out, &e) < 0)
		die("the template %s: %s", name, e.message);
}
