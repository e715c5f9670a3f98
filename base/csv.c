#include "base/csv.h"

void csv_add(struct buf *out, const char *text)
{
	const char *start = text ? text + strspn(text, " \t\r\n") : "";	/* some skip blanks */

	if (out->len && out->data[out->len - 1] != '\n')
		buf_add_ch(out, ',');
	buf_add_str(out, *start && strchr("=+-@", *start) ? "\"'" : "\"");
	for (; text && *text; text++) {
		if (*text == '"')
			buf_add_ch(out, '"');
		buf_add_ch(out, *text);
	}
	buf_add_ch(out, '"');
}

void csv_end_line(struct buf *out)
{
	buf_add_str(out, "\r\n");
}

void csv_add_member(struct buf *out, const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member), *item;
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t i;

	if (json_is_integer(value)) {	/* a number is no text, nor a formula if it is below zero */
		buf_addf(out, "%s%lld", out->len && out->data[out->len - 1] != '\n' ? "," : "",
			 (long long)json_integer_value(value));
		return;
	}
	if (json_is_boolean(value))
		buf_add_str(&text, json_is_true(value) ? "true" : "false");
	else if (json_is_object(value))
		buf_add_str(&text, json_str(value, "detail") ? json_str(value, "detail") : "");
	else if (json_is_array(value))
		json_array_foreach (value, i, item)
			buf_addf(&text, "%s%s", i ? " " : "", json_string_value(item) ? json_string_value(item) : "");
	csv_add(out, json_is_string(value) ? json_string_value(value) : buf_str(&text));
}

/* Objects are for cells if they are errors, arrays if they are of texts. */
static bool is_cell(const json_t *value)
{
	if (json_is_array(value))
		return !json_array_size(value) || json_is_string(json_array_get(value, 0));
	return !json_is_object(value) || json_str(value, "detail");
}

static char **columns_of(const json_t *rows)
{
	char **columns = NULL;
	const json_t *row;
	const char *member;
	json_t *value;
	size_t i;

	json_array_foreach (rows, i, row)
		json_object_foreach ((json_t *)row, member, value)
			if (is_cell(value) && !strv_has(columns, member))
				strv_add(&columns, member);
	return columns;
}

void csv_add_rows(struct buf *out, const json_t *rows)
{
	_cleanup_strv_ char **columns = columns_of(rows);
	const json_t *row;
	size_t i;

	for (char **column = columns; column && *column; column++)
		csv_add(out, *column);
	csv_end_line(out);
	json_array_foreach (rows, i, row) {
		for (char **column = columns; column && *column; column++)
			csv_add_member(out, row, *column);
		csv_end_line(out);
	}
}
