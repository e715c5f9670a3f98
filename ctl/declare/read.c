/* A file of YAML (or JSON, which is YAML) as a state. */
#include <ctype.h>
#include <yaml.h>

#include "ctl/declare/declare.h"

#define DEPTH_MOST 8

struct declare_reader {
	const char *path;
	yaml_document_t document;
	json_t *lines; /* by the address of a value, where it stands */
};

static void reader_release(struct declare_reader *r)
{
	json_decref(r->lines);
}

static void note_line(struct declare_reader *r, const json_t *value, size_t line)
{
	char address[32];

	snprintf(address, sizeof(address), "%p", (const void *)value);
	json_put_int(r->lines, address, (int64_t)line);
}

/* There is only one null, and nobody knows its line. */
static size_t line_of(const struct declare_reader *r, const json_t *value, size_t otherwise)
{
	char address[32];

	snprintf(address, sizeof(address), "%p", (const void *)value);
	return value && !json_is_null(value) ? (size_t)json_int(r->lines, address, (int64_t)otherwise) : otherwise;
}

/* "state.yaml:7: ..." */
static int PRINTF_LIKE(4, 5) refuse(const struct declare_reader *r, size_t line, struct err *e, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return line ? err_set(e, ERR_INVALID, "%s:%zu: %s", r->path, line, text)
		    : err_set(e, ERR_INVALID, "%s: %s", r->path, text);
}

static json_t *node_json(struct declare_reader *r, const yaml_node_t *node, int depth, struct err *e);

static json_t *sequence_json(struct declare_reader *r, const yaml_node_t *node, int depth, struct err *e)
{
	_cleanup_json_ json_t *list = json_array();

	for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		json_t *one = node_json(r, yaml_document_get_node(&r->document, *item), depth + 1, e);

		if (!one)
			return NULL;
		note_line(r, one, yaml_document_get_node(&r->document, *item)->start_mark.line + 1);
		json_array_append_new(list, one);
	}
	return TAKE(list);
}

/* "<<: *anchor", or a list of them: members that are not there themselves. */
static int merge(const struct declare_reader *r, json_t *object, json_t *from, size_t line, struct err *e)
{
	json_t *one;
	size_t i;

	if (json_is_object(from))
		return json_object_update_missing(object, from);
	if (!json_is_array(from))
		return refuse(r, line, e, "\"<<\" stands before an alias, like *name");
	json_array_foreach (from, i, one)
		if (!json_is_object(one) || json_object_update_missing(object, one) < 0)
			return refuse(r, line, e, "\"<<\" stands before aliases of members, like [*one, *two]");
	return 0;
}

static json_t *mapping_json(struct declare_reader *r, const yaml_node_t *node, int depth, struct err *e)
{
	_cleanup_json_ json_t *object = json_object(), *merged = json_array();
	size_t i;
	json_t *from;

	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
		_cleanup_json_ json_t *value =
			node_json(r, yaml_document_get_node(&r->document, pair->value), depth + 1, e);
		const char *word = key->type == YAML_SCALAR_NODE ? (const char *)key->data.scalar.value : NULL;
		size_t line = key->start_mark.line + 1;

		if (!value)
			return NULL;
		if (!word)
			return refuse(r, line, e, "each member must be a word"), NULL;
		if (json_object_get(object, word))
			return refuse(r, line, e, "\"%.40s\" is there twice", word), NULL;
		note_line(r, value, line);
		if (str_eq(word, "<<"))
			json_array_append(merged, value);
		else
			json_object_set(object, word, value);
	}
	json_array_foreach (merged, i, from)
		if (merge(r, object, from, line_of(r, from, 0), e) < 0)
			return NULL;
	return TAKE(object);
}

static json_t *node_json(struct declare_reader *r, const yaml_node_t *node, int depth, struct err *e)
{
	json_t *string;
	const char *text;

	if (depth > DEPTH_MOST)
		return refuse(r, node->start_mark.line + 1, e, "this is nested too deep"), NULL;
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

/* One document; NULL with e, or without: there is no more. */
static json_t *parse_document(struct declare_reader *r, yaml_parser_t *parser, struct err *e)
{
	const yaml_node_t *root;
	json_t *value;

	if (!yaml_parser_load(parser, &r->document))
		return refuse(r, parser->problem_mark.line + 1, e, "%s",
			      parser->problem ? parser->problem : "this is not YAML"),
		       NULL;
	root = yaml_document_get_root_node(&r->document);
	value = root ? node_json(r, root, 0, e) : NULL;
	if (value)
		note_line(r, value, root->start_mark.line + 1);
	yaml_document_delete(&r->document);
	return value;
}

static json_t *parse(struct declare_reader *r, FILE *file, struct err *e)
{
	_cleanup_json_ json_t *value = NULL, *second = NULL;
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser))
		die("out of memory");
	yaml_parser_set_input_file(&parser, file);
	value = parse_document(r, &parser, e);
	second = value ? parse_document(r, &parser, e) : NULL;
	yaml_parser_delete(&parser);
	if (second)
		refuse(r, line_of(r, second, 0), e,
		       "a second document (behind ---) would not be read: put all into one");
	if (err_is_set(e))
		return NULL;
	return value && !json_is_null(value) ? TAKE(value) : json_object();
}

