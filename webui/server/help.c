/*
 * The page Help: the handbook (doc/handbook/), which is in the program, by topic or by what is searched for.  Its
 * Markdown is small: "# topic", "## section", paragraphs, lists ("- "), and code indented by four spaces or `so`.
 */
#include <ctype.h>

#include "webui/http/handler.h"

static const struct {
	const char *name, *text;
} files[] = {
#include "webui/server/handbook.inc"
};

struct handbook {
	char **words;      /* all of which a section must have; NULL: any */
	const char *topic; /* or all sections of this; NULL: of all */
	json_t *topics, *sections;
	const char *file, *title;
	json_t *section, *block; /* being read; NULL: none */
	struct buf said;         /* of this section, in lower case */
	int number;
};

/* "quick-start" of "1-quick-start.md"; owned. */
static char *topic_of(const char *file)
{
	const char *begin = strchr(file, '-') ? strchr(file, '-') + 1 : file;

	return xstrndup(begin, strcspn(begin, "."));
}

static void note_words(struct handbook *h, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_add_ch(&h->said, (char)tolower((unsigned char)text[i]));
	buf_add_ch(&h->said, ' ');
}

/* Text with `code` in it, as a list of both. */
static void add_runs(json_t *list, const char *text, size_t len)
{
	bool code = false;

	for (size_t begin = 0, i = 0; i <= len; i++) {
		json_t *run;

		if (i < len && text[i] != '`')
			continue;
		run = json_object();
		json_object_set_new(run, code ? "code" : "text", json_stringn(text + begin, i - begin));
		json_array_append_new(list, run);
		begin = i + 1;
		code = !code;
	}
}

static json_t *new_block(struct handbook *h, const char *kind)
{
	json_t *block = json_object();

	json_object_set_new(block, kind, json_array());
	json_array_append_new(json_object_get(h->section, "blocks"), block);
	h->block = block;
	return json_object_get(block, kind);
}

/* What is open of this kind, or a new one. */
static json_t *block_of(struct handbook *h, const char *kind)
{
	json_t *open = json_object_get(h->block, kind);

	return open ? open : new_block(h, kind);
}

static bool matches(const struct handbook *h)
{
	for (char **word = h->words; word && *word; word++)
		if (!strstr(buf_str(&h->said), *word))
			return false;
	return true;
}

static void end_section(struct handbook *h)
{
	_cleanup_free_ char *topic = topic_of(h->file);
	bool wanted = h->section && (!h->topic || str_eq(h->topic, topic)) && matches(h);

	if (wanted)
		json_array_append(h->sections, h->section);
	json_decref(h->section);
	h->section = h->block = NULL;
	buf_clear(&h->said);
}

static void begin_section(struct handbook *h, const char *title, size_t len)
{
	_cleanup_free_ char *topic = topic_of(h->file), *id = xasprintf("%s-%d", topic, ++h->number);

	h->section = json_object();
	json_put_str(h->section, "id", id);
	json_put_str(h->section, "topic", topic);
	json_put_str(h->section, "topic_title", h->title);
	json_object_set_new(h->section, "title", json_stringn(title, len));
	json_object_set_new(h->section, "blocks", json_array());
	note_words(h, h->title, strlen(h->title));
	note_words(h, title, len);
}

static void begin_topic(struct handbook *h, const char *title, size_t len)
{
	_cleanup_free_ char *topic = topic_of(h->file), *text = xstrndup(title, len);
	json_t *one = json_object();

	json_put_str(one, "topic", topic);
	json_put_str(one, "title", text);
	json_put_bool(one, "here", str_eq(h->topic, topic));
	json_array_append_new(h->topics, one);
	h->title = json_str(one, "title");
	h->number = 0;
}

/* Lines of one block belong together: a paragraph, an item and what continues it. */
static void add_text(struct handbook *h, const char *line, size_t len)
{
	bool item = str_starts(line, "- "), goes_on = str_starts(line, "  ") && json_object_get(h->block, "items");
	json_t *list = block_of(h, item || goes_on ? "items" : "runs"), *runs = list;

	if (item) {
		json_t *one = json_pack("{s:[]}", "runs");

		json_array_append_new(list, one);
		runs = json_object_get(one, "runs");
	} else if (goes_on) {
		runs = json_object_get(json_array_get(list, json_array_size(list) - 1), "runs");
	}
	if (!item && json_array_size(runs))
		json_array_append_new(runs, json_pack("{s:s}", "text", " "));
	add_runs(runs, item || goes_on ? line + 2 : line, item || goes_on ? len - 2 : len);
}

static void add_code(struct handbook *h, const char *line, size_t len)
{
	json_t *lines = block_of(h, "lines"), *one = json_object();

	json_object_set_new(one, "line", json_stringn(line, len));
	json_array_append_new(lines, one);
}

static void read_line(struct handbook *h, const char *line, size_t len)
{
	if (str_starts(line, "## ")) {
		end_section(h);
		begin_section(h, line + 3, len - 3);
		return;
	}
	if (str_starts(line, "# ")) {
		begin_topic(h, line + 2, len - 2);
		return;
	}
	if (!h->section)
		return;
	note_words(h, line, len);
	if (!len)
		h->block = NULL;
	else if (str_starts(line, "    "))
		add_code(h, line + 4, len - 4);
	else
		add_text(h, line, len);
}

static void read_handbook(struct handbook *h)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		h->file = files[i].name;
		for (const char *line = files[i].text; *line;
		     line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n'))
			read_line(h, line, strcspn(line, "\n"));
		end_section(h);
	}
}

static char **words_of(const char *search)
{
	_cleanup_free_ char *low = xstrdup(search ? search : "");

	for (char *p = low; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return strv_split(low, " \t");
}

int page_help(struct request *r, struct err *e)
{
	_cleanup_(params_release) struct params query = { NULL, 0 };
	struct handbook h = { .topics = json_array(), .sections = json_array() };
	json_t *answer = json_object();
	const char *search;

	json_object_set_new(answer, "topics", h.topics);
	json_object_set_new(answer, "sections", h.sections);
	if (admin_query(r, &query, e) < 0) {
		json_decref(answer);
		return -1;
	}
	search = params_get(&query, "search");
	h.words = words_of(search);
	h.topic = params_get(&query, "topic");
	if (r->html && !h.words && !h.topic) /* all of it is too much for a page */
		h.topic = "quick-start";
	read_handbook(&h);
	json_put_str(answer, "search", search ? search : "");
	json_put_bool(answer, "searched", h.words);
	strv_free(h.words);
	buf_release(&h.said);
	return reply_json(r, 200, answer);
}
