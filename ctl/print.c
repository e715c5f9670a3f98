/* JSON on the screen: lists as columns, one thing as lines. */
#include "ctl/ctl.h"

#include "base/buf.h"
#include "base/clock.h"

bool ctl_as_json(struct ctl *ctl, const json_t *answer)
{
	_cleanup_wipe_ char *text = ctl->as_json ? json_write_pretty(answer) : NULL;

	if (!text)
		return false;
	puts(text);
	ctl->printed = true;
	return true;
}

/* A member as people read it: lists joined, times with how far off they are, an error as its sentence. */
static char *member_text(const json_t *obj, const char *member)
{
	const json_t *value = json_object_get(obj, member);
	struct buf text = BUF_INIT;
	char relative[64];
	size_t i;
	json_t *item;
	int64_t t;

	if (json_is_string(value) && clock_parse_rfc3339(json_string_value(value), &t) == 0)
		buf_addf(&text, "%s (%s)", json_string_value(value),
			 clock_relative(relative, sizeof(relative), t, clock_now()));
	else if (json_is_string(value))
		buf_add_str(&text, json_string_value(value));
	else if (json_is_integer(value))
		buf_addf(&text, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		buf_add_str(&text, json_is_true(value) ? "yes" : "no");
	else if (json_is_object(value))
		buf_add_str(&text, json_str(value, "detail") ? json_str(value, "detail") : "");
	else if (json_is_array(value))
		json_array_foreach(value, i, item)
			buf_addf(&text, "%s%s", i ? ", " : "", json_string_value(item) ? json_string_value(item) : "");
	buf_add(&text, "", 0);
	return buf_detach(&text);
}

#define COLUMNS_MAX 8
#define CELL_LIST 60	/* bytes: a longer list is cut in a table, and says how many it has left out */

/* As member_text(), for a table. */
static char *cell_text(const json_t *obj, const char *member)
{
	const json_t *value = json_object_get(obj, member), *item;
	struct buf text = BUF_INIT;
	size_t i;

	if (!json_is_array(value))
		return member_text(obj, member);
	json_array_foreach (value, i, item) {
		const char *word = json_string_value(item) ? json_string_value(item) : "";

		if (i && text.len + strlen(word) > CELL_LIST) {
			buf_addf(&text, " and %zu more", json_array_size(value) - i);
			break;
		}
		buf_addf(&text, "%s%s", i ? ", " : "", word);
	}
	buf_add(&text, "", 0);
	return buf_detach(&text);
}

/* Characters on the screen, not bytes. */
static int width_of(const char *utf8)
{
	int width = 0;

	for (; *utf8; utf8++)
		width += ((unsigned char)*utf8 & 0xc0) != 0x80;
	return width;
}

static void print_cell(const char *text, const char *colour, int width, bool last)
{
	printf("%s%s%s", colour, text, *colour ? terminal_plain() : "");
	for (int i = width_of(text); !last && i < width + 2; i++)
		putchar(' ');
}

void print_table(const json_t *rows, const struct column *columns, size_t count, const char *when_empty)
{
	int width[COLUMNS_MAX];
	json_t *row;
	size_t i;

	if (!json_array_size(rows)) {
		puts(when_empty);
		return;
	}
	for (size_t c = 0; c < count; c++) {
		width[c] = width_of(columns[c].title);
		json_array_foreach(rows, i, row) {
			_cleanup_free_ char *text = cell_text(row, columns[c].member);

			width[c] = MAX(width[c], width_of(text));
		}
	}
	for (size_t c = 0; c < count; c++)
		print_cell(columns[c].title, terminal_bold(), width[c], c + 1 == count);
	putchar('\n');
	json_array_foreach(rows, i, row) {
		for (size_t c = 0; c < count; c++) {
			_cleanup_free_ char *text = cell_text(row, columns[c].member);

			print_cell(text, terminal_colour(text), width[c], c + 1 == count);
		}
		putchar('\n');
	}
}

static bool is_filter(const char *parameter)
{
	return !str_eq(parameter, "limit") && !str_eq(parameter, "sort") && !str_eq(parameter, "first");
}

void print_found(const struct ctl *ctl, const json_t *rows, const struct column *columns, size_t count,
		 const char *when_empty)
{
	const char *parameter;
	json_t *value;

	json_object_foreach (ctl->query, parameter, value)
		if (is_filter(parameter))
			when_empty = "Nothing matches.";
	print_table(rows, columns, count, when_empty);
}

/* "title: value" for each member that says something. */
void print_fields(const json_t *obj, const struct column *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *text = member_text(obj, lines[i].member);

		if (*text)
			printf("%s%-14s%s %s%s%s\n", terminal_bold(), lines[i].title, terminal_plain(),
			       terminal_colour(text), text, terminal_plain());
	}
}

/* A line for each text of a list. */
void print_list(const char *title, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		printf("%-14s %s\n", i ? "" : title, json_string_value(item));
}

void print_error(const json_t *obj)
{
	const json_t *error = json_object_get(obj, "error");
	const char *said = json_str(error, "said");
	const char *hint = json_str(error, "hint");

	if (!json_is_object(error))
		return;
	printf("%-14s %s\n", "error", json_str(error, "detail"));
	if (said)
		printf("%-14s %s\n", "answer", said);
	if (hint)
		printf("%-14s %s\n", "what to do", hint);
}

/* The rule of the web server that is known, else of the first. */
static void print_rule(const json_t *rules)
{
	const json_t *one;
	size_t i;

	json_array_foreach(rules, i, one)
		if (json_bool(one, "chosen", false))
			printf("\n%s%s%s\n", json_str(one, "rule"), json_str(one, "load") ? json_str(one, "load") : "",
			       json_str(one, "load") ? "\n" : "");
}

void print_recipe(const json_t *obj)
{
	const json_t *cause, *step, *line;
	size_t i, j, k;

	json_array_foreach(json_object_get(json_object_get(obj, "recipe"), "causes"), i, cause) {
		printf("\n%s%s%s\n", terminal_bold(), json_str(cause, "title"), terminal_plain());
		json_array_foreach(json_object_get(cause, "steps"), j, step) {
			printf("%zu. %s\n", j + 1, json_str(step, "text"));
			print_rule(json_object_get(step, "rules"));
			json_array_foreach(json_object_get(step, "lines"), k, line)
				printf("     %s\n", json_string_value(line));
		}
	}
}
