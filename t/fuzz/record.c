/*
 * Records of a damaged store: the first byte picks the type, the rest is what is stored.  What can be read is the same when it
 * is written and read again, and shown without what is hidden.
 */
#include "store/record/type.h"
#include "store/record/steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_in(const struct record_type *type, struct slice bytes)
{
	struct slice value[TAGS] = { 0 };
	struct glance look = { .rec = xcalloc(1, type->size), .value = value };

	/* Twice: what the first look found is cleared. */
	if (record_look(type, &look, bytes) && record_look(type, &look, bytes))
		for (size_t i = 0; i < type->fields; i++) {
			struct slice list = value[i], text;

			if (list.len && (const char *)list.data + list.len > (const char *)bytes.data + bytes.len)
				die("%s is not in the record", type->field[i].name);
			while (type->field[i].type == STRV && record_next_text(&list, &text))
				if (text.len > bytes.len)
					die("a text of %zu bytes", text.len);
		}
	free(look.rec);
}

static void check_shown(const struct record_type *type, const void *rec)
{
	json_t *shown = record_json(type, rec);

	for (size_t i = 0; i < type->fields; i++)
		if ((type->field[i].flags & HIDE) && json_object_get(shown, type->field[i].name))
			die("%s is shown", type->field[i].name);
	json_decref(shown);
}

static void read_steps(const struct record_type *type, const void *rec)
{
	for (size_t i = 0; i < type->fields; i++)
		if (type->field[i].type == STRV && str_eq(type->field[i].name, "log"))
			json_decref(steps_json(*strv_of(rec, &type->field[i]), false));
}

static void read_all(const struct record_type *type, struct slice bytes)
{
	void *rec = xcalloc(1, type->size), *again = xcalloc(1, type->size);
	struct buf one = BUF_INIT, two = BUF_INIT, key = BUF_INIT;
	struct err e;

	if (record_decode(type, rec, bytes, &e) == 0) {
		check_shown(type, rec);
		read_steps(type, rec);
		if (type->index != NO_INDEX)
			record_index_key(type, rec, &key);
		record_encode(type, rec, &one);
		if (record_decode(type, again, slice_buf(&one), &e) < 0)
			die("%s cannot be read again: %s", type->name, e.message);
		record_encode(type, again, &two);
		if (!slice_eq(slice_buf(&one), slice_buf(&two)))
			die("%s is another record", type->name);
	}
	record_release(type, rec);
	record_release(type, again);
	buf_release(&one);
	buf_release(&two);
	buf_release(&key);
	free(rec);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct record_type *type;
	size_t count = 0;
	char *exact;

	if (!size)
		return 0;
	while (record_types[count])
		count++;
	type = record_types[data[0] % count];
	exact = xmalloc(size);	/* so that a sanitizer sees what is read behind it */
	memcpy(exact, data + 1, size - 1);
	look_in(type, slice(exact, size - 1));
	read_all(type, slice(exact, size - 1));
	free(exact);
	return 0;
}
