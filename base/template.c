#include "base/template.h"

#include <ctype.h>

#define NAME_MOST 100
#define DEPTH_MOST 24	/* sections and partials inside each other */

struct template_scope {
	json_t *value;
	const struct template_scope *outer;
};

/* Where we are in a text. */
struct place {
	const char *name;	/* of the template */
	const char *text;	/* all of it, for line numbers */
	const char *at, *end;
};

struct rendering {
	const struct template_env *env;
	struct buf *out;
	struct err *e;
	int depth;
	bool breaks;		/* the text that is put may be broken */
};

struct tag {
	char kind;		/* v: variable, ~: one that may be broken; else # ^ / > ! */
	bool line;		/* it has a line for itself */
	char name[NAME_MOST];
	const char *start, *after;
};

/* Text as it may stand in an element or a quoted attribute. */
static void add_escaped(struct buf *out, const char *text)
{
	while (*text) {
		size_t plain = strcspn(text, "&<>\"'");

		buf_add(out, text, plain);
		text += plain;
		switch (*text) {
		case '&': buf_add_str(out, "&amp;"); break;
		case '<': buf_add_str(out, "&lt;"); break;
		case '>': buf_add_str(out, "&gt;"); break;
		case '"': buf_add_str(out, "&quot;"); break;
		case '\'': buf_add_str(out, "&#39;"); break;
		default: return;
		}
		text++;
	}
}

/* The same for an element; a line may end behind each of these. */
static void add_breakable(struct buf *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "./@_:");
		_cleanup_free_ char *part = NULL;

		len += text[len] != '\0';
		part = xstrndup(text, len);
		add_escaped(out, part);
		text += len;
		if (*text)
			buf_add_str(out, "<wbr>");
	}
}

static int wrong(struct rendering *r, const struct place *p, const char *at, const char *what, const char *name)
{
	size_t line = 1;

	for (const char *c = p->text; c < at; c++)
		line += *c == '\n';
	return err_set(r->e, ERR_INTERNAL, "template %s, line %zu: %s %s", p->name, line, what, name);
}

/*
 * Values.
 */

static bool is_nothing(const json_t *value)
{
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		return !json_string_length(value);
	case JSON_INTEGER:
		return !json_integer_value(value);
	case JSON_REAL:
		return json_real_value(value) == 0;
	case JSON_ARRAY:
		return !json_array_size(value);
	case JSON_OBJECT:
		return !json_object_size(value);
	case JSON_TRUE:
		return false;
	default:
		return true;
	}
}

static bool has_word(const json_t *list, const char *word)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (str_eq(json_string_value(item), word))
			return true;
	return false;
}

/* One step further in; NULL: there is nothing.  New reference. */
static json_t *enter(json_t *value, const char *word)
{
	char *end;
	unsigned long n;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return json_incref(json_object_get(value, word));
	case JSON_ARRAY:
		n = strtoul(word, &end, 10);
		if (!*end)
			return json_incref(json_array_get(value, n));
		if (!strcmp(word, "count"))
			return json_integer((json_int_t)json_array_size(value));
		return json_boolean(has_word(value, word));
	case JSON_STRING:
		return json_boolean(!strcmp(json_string_value(value), word));
	default:
		return NULL;
	}
}

/* The innermost object from here on. */
static const struct template_scope *object_of(const struct template_scope *s)
{
	while (s && !json_is_object(s->value))
		s = s->outer;
	return s;
}

/* The first part of a dotted name: in the object we are in, or (further) in the nearest one that has it.  Borrowed. */
static json_t *find_first(const struct template_scope *s, const char *name, bool further)
{
	for (s = object_of(s); s; s = object_of(s->outer)) {
		json_t *found = json_object_get(s->value, name);

		if (found || !further)
			return found;
	}
	return NULL;
}

/* New reference; NULL: not there. */
static json_t *find(const struct template_scope *s, const char *name)
{
	char copy[NAME_MOST], *rest = copy;
	bool out = str_starts(name, "..");
	json_t *value;

	if (!strcmp(name, "."))
		return json_incref(s->value);
	if (out && (s = object_of(s)))
		s = s->outer;
	snprintf(copy, sizeof(copy), "%s", out ? name + 2 : name);
	value = json_incref(find_first(s, strsep(&rest, "."), out || *name == '_'));
	while (value && rest) {
		_cleanup_json_ json_t *outer = value;

		value = enter(outer, strsep(&rest, "."));
	}
	return value;
}

static void put_text(struct rendering *r, const char *text)
{
	if (r->env->plain)
		buf_add_str(r->out, text);
	else if (r->breaks)
		add_breakable(r->out, text);
	else
		add_escaped(r->out, text);
}

static int put_value(struct rendering *r, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		put_text(r, json_string_value(value));
		return 0;
	case JSON_INTEGER:
		buf_addf(r->out, "%lld", (long long)json_integer_value(value));
		return 0;
	case JSON_REAL:
		buf_addf(r->out, "%g", json_real_value(value));
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_add_str(r->out, json_is_true(value) ? "true" : "false");
		return 0;
	case JSON_OBJECT:
		if (!json_str(value, "text"))
			return -1;
		put_text(r, json_str(value, "text"));
		return 0;
	case JSON_ARRAY:
		return -1;
	case JSON_NULL:
		return 0;
	}
	return -1;
}

/*
 * Tags.
 */

/* A tag alone on its line takes the line with it, unless it is a variable. */
static void take_line(const char *from, const char *end, struct tag *tag)
{
	const char *begin = tag->start, *behind = tag->after;

	while (begin > from && (begin[-1] == ' ' || begin[-1] == '\t'))
		begin--;
	while (behind < end && (*behind == ' ' || *behind == '\t'))
		behind++;
	if ((begin > from && begin[-1] != '\n') || behind == end || *behind != '\n')
		return;
	tag->line = true;
	tag->start = begin;
	tag->after = behind + 1;
}

