/* Records as bytes. */
#include "store/record/type.h"

/*
 * A record as bytes: one byte, the version of this encoding; then for each field that is not empty its
 * tag and length as varints and its value: text and blobs as they are, numbers as zigzag varints, lists
 * as texts with a varint length in front of each.
 */
#define ENCODING 1

/*
 * Encoding.
 */

static void add_varint(struct buf *out, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_add_ch(out, (char)(n | 0x80));
	buf_add_ch(out, (char)n);
}

static void add_number(struct buf *out, int64_t n)
{
	add_varint(out, ((uint64_t)n << 1) ^ (n < 0 ? UINT64_MAX : 0));
}

static void add_text(struct buf *out, const char *s)
{
	add_varint(out, strlen(s));
	buf_add_str(out, s);
}

static void encode_value(const void *rec, const struct field *f, struct buf *out)
{
	switch (f->type) {
	case STR:
		if (*str_of(rec, f))
			buf_add_str(out, *str_of(rec, f));
		break;
	case STRV:
		for (char **s = *strv_of(rec, f); s && *s; s++)
			add_text(out, *s);
		break;
	case INT:
	case TIME:
		if (*int_of(rec, f))
			add_number(out, *int_of(rec, f));
		break;
	case BOOL:
		if (*bool_of(rec, f))
			add_number(out, 1);
		break;
	case BLOB:
		buf_add(out, blob_of(rec, f)->data, blob_of(rec, f)->len);
		break;
	}
}

/* In the order of their tags: that of the rows in record.def is for readers. */
void record_write(const struct record_type *type, const void *rec, unsigned flags, struct buf *out)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	buf_add_ch(out, ENCODING);
	for (uint64_t tag = 1; tag < TAGS; tag++) {
		const struct field *f = record_field(type, tag);

		if (!f || (flags && !(f->flags & flags)))
			continue;
		buf_clear(&value);
		encode_value(rec, f, &value);
		if (!value.len)
			continue;
		add_varint(out, tag);
		add_varint(out, value.len);
		buf_add(out, value.data, value.len);
	}
}

void record_encode(const struct record_type *type, const void *rec, struct buf *out)
{
	record_write(type, rec, 0, out);
}

/*
 * Decoding.  Each take_ function takes something off the front, or returns false if it is not there.
 */

static bool take_long_varint(struct slice *in, uint64_t *n)
{
	const unsigned char *byte = in->data;

	*n = 0;
	for (size_t i = 0; i < in->len && i < 10; i++) {
		if (i == 9 && byte[i] > 1)	/* more than 64 bits */
			return false;
		*n |= (uint64_t)(byte[i] & 0x7f) << (7 * i);
		if (byte[i] & 0x80)
			continue;
		*in = slice(byte + i + 1, in->len - i - 1);
		return true;
	}
	return false;
}

/* Nearly all are of one byte. */
static inline bool take_varint(struct slice *in, uint64_t *n)
{
	const unsigned char *byte = in->data;

	if (!in->len || *byte & 0x80)
		return take_long_varint(in, n);
	*n = *byte;
	*in = slice(byte + 1, in->len - 1);
	return true;
}

static bool take_number(struct slice *in, int64_t *n)
{
	uint64_t zigzag;

	if (!take_varint(in, &zigzag))
		return false;
	*n = (int64_t)((zigzag >> 1) ^ (zigzag & 1 ? UINT64_MAX : 0));
	return true;
}

static bool take_bytes(struct slice *in, struct slice *bytes)
{
	uint64_t len;

	if (!take_varint(in, &len) || len > in->len)
		return false;
	*bytes = slice(in->data, len);
	*in = slice((const char *)in->data + len, in->len - len);
	return true;
}

/* Owned; NULL if it holds a NUL. */
static char *to_text(struct slice bytes)
{
	return bytes.len && memchr(bytes.data, 0, bytes.len) ? NULL : xstrndup(bytes.data, bytes.len);
}

static bool decode_list(struct slice in, char ***list)
{
	struct slice bytes;

	strv_free(TAKE(*list));
	while (in.len) {
		_cleanup_free_ char *text = NULL;

		if (!take_bytes(&in, &bytes) || !(text = to_text(bytes)))
			return false;
		strv_add(list, text);
	}
	return true;
}

static bool decode_value(void *rec, const struct field *f, struct slice in)
{
	int64_t n;

	switch (f->type) {
	case STR:
		free(*str_of(rec, f));
		*str_of(rec, f) = to_text(in);
		return *str_of(rec, f);
	case STRV:
		return decode_list(in, strv_of(rec, f));
	case INT:
	case TIME:
		return take_number(&in, int_of(rec, f)) && !in.len;
	case BOOL:
		if (!take_number(&in, &n) || in.len)
			return false;
		*bool_of(rec, f) = n;
		return true;
	case BLOB:
		record_set_blob(blob_of(rec, f), in);
		return true;
	}
	return false;
}

