#include "daemon/config/config.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>
#include <yaml.h>

#include "base/buf.h"
#include "daemon/config/setting.h"

#define FILE_MAX (1 << 20)

struct reader {
	struct config *config;
	const char *file;
	void (*complain)(void *arg, const char *line);
	void *arg;
	int mistakes;
	yaml_document_t *document;
	size_t group_line[SETTING_GROUP_COUNT];		/* where each was met; 0: not yet */
	size_t setting_line[SETTING_COUNT];
};

/* One mistake; line 0 is the file as a whole. */
static void complain(struct reader *, size_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void complain(struct reader *r, size_t line, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char sentence[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	if (line)
		buf_addf(&text, "%s:%zu: %s", r->file, line, sentence);
	else
		buf_addf(&text, "%s: %s", r->file, sentence);
	r->mistakes++;
	r->complain(r->arg, buf_str(&text));
}

/*
 * How far apart two names are: letters left out, added, changed or swapped with their neighbour.
 * Names longer than the table are simply far.
 */
static size_t distance(const char *a, const char *b)
{
	enum { LONGEST = 40 };
	size_t d[LONGEST + 1][LONGEST + 1], la = strlen(a), lb = strlen(b);

	if (la > LONGEST || lb > LONGEST)
		return SIZE_MAX;
	for (size_t i = 0; i <= la; i++) {
		for (size_t j = 0; j <= lb; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = MIN(MIN(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[la][lb];
}

/* Keeps the nearest name so far; one further away than a third of its letters is another name, no slip. */
static void consider(const char *typed, const char *name, const char **nearest, size_t *least)
{
	size_t d = distance(typed, name);

	if (d < *least && d <= (strlen(name) + 2) / 3) {
		*nearest = name;
		*least = d;
	}
}

static void complain_group(struct reader *r, size_t line, const char *typed)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		_cleanup_free_ char *full = xasprintf("%s.%s", settings[i].group, settings[i].key);

		if (str_eq(settings[i].key, typed) || str_eq(full, typed)) {
			complain(r, line, "%s: belongs in the group %s, as `%s:` indented below `%s:`", typed,
				 settings[i].group, settings[i].key, settings[i].group);
			return;
		}
	}
	for (size_t i = 0; i < SETTING_GROUP_COUNT; i++)
		consider(typed, setting_groups[i].name, &nearest, &least);
	if (nearest)
		complain(r, line, "%s: there is no such group; did you mean %s?", typed, nearest);
	else
		complain(r, line, "%s: there is no such group; certera.yaml(5) lists them", typed);
}

static void complain_key(struct reader *r, size_t line, const char *group, const char *typed)
{
	const char *nearest = NULL, *elsewhere = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (str_eq(settings[i].group, group))
			consider(typed, settings[i].key, &nearest, &least);
		else if (str_eq(settings[i].key, typed))
			elsewhere = settings[i].group;
	}
	if (elsewhere)
		complain(r, line, "%s.%s: belongs in the group %s", group, typed, elsewhere);
	else if (nearest)
		complain(r, line, "%s.%s: there is no such setting; did you mean %s?", group, typed, nearest);
	else
		complain(r, line, "%s.%s: there is no such setting; certera.yaml(5) lists them", group, typed);
}

static size_t line_of(const yaml_node_t *node)
{
	return node->start_mark.line + 1;
}

static const char *text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* A text of one line.  `what` names it in the complaint. */
static bool is_text(struct reader *r, const yaml_node_t *node, const char *what)
{
	if (node->type == YAML_MAPPING_NODE) {
		complain(r, line_of(node), "%s: a group was found; one value is expected", what);
		return false;
	}
	if (node->type == YAML_SEQUENCE_NODE) {
		complain(r, line_of(node), "%s: a list was found; one value is expected", what);
		return false;
	}
	for (size_t i = 0; i < node->data.scalar.length; i++) {
		if (node->data.scalar.value[i] < ' ' || node->data.scalar.value[i] == 0x7f) {
			complain(r, line_of(node),
				 "%s: the value contains a line break or a control character", what);
			return false;
		}
	}
	return true;
}

/* Nothing behind the colon, or YAML's word for it. */
static bool is_null(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (str_eq(text_of(node), "") || str_eq(text_of(node), "~") || str_eq(text_of(node), "null"));
}

static void set_default(struct config *config, const struct setting *s)
{
	_cleanup_free_ char *text = setting_default(s);
	_cleanup_strv_ char **items = setting_items(s, text);
	void *field = setting_field(s, config);
	struct err e;

	setting_release(s, field);
	for (size_t i = 0; i < strv_len(items); i++) {
		if (setting_read(s, field, items[i], &e) < 0)
			die("config.def: default of %s.%s: %s", s->group, s->key, e.message);
	}
}

static void read_value(struct reader *r, const struct setting *s, const char *name, const yaml_node_t *node)
{
	_cleanup_strv_ char **items = NULL;
	struct err e;

	if (!is_text(r, node, name))
		return;
	items = setting_items(s, is_null(node) ? "" : text_of(node));
	for (size_t i = 0; i < strv_len(items); i++) {
		if (setting_read(s, setting_field(s, r->config), items[i], &e) < 0)
			complain(r, line_of(node), "%s: %s", name, e.message);
	}
}

/* A mistake leaves the default in place. */
static void read_setting(struct reader *r, const struct setting *s, const yaml_node_t *node)
{
	_cleanup_free_ char *name = xasprintf("%s.%s", s->group, s->key);
	int mistakes = r->mistakes;

	setting_release(s, setting_field(s, r->config));
	if (s->type->is_list && node->type == YAML_SEQUENCE_NODE) {
		for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
			read_value(r, s, name, yaml_document_get_node(r->document, *i));
	} else {
		read_value(r, s, name, node);
	}
	if (r->mistakes > mistakes)
		set_default(r->config, s);
}

/* Remembers where a name was met; complains if that was before. */
static bool config_is_first(struct reader *r, size_t *seen, size_t line, const char *group, const char *key)
{
	if (!*seen) {
		*seen = line;
		return true;
	}
	complain(r, line, "%s%s%s: is given twice, first in line %zu", group, key ? "." : "", key ? key : "", *seen);
	return false;
}

static void read_group(struct reader *r, const char *group, yaml_node_t *node)
{
	if (is_null(node))
		return;
	if (node->type != YAML_MAPPING_NODE) {
		complain(r, line_of(node), "%s: is a group; lines of `key: value` are expected, indented, below it",
			 group);
		return;
	}
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(r->document, p->key);
		size_t i = 0;

		if (!is_text(r, key, group))
			continue;
		while (i < SETTING_COUNT &&
		       (!str_eq(settings[i].group, group) || !str_eq(settings[i].key, text_of(key))))
			i++;
		if (i == SETTING_COUNT)
			complain_key(r, line_of(key), group, text_of(key));
		else if (config_is_first(r, &r->setting_line[i], line_of(key), group, settings[i].key))
			read_setting(r, &settings[i], yaml_document_get_node(r->document, p->value));
	}
}

static void read_groups(struct reader *r, yaml_node_t *root)
{
	if (!root || is_null(root))
		return;
	if (root->type != YAML_MAPPING_NODE) {
		complain(r, line_of(root),
			 "groups with settings are expected, like `server:` and `threads: 2` indented below it");
		return;
	}
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
		yaml_node_t *name = yaml_document_get_node(r->document, p->key);
		size_t i = 0;

		if (!is_text(r, name, "group"))
			continue;
		while (i < SETTING_GROUP_COUNT && !str_eq(setting_groups[i].name, text_of(name)))
			i++;
		if (i == SETTING_GROUP_COUNT) {
			complain_group(r, line_of(name), text_of(name));
			continue;
		}
		config_is_first(r, &r->group_line[i], line_of(name), setting_groups[i].name, NULL);
		read_group(r, setting_groups[i].name, yaml_document_get_node(r->document, p->value));
	}
}

/* The line with this number, from 1; NULL behind the last. */
static const char *find_line(const char *text, size_t number)
{
	while (number > 1 && text) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
		number--;
	}
	return text;
}

