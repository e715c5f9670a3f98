#include "base/process/tell.h"

void tell_write(struct buf *out, const struct tell_table *table, unsigned kind, const struct slice *fields)
{
	buf_add_ch(out, (char)kind);
	for (size_t i = 0; i < table->rows[kind].fields; i++) {
		uint32_t len = (uint32_t)fields[i].len;

		buf_add(out, &len, sizeof(len));
		buf_add(out, fields[i].data, fields[i].len);
	}
}

int tell_read(struct tell *t, const struct tell_table *table, struct slice packet, bool has_fd)
{
	const unsigned char *at = packet.data, *end = at + packet.len;
	uint32_t len;

	if (at == end || *at >= table->count)
		return -1;
	*t = (struct tell){ .kind = *at++ };
	for (size_t i = 0; i < table->rows[t->kind].fields; i++) {
		if ((size_t)(end - at) < sizeof(len))
			return -1;
		memcpy(&len, at, sizeof(len));
		at += sizeof(len);
		if (len > (size_t)(end - at))
			return -1;
		t->field[i] = slice(at, len);
		at += len;
	}
	return at == end && has_fd == table->rows[t->kind].descriptor ? 0 : -1;
}

int tell_get_number(const struct tell *t, size_t field, int64_t *number)
{
	if (t->field[field].len != sizeof(*number))
		return -1;
	memcpy(number, t->field[field].data, sizeof(*number));
	return 0;
}

char *tell_get_text(const struct tell *t, size_t field)
{
	return xstrndup(t->field[field].data, t->field[field].len);
}

char **tell_get_list(const struct tell *t, size_t field)
{
	_cleanup_free_ char *text = tell_get_text(t, field);

	return *text ? strv_split(text, "\n") : NULL;
}

void tell_add_texts(struct buf *out, char *const *texts)
{
	for (size_t i = 0; texts && texts[i]; i++)
		buf_add(out, texts[i], strlen(texts[i]) + 1);
}

char **tell_get_texts(const struct tell *t, size_t field)
{
	const char *at = t->field[field].data, *end = at + t->field[field].len;
	char **texts = NULL;

	while (at < end) {
		_cleanup_free_ char *text = xstrndup(at, (size_t)(end - at));

		strv_add(&texts, text);
		at += strlen(text) + 1;
	}
	return texts;
}