/* 1: a tag, 0: there is none any more, -1: broken. */
static int next_tag(struct rendering *r, const struct place *p, const char *from, struct tag *tag)
{
	const char *open = memmem(from, (size_t)(p->end - from), "{{", 2), *close, *name;
	size_t len;

	if (!open)
		return 0;
	close = memmem(open, (size_t)(p->end - open), "}}", 2);
	if (!close)
		return wrong(r, p, open, "no end of the tag", "{{");
	name = open + 2;
	tag->kind = strchr("#^/>!~", *name) ? *name++ : 'v';
	while (name < close && isspace((unsigned char)*name))
		name++;
	for (len = (size_t)(close - name); len && isspace((unsigned char)name[len - 1]);)
		len--;
	tag->start = open;
	tag->after = close + 2;
	tag->line = false;
	if (tag->kind != 'v' && tag->kind != '~')
		take_line(from, p->end, tag);
	if (tag->kind == '!')
		return 1;
	if (!len || len >= NAME_MOST)
		return wrong(r, p, open, "a tag without a name, or with a long one:", "{{");
	memcpy(tag->name, name, len);
	tag->name[len] = '\0';
	if (tag->name[strcspn(tag->name, " \t\n{}&\"'<>=")])
		return wrong(r, p, open, "this is not a name:", tag->name);
	return 1;
}

/* The {{/name}} that belongs to a section's begin. */
static int find_end(struct rendering *r, const struct place *p, const struct tag *begin, struct tag *end)
{
	const char *at = begin->after;
	int inside = 0, found;

	while ((found = next_tag(r, p, at, end)) > 0) {
		at = end->after;
		if (end->kind == '#' || end->kind == '^') {
			inside++;
		} else if (end->kind == '/' && inside--  == 0) {
			if (!strcmp(end->name, begin->name))
				return 0;
			return wrong(r, p, end->start, "a different section ends:", end->name);
		}
	}
	return found < 0 ? -1 : wrong(r, p, begin->start, "no end of the section", begin->name);
}

static int render(struct rendering *, struct place, const struct template_scope *);

static int render_section(struct rendering *r, struct place inner, json_t *value, const struct template_scope *outer)
{
	struct template_scope s = { .outer = outer };
	size_t i;

	if (!json_is_array(value)) {
		s.value = value;
		return json_is_boolean(value) ? render(r, inner, outer) : render(r, inner, &s);
	}
	json_array_foreach (value, i, s.value)
		if (render(r, inner, &s) < 0)
			return -1;
	return 0;
}

static int do_section(struct rendering *r, struct place *p, const struct tag *begin, const struct template_scope *s)
{
	_cleanup_json_ json_t *value = find(s, begin->name);
	struct place inner = *p;
	struct tag end;

	if (find_end(r, p, begin, &end) < 0)
		return -1;
	inner.at = begin->after;
	inner.end = end.start;
	p->at = end.after;
	if (is_nothing(value) != (begin->kind == '^'))
		return 0;
	return begin->kind == '^' ? render(r, inner, s) : render_section(r, inner, value, s);
}

static int do_partial(struct rendering *r, const struct place *p, const struct tag *tag, const struct template_scope *s)
{
	const char *text = r->env->find(r->env->arg, tag->name);
	size_t len;

	if (!text)
		return wrong(r, p, tag->start, "there is no template", tag->name);
	len = strlen(text);
	if (!tag->line && len && text[len - 1] == '\n')
		len--;		/* in the middle of a line, it ends without one */
	return render(r, (struct place){ tag->name, text, text, text + len }, s);
}

static int do_variable(struct rendering *r, const struct place *p, const struct tag *tag,
		       const struct template_scope *s)
{
	_cleanup_json_ json_t *value = find(s, tag->name);
	int result;

	r->breaks = tag->kind == '~';
	result = value ? put_value(r, value) : 0;
	if (result < 0)
		return wrong(r, p, tag->start, "this is an object or a list, not a text:", tag->name);
	if (!value && r->env->strict)
		return wrong(r, p, tag->start, "there is no", tag->name);
	return 0;
}

static int do_tag(struct rendering *r, struct place *p, const struct tag *tag, const struct template_scope *s)
{
	p->at = tag->after;
	switch (tag->kind) {
	case '#':
	case '^':
		return do_section(r, p, tag, s);
	case '>':
		return do_partial(r, p, tag, s);
	case '/':
		return wrong(r, p, tag->start, "no section begins that ends here:", tag->name);
	case '!':
		return 0;
	default:
		return do_variable(r, p, tag, s);
	}
}

static int render(struct rendering *r, struct place p, const struct template_scope *s)
{
	struct tag tag;
	int found;

	if (++r->depth > DEPTH_MOST)
		return wrong(r, &p, p.at, "too many sections and templates inside each other in", p.name);
	while ((found = next_tag(r, &p, p.at, &tag)) > 0) {
		buf_add(r->out, p.at, (size_t)(tag.start - p.at));
		if (do_tag(r, &p, &tag, s) < 0)
			return -1;
	}
	buf_add(r->out, p.at, (size_t)(p.end - p.at));
	r->depth--;
	return found;
}

int template_render(struct buf *out, const char *name, json_t *value, const struct template_env *env, struct err *e)
{
	struct template_scope s = { .value = value };
	struct rendering r = { .env = env, .out = out, .e = e };
	const char *text = env->find(env->arg, name);

	if (!text)
		return err_set(e, ERR_INTERNAL, "there is no template %s", name);
	return render(&r, (struct place){ name, text, text, text + strlen(text) }, &s);
}