/* What usually is behind a line that YAML does not take; NULL: no idea. */
static const char *syntax_hint(const char *line)
{
	size_t margin = strspn(line, " \t"), colon;

	if (memchr(line, '\t', margin))
		return "indent with spaces, not with tabs";
	colon = strcspn(line, ":\n");
	if (line[colon] != ':')
		return NULL;
	line += colon + 1 + strspn(line + colon + 1, " \t");
	if (*line && strchr("*[&!%@`", *line))
		return "a value that starts with *, [ or a similar sign needs quotes, like \"*:80\"";
	return NULL;
}

static void complain_syntax(struct reader *r, const yaml_parser_t *parser, const char *text)
{
	size_t number = parser->problem_mark.line + 1;
	const char *line, *hint;

	if (parser->error == YAML_READER_ERROR) {
		number = 1;
		for (size_t i = 0; i < parser->problem_offset && text[i]; i++)
			number += text[i] == '\n';
		complain(r, number, "this is no UTF-8 text: %s", parser->problem);
		return;
	}
	line = find_line(text, number);
	hint = line ? syntax_hint(line) : NULL;
	complain(r, number, "this is not YAML: %s%s%s", parser->problem, hint ? "; " : "", hint ? hint : "");
}

/* The next document, empty behind the last; false after a complaint. */
static bool load_document(struct reader *r, yaml_parser_t *parser, yaml_document_t *document, const char *text)
{
	if (yaml_parser_load(parser, document))
		return true;
	complain_syntax(r, parser, text);
	return false;
}

