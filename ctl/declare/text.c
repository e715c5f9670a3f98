/* A state as YAML: what is as it would be anyway is left out. */
#include <ctype.h>

#include "ctl/declare/declare.h"

/* Plain where no reader of YAML takes it for anything but this text. */
static bool is_plain(const char *text)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off", "null", "y", "n", NULL };
	_cleanup_free_ char *low = xstrdup(text);

	for (char *p = low; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!isalpha((unsigned char)*text) || strv_has((char *const *)words, low))
		return false;
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-/@", *p) && !(*p == ':' && p[1] == '/'))
			return false;
	return true;
}

/* A JSON string is one of YAML, too. */
static void put_text(struct buf *out, const json_t *value, bool bare)
{
	const char *text = json_string_value(value) ? json_string_value(value) : "";
	_cleanup_free_ char *quoted = NULL;

	if (bare || is_plain(text)) {
		buf_add_str(out, text);
		return;
	}
	quoted = json_dumps(value, JSON_ENCODE_ANY);
	buf_add_str(out, quoted ? quoted : "\"\"");
}

static bool is_bare(const struct declare_field *f)
{
	return f->type == DECLARE_FLAG || f->type == DECLARE_ONOFF || f->type == DECLARE_SWITCH ||
	       f->type == DECLARE_DISABLED || f->type == DECLARE_NUMBER;
}

static void put_field(struct buf *out, const struct declare_field *f, const json_t *value)
{
	_cleanup_json_ json_t *otherwise = declare_otherwise(f);
	const json_t *one;
	size_t i;

	if (!value || json_equal(value, otherwise) ||
	    (!f->otherwise && json_is_string(value) && !*json_string_value(value)))
		return;
	if (f->type == DECLARE_FLAG && !f->otherwise && str_eq(json_string_value(value), "false"))
		return;
	buf_addf(out, "    %s: ", f->member);
	if (json_is_array(value)) {
		buf_add_ch(out, '[');
		json_array_foreach (value, i, one) {
			buf_add_str(out, i ? ", " : "");
			put_text(out, one, false);
		}
		buf_add_str(out, "]\n");
		return;
	}
	put_text(out, value, is_bare(f));
	buf_add_ch(out, '\n');
}

static void put_thing(struct buf *out, const struct declare_kind *kind, const json_t *thing)
{
	bool has_ca = json_str(thing, "ca") && *json_str(thing, "ca");

	buf_add_str(out, kind->count ? "  - name: " : "  - ");
	put_text(out, json_object_get(thing, "name"), false);
	buf_add_ch(out, '\n');
	for (size_t i = 0; i < kind->count; i++) {
		const struct declare_field *f = &kind->fields[i];

		if (!(has_ca && str_eq(f->member, "directory")) &&
		    !(str_eq(f->member, "recipients") && json_str(thing, "owner") && *json_str(thing, "owner")))
			put_field(out, f, json_object_get(thing, f->member));
	}
}

void declare_write(struct buf *out, const json_t *state)
{
	buf_add_str(out, "# The state of this server, without secrets. certeractl apply makes a server match it.\n");
	for (size_t i = 0; i < declare_kinds_count; i++) {
		const json_t *list = json_object_get(state, declare_kinds[i].word), *thing;
		size_t k;

		buf_addf(out, "\n%s:%s\n", declare_kinds[i].word, json_array_size(list) ? "" : " []");
		json_array_foreach (list, k, thing)
			put_thing(out, &declare_kinds[i], thing);
	}
}
