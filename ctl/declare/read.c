/* A file of YAML (or JSON, which is YAML) as a state. */
#include <errno.h>
#include <yaml.h>

#include "ctl/declare/declare.h"

#define DEPTH_MOST 8

struct declare_reader {
	const char *path;
	yaml_document_t document;
};

static json_t *node_json(struct declare_reader *r, const yaml_node_t *node, int depth, struct err *e);

static json_t *sequence_json(struct declare_reader *r, const yaml_node_t *node, int depth, struct err *e)
{
	_cleanup_json_ json_t *list = json_array();

	for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		json_t *one = node_json(r, yaml_document_get_node(&r->document, *item), depth + 1, e);

		if (!one)
			return NULL;
		json_array_append_new(list, one);
	}
	return TAKE(list);
}

static json_t *mapping_json(struct declare_reader *r, const yaml_node_t *node, int depth, struct err *e)
{
	_cleanup_json_ json_t *object = json_object();

	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
		json_t *value = node_json(r, yaml_document_get_node(&r->document, pair->value), depth + 1, e);

		if (!value)
			return NULL;
		if (key->type != YAML_SCALAR_NODE || json_object_get(object, (const char *)key->data.scalar.value)) {
			json_decref(value);
			err_set(e, ERR_INVALID, "%s:%zu: each member must be a word, and must be unique", r->path,
				key->start_mark.line + 1);
			return NULL;
		}
		json_object_set_new(object, (const char *)key->data.scalar.value, value);
	}
	return TAKE(object);
}

static json_t *node_json(struct declare_reader *r, const yaml_node_t *node, int depth, struct err *e)
{
	json_t *string;
	const char *text;

	if (depth > DEPTH_MOST) {
		err_set(e, ERR_INVALID, "%s:%zu: this is nested too deep", r->path, node->start_mark.line + 1);
		return NULL;
	}
	if (node->type == YAML_SEQUENCE_NODE)
		return sequence_json(r, node, depth, e);
	if (node->type == YAML_MAPPING_NODE)
		return mapping_json(r, node, depth, e);
	text = (const char *)node->data.scalar.value;
	if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!*text || str_eq(text, "~") || str_eq(text, "null")))
		return json_null();
	string = json_string(text);	/* NULL: it is no UTF-8 */
	return string ? string : json_null();
}

static json_t *parse(const char *path, FILE *file, struct err *e)
{
	struct declare_reader r = { .path = path };
	yaml_parser_t parser;
	json_t *value = NULL;

	if (!yaml_parser_initialize(&parser))
		die("out of memory");
	yaml_parser_set_input_file(&parser, file);
	if (yaml_parser_load(&parser, &r.document)) {
		const yaml_node_t *root = yaml_document_get_root_node(&r.document);

		value = root ? node_json(&r, root, 0, e) : json_object();
		yaml_document_delete(&r.document);
	} else {
		err_set(e, ERR_INVALID, "%s:%zu: %s", path, parser.problem_mark.line + 1,
			parser.problem ? parser.problem : "this is not YAML");
	}
	yaml_parser_delete(&parser);
	return value;
}

/*
 * What is parsed, in the form of a state.
 */

static json_t *read_thing(const struct declare_kind *kind, const json_t *typed, struct err *e)
{
	_cleanup_json_ json_t *thing = json_object();
	const char *member, *name = json_is_string(typed) ? json_string_value(typed) : json_str(typed, "name");
	const json_t *value;

	if (!name || !*name)
		return err_set(e, ERR_INVALID, "a %s has no name", kind->one), NULL;
	json_put_str(thing, "name", name);
	json_object_foreach ((json_t *)typed, member, value) {
		const struct declare_field *f = declare_find(kind, member);
		json_t *own;

		if (str_eq(member, "name"))
			continue;
		if (!f)
			return err_set(e, ERR_INVALID, "the %s %s has a member \"%.40s\" that is not known", kind->one,
				       name, member),
			       NULL;
		own = declare_read(f, value, e);
		if (!own)
			return err_prefix(e, "the %s %s", kind->one, name), NULL;
		json_object_set_new(thing, member, own);
	}
	return TAKE(thing);
}

static json_t *read_section(const struct declare_kind *kind, const json_t *typed, struct err *e)
{
	_cleanup_json_ json_t *list = json_array();
	const json_t *one;
	size_t i;

	if (!json_is_array(typed) && !json_is_null(typed))
		return err_set(e, ERR_INVALID, "\"%s\" is not a list", kind->word), NULL;
	json_array_foreach (typed, i, one) {
		json_t *thing = read_thing(kind, one, e);

		if (!thing)
			return NULL;
		json_array_append_new(list, thing);
	}
	return TAKE(list);
}

static int check_sections(const json_t *file, const char *path, struct err *e)
{
	const char *word;
	const json_t *value;

	if (!json_is_object(file))
		return err_set(e, ERR_INVALID, "%s has no sections like \"certificates:\"", path);
	json_object_foreach ((json_t *)file, word, value) {
		bool known = false;

		for (size_t i = 0; i < declare_kinds_count; i++)
			known |= str_eq(word, declare_kinds[i].word);
		if (!known)
			return err_set(e, ERR_INVALID, "%s has a section \"%.40s\" that is not known", path, word);
	}
	return 0;
}

json_t *declare_file(const char *path, struct err *e)
{
	_cleanup_fclose_ FILE *file = strcmp(path, "-") ? fopen(path, "re") : NULL;
	_cleanup_json_ json_t *typed = NULL, *state = json_object();

	if (!file && strcmp(path, "-"))
		return err_errno(e, ERR_USAGE, "reading %s", path), NULL;
	typed = parse(path, file ? file : stdin, e);
	if (!typed || check_sections(typed, path, e) < 0)
		return NULL;
	for (size_t i = 0; i < declare_kinds_count; i++) {
		const json_t *section = json_object_get(typed, declare_kinds[i].word);
		json_t *list = section ? read_section(&declare_kinds[i], section, e) : NULL;

		if (section && !list)
			return err_prefix(e, "%s", path), NULL;
		if (list)
			json_object_set_new(state, declare_kinds[i].word, list);
	}
	return TAKE(state);
}