/*
 * What is parsed, in the form of a state.
 */

static json_t *read_thing(const struct declare_reader *r, const struct declare_kind *kind, const json_t *typed,
			  struct err *e)
{
	_cleanup_json_ json_t *thing = json_object();
	const char *member, *name = json_is_string(typed) ? json_string_value(typed) : json_str(typed, "name");
	size_t line = line_of(r, typed, 0);
	const json_t *value;

	if (!name || !*name)
		return refuse(r, line, e, "a %s has no name", kind->one), NULL;
	json_put_str(thing, "name", name);
	json_put_int(thing, "line_", (int64_t)line);
	json_object_foreach ((json_t *)typed, member, value) {
		const struct declare_field *f = declare_find(kind, member);
		json_t *own;

		if (str_eq(member, "name"))
			continue;
		if (!f)
			return refuse(r, line_of(r, value, line), e,
				      "the %s %s has a member \"%.40s\" that is not known", kind->one, name, member),
			       NULL;
		own = declare_read(f, value, e);
		if (!own) {
			err_prefix(e, "the %s %s", kind->one, name);
			return err_prefix(e, "%s:%zu", r->path, line_of(r, value, line)), NULL;
		}
		json_object_set_new(thing, member, own);
	}
	return TAKE(thing);
}

/* Names count as the server compares them; two certificates of one name may differ in whether they are for testing. */
static int check_twice(const struct declare_reader *r, const struct declare_kind *kind, json_t *seen,
		       const json_t *thing, struct err *e)
{
	const char *account = json_str(thing, "account");
	_cleanup_free_ char *id = xasprintf("%s %s", json_str(thing, "name"), account ? account : "");

	for (char *p = id; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (json_object_get(seen, id))
		return refuse(r, (size_t)json_int(thing, "line_", 0), e, "the %s %s is there twice, also in line %lld",
			      kind->one, json_str(thing, "name"), (long long)json_int(seen, id, 0));
	json_put_int(seen, id, json_int(thing, "line_", 0));
	return 0;
}

static json_t *read_section(const struct declare_reader *r, const struct declare_kind *kind, const json_t *typed,
			    struct err *e)
{
	_cleanup_json_ json_t *list = json_array(), *seen = json_object();
	const json_t *one;
	size_t i;

	if (!json_is_array(typed))
		return refuse(r, line_of(r, typed, 0), e, "\"%s\" is not a list", kind->word), NULL;
	json_array_foreach (typed, i, one) {
		json_t *thing = read_thing(r, kind, one, e);

		if (!thing || check_twice(r, kind, seen, thing, e) < 0) {
			json_decref(thing);
			return NULL;
		}
		json_array_append_new(list, thing);
	}
	return TAKE(list);
}

static int check_sections(const struct declare_reader *r, const json_t *file, struct err *e)
{
	const char *word;
	const json_t *value;

	if (!json_is_object(file))
		return refuse(r, line_of(r, file, 1), e, "there are no sections like \"certificates:\"");
	json_object_foreach ((json_t *)file, word, value) {
		bool known = false;

		for (size_t i = 0; i < declare_kinds_count; i++)
			known |= str_eq(word, declare_kinds[i].word);
		if (!known)
			return refuse(r, line_of(r, value, 0), e, "the section \"%.40s\" is not known", word);
	}
	return 0;
}

json_t *declare_file(const char *path, struct err *e)
{
	_cleanup_fclose_ FILE *file = strcmp(path, "-") ? fopen(path, "re") : NULL;
	_cleanup_(reader_release) struct declare_reader r = { .path = path, .lines = json_object() };
	_cleanup_json_ json_t *typed = NULL, *state = json_object();

	if (!file && strcmp(path, "-"))
		return err_errno(e, ERR_USAGE, "reading %s", path), NULL;
	typed = parse(&r, file ? file : stdin, e);
	if (!typed || check_sections(&r, typed, e) < 0)
		return NULL;
	for (size_t i = 0; i < declare_kinds_count; i++) {
		const json_t *section = json_object_get(typed, declare_kinds[i].word);
		json_t *list;

		if (!section ||
		    json_is_null(section)) /* "certificates:" alone says nothing of them: --prune removes none */
			continue;
		list = read_section(&r, &declare_kinds[i], section, e);
		if (!list)
			return NULL;
		json_object_set_new(state, declare_kinds[i].word, list);
	}
	return TAKE(state);
}