int record_damaged(const struct record_type *type, struct err *e, const char *where)
{
	err_set(e, ERR_STORAGE, "the stored %s is damaged: %s", record_noun(type), where);
	return err_hint(e, "Restore a backup.");
}

static int decode_fields(const struct record_type *type, void *rec, struct slice in, struct err *e)
{
	const unsigned char *version = in.data;

	if (!in.len)
		return record_damaged(type, e, "it is empty");
	if (*version != ENCODING)
		return record_damaged(type, e, "its encoding is unknown");
	in = slice(version + 1, in.len - 1);
	while (in.len) {
		const struct field *f;
		struct slice value;
		uint64_t tag;

		if (!take_varint(&in, &tag) || !take_bytes(&in, &value))
			return record_damaged(type, e, "it is cut short");
		f = record_field(type, tag);
		if (f && !decode_value(rec, f, value))	/* an unknown one is of a newer program: skipped */
			return record_damaged(type, e, f->name);
	}
	return 0;
}

int record_read(const struct record_type *type, void *rec, const struct slice *id, struct slice in, struct err *e)
{
	_cleanup_free_ void *fresh = xcalloc(1, type->size);

	if (decode_fields(type, fresh, in, e) < 0) {
		record_release(type, fresh);
		return -1;
	}
	if (id && !slice_eq(*id, slice_str(id_of(type, fresh)))) {
		record_release(type, fresh);
		return record_damaged(type, e, "its id is different");
	}
	record_release(type, rec);
	memcpy(rec, fresh, type->size);
	return 0;
}

int record_decode(const struct record_type *type, void *rec, struct slice in, struct err *e)
{
	return record_read(type, rec, NULL, in, e);
}

bool record_next_text(struct slice *list, struct slice *text)
{
	return list->len && take_bytes(list, text);
}

/*
 * Looking at what is stored, without copies: see record_skim().
 */

/* As take_varint(), of bytes that stay in registers: this is the innermost of all.  NULL: it is not there. */
static inline const unsigned char *varint_at(const unsigned char *p, const unsigned char *end, uint64_t *n)
{
	struct slice rest = slice(p, (size_t)(end - p));

	if (p < end && !(*p & 0x80)) {
		*n = *p;
		return p + 1;
	}
	if (end - p > 1 && !(p[1] & 0x80)) {
		*n = (uint64_t)(p[0] & 0x7f) | (uint64_t)p[1] << 7;
		return p + 2;
	}
	return take_long_varint(&rest, n) ? rest.data : NULL;
}

/* All of the bytes, from the last on: what nothing but whole bytes can say. */
static bool skim_number(void *rec, const struct field *f, const unsigned char *p, const unsigned char *end)
{
	uint64_t zigzag = 0;

	if (end - p < 1 || end - p > 10 || end[-1] & 0x80 || (end - p == 10 && end[-1] > 1))
		return false;
	for (const unsigned char *byte = end; byte-- > p;) {
		if (byte + 1 < end && !(*byte & 0x80))
			return false;
		zigzag = zigzag << 7 | (*byte & 0x7f);
	}
	if (f->type == BOOL)
		*bool_of(rec, f) = zigzag;
	else
		*int_of(rec, f) = (int64_t)((zigzag >> 1) ^ (zigzag & 1 ? UINT64_MAX : 0));
	return true;
}

/* Only what the former row had: a record has many more fields than are set. */
static void forget_look(const struct record_type *type, struct glance *look)
{
	for (size_t i = 0; i < look->sets; i++) {
		const struct field *f = &type->field[look->set[i]];

		look->value[look->set[i]] = slice(NULL, 0);
		if (f->type == BOOL)
			*bool_of(look->rec, f) = false;
		else if (f->type == INT || f->type == TIME)
			*int_of(look->rec, f) = 0;
	}
	look->sets = 0;
}

static bool look_at_numbers(const struct record_type *type, const struct glance *look)
{
	for (size_t i = 0; i < look->sets; i++) {
		const struct field *f = &type->field[look->set[i]];
		struct slice value = look->value[look->set[i]];

		if ((f->type == INT || f->type == TIME || f->type == BOOL) &&
		    !skim_number(look->rec, f, value.data, (const unsigned char *)value.data + value.len))
			return false;
	}
	return true;
}

bool record_look(const struct record_type *type, struct glance *look, struct slice in)
{
	const unsigned char *p = in.data, *end = p + in.len;

	forget_look(type, look);
	if (p == end || *p++ != ENCODING)
		return false;
	while (p < end) {
		uint64_t tag, len;
		size_t field;

		p = varint_at(p, end, &tag);
		p = p ? varint_at(p, end, &len) : NULL;
		if (!p || len > (size_t)(end - p))
			return false;
		field = tag < TAGS ? type->by_tag[tag] : 0;
		if (field-- && look->sets < TAGS) {	/* each is there once, but for what is damaged */
			look->set[look->sets++] = (unsigned char)field;
			look->value[field] = slice(p, len);
		}
		p += len;
	}
	return look_at_numbers(type, look);
}
