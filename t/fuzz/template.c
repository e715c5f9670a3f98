/*
 * Templates: what is written in them and what is put into them.  The input: flags, the value as JSON, a line, the template, a
 * line, a second one that it may include.  Whatever the value holds, no markup comes out that is not in the templates.
 */
#include "base/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECE_MOST 320
#define PARTS_MOST 64	/* of one rendering */
#define ITEMS_MOST 2	/* of a list: sections inside each other multiply */

enum { VALUE, MAIN, OTHER, PIECES };

struct input {
	char piece[PIECES][PIECE_MOST];
	int parts;
};

static const char *find(void *arg, const char *name)
{
	struct input *in = arg;

	if (in->parts++ == PARTS_MOST)
		return NULL;
	return str_eq(name, "main") ? in->piece[MAIN] : str_eq(name, "other") ? in->piece[OTHER] : NULL;
}

static void split(struct input *in, const uint8_t *data, size_t size)
{
	int piece = 0;
	size_t len = 0;

	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n' && piece < OTHER) {
			piece++;
			len = 0;
		} else if (len + 1 < PIECE_MOST) {
			in->piece[piece][len++] = (char)data[i];
		}
	}
}

static bool is_small(const json_t *value)
{
	const char *name;
	const json_t *item;
	size_t i;

	if (json_is_array(value) && json_array_size(value) > ITEMS_MOST)
		return false;
	json_array_foreach (value, i, item)
		if (!is_small(item))
			return false;
	json_object_foreach ((json_t *)value, name, item)
		if (!is_small(item))
			return false;
	return true;
}

/* The one piece of markup that rendering itself writes is <wbr>, for {{~name}}. */
static void check_markup(const struct input *in, const struct buf *out)
{
	const char *end = out->data + out->len;

	for (const char *at = out->data; at < end; at++) {
		if (end - at >= 5 && !memcmp(at, "<wbr>", 5))
			at += 4;
		else if (*at && strchr("<>\"'", *at) && !strchr(in->piece[MAIN], *at) && !strchr(in->piece[OTHER], *at))
			die("%c was put in", *at);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { 0 };
	struct template_env env = { .find = find, .arg = &in };
	struct buf out = BUF_INIT;
	json_t *value;
	struct err e;

	if (!size)
		return 0;
	env.strict = data[0] & 1;
	env.plain = data[0] & 2;
	split(&in, data + 1, size - 1);
	value = json_read(in.piece[VALUE], strlen(in.piece[VALUE]), &e);
	if (value && is_small(value) && template_render(&out, "main", value, &env, &e) == 0 && out.len && !env.plain)
		check_markup(&in, &out);
	json_decref(value);
	buf_release(&out);
	return 0;
}