static void read_yaml(struct reader *r, const struct buf *text)
{
	yaml_parser_t parser;
	yaml_document_t document, more;
	yaml_node_t *root;

	if (!yaml_parser_initialize(&parser))
		die("the YAML parser cannot be set up: out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)buf_str(text), text->len);
	if (!load_document(r, &parser, &document, buf_str(text)))
		goto out;
	r->document = &document;
	read_groups(r, yaml_document_get_root_node(&document));
	yaml_document_delete(&document);
	if (!load_document(r, &parser, &more, buf_str(text)))
		goto out;
	root = yaml_document_get_root_node(&more);
	if (root)
		complain(r, line_of(root), "a second document starts here; only one is expected");
	yaml_document_delete(&more);
out:
	yaml_parser_delete(&parser);
}

/* The whole file; false after a complaint. */
static bool read_file(struct reader *r, struct buf *text)
{
	_cleanup_fclose_ FILE *f = fopen(r->file, "re");
	size_t count;

	if (!f) {
		complain(r, 0, "%s", strerror(errno));
		return false;
	}
	do {
		count = fread(buf_reserve(text, BUFSIZ), 1, BUFSIZ, f);
		text->len += count;
	} while (count && text->len <= FILE_MAX);
	if (ferror(f)) {
		complain(r, 0, "%s", strerror(errno));
		return false;
	}
	if (text->len > FILE_MAX) {
		complain(r, 0, "is larger than 1 MiB; that cannot be a configuration");
		return false;
	}
	return true;
}

int config_read(struct config *config, const char *file, void (*complain_fn)(void *arg, const char *line), void *arg)
{
	struct reader r = { .config = config, .file = file, .complain = complain_fn, .arg = arg };
	_cleanup_buf_ struct buf text = BUF_INIT;

	*config = (struct config){ 0 };
	for (size_t i = 0; i < SETTING_COUNT; i++)
		set_default(config, &settings[i]);
	if (file && read_file(&r, &text))
		read_yaml(&r, &text);
	config_note_file(config);
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		_cleanup_free_ char *line =
			xasprintf("%s.%s=%zu", settings[i].group, settings[i].key, r.setting_line[i]);

		if (r.setting_line[i])
			strv_add(&config->lines, line);
	}
	return r.mistakes;
}

