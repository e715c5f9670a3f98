/* JSON on the screen: lists as columns, one thing as lines. */
#include "ctl/ctl.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"

bool ctl_as_json(const struct ctl *ctl, const json_t *answer)
{
	_cleanup_wipe_ char *text = ctl->as_json ? json_write_pretty(answer) : NULL;

	if (text)
		puts(text);
	return text;
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

/* Characters on the screen, not bytes. */
static int width_of(const char *utf8)
{
	int width = 0;

	for (; *utf8; utf8++)
		width += ((unsigned char)*utf8 & 0xc0) != 0x80;
	return width;
}

static void print_cell(const char *text, int width, bool last)
{
	fputs(text, stdout);
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
			_cleanup_free_ char *text = member_text(row, columns[c].member);

			width[c] = MAX(width[c], width_of(text));
		}
	}
	for (size_t c = 0; c < count; c++)
		print_cell(columns[c].title, width[c], c + 1 == count);
	putchar('\n');
	json_array_foreach(rows, i, row) {
		for (size_t c = 0; c < count; c++) {
			_cleanup_free_ char *text = member_text(row, columns[c].member);

			print_cell(text, width[c], c + 1 == count);
		}
		putchar('\n');
	}
}

/* "title: value" for each member that says something. */
void print_fields(const json_t *obj, const struct column *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *text = member_text(obj, lines[i].member);

		if (*text)
			printf("%-14s %s\n", lines[i].title, text);
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
		printf("%-14s %s\n", "", said);
	if (hint)
		printf("%-14s %s\n", "", hint);
}