size_t config_line(const struct config *config, const char *setting)
{
	size_t len = strlen(setting);

	for (char **line = config->lines; line && *line; line++)
		if (!strncmp(*line, setting, len) && (*line)[len] == '=')
			return strtoul(*line + len + 1, NULL, 10);
	return 0;
}

void config_release(struct config *config)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		setting_release(&settings[i], setting_field(&settings[i], config));
	strv_free(TAKE(config->after_restart));
	strv_free(TAKE(config->lines));
	strv_free(TAKE(config->file));
	strv_free(TAKE(config->kept));
}

/* The fields of one setting change places. */
static void swap(const struct setting *s, struct config *a, struct config *b)
{
	unsigned char kept[sizeof(struct config)];

	memcpy(kept, setting_field(s, a), s->size);
	memcpy(setting_field(s, a), setting_field(s, b), s->size);
	memcpy(setting_field(s, b), kept, s->size);
}

void config_reload(struct config *config, struct config *fresh)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = &settings[i];
		_cleanup_free_ char *now = setting_text(s, config), *then = setting_text(s, fresh), *line = NULL;

		if (s->when == SETTING_RELOAD) {
			swap(s, config, fresh);
		} else if (!str_eq(now, then)) {
			line = xasprintf("%s.%s=%s", s->group, s->key, then);
			strv_add(&fresh->after_restart, line);
		}
	}
	strv_free(config->after_restart);
	config->after_restart = TAKE(fresh->after_restart);
	strv_free(config->lines);
	config->lines = TAKE(fresh->lines);
	strv_free(config->file);
	config->file = TAKE(fresh->file);
	strv_free(config->kept);
	config->kept = TAKE(fresh->kept);
	config_release(fresh);
}

char *config_control_socket(const struct config *config)
{
	if (*config->server_control_socket)
		return xstrdup(config->server_control_socket);
	return xasprintf("%s/control/control.sock", config->server_state_directory);
}

char *config_master_key(const struct config *config)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");

	if (*config->keeper_master_key)
		return xstrdup(config->keeper_master_key);
	if (credentials) {
		_cleanup_free_ char *path = xasprintf("%s/master.key", credentials);

		if (access(path, F_OK) == 0)
			return TAKE(path);
	}
	return xasprintf("%s/keeper/master.key", config->server_state_directory);
}

char *config_store(const struct config *config)
{
	return xasprintf("%s/store", config->server_state_directory);
}

char *config_backups(const struct config *config)
{
	return *config->backup_directory ? xstrdup(config->backup_directory)
					 : xasprintf("%s/backups", config->server_state_directory);
}

char *config_mail_password(const struct config *config)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");

	if (*config->mail_password_file)
		return xstrdup(config->mail_password_file);
	if (credentials) {
		_cleanup_free_ char *path = xasprintf("%s/mail.password", credentials);

		if (access(path, F_OK) == 0)
			return TAKE(path);
	}
	return NULL;
}

char *config_hostname(const struct config *config)
{
	char name[256] = "";

	if (*config->server_hostname)
		return xstrdup(config->server_hostname);
	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		return xstrdup("localhost");
	return xstrdup(name);
}

enum log_level config_log_level(const struct config *config)
{
	static const char *const levels[] = { "debug", "info", "warn", "error" };	/* as enum log_level */

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (str_eq(levels[i], config->log_level))
			return (enum log_level)i;
	return LOG_LEVEL_INFO;
}

char *config_servers(const struct config_addresses *list)
{
	struct buf text = BUF_INIT;
	char one[ADDRESS_TEXT];

	for (size_t i = 0; i < list->count; i++)
		buf_addf(&text, "%s%s", i ? "," : "", address_text(one, &list->item[i]));
	return buf_detach(&text);
}
