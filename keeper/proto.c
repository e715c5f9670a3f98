#include "keeper/proto.h"

#include <arpa/inet.h>

static const struct proto_op ops[] = {
#define OP(name, lane, who, question, answer) { #name, lane, who, question, answer },
#include "keeper/proto.def"
#undef OP
};

const struct proto_op *proto_op(unsigned code)
{
	return code < ARRAY_SIZE(ops) ? &ops[code] : NULL;
}

/* The next word of `names` and its length; NULL at the end. */
static const char *next_word(const char *names, size_t *len)
{
	names += strspn(names, " ");
	*len = strcspn(names, " ");
	return *len ? names : NULL;
}

size_t proto_arity(const char *names)
{
	size_t count = 0, len;

	for (const char *w = names; (w = next_word(w, &len)); w += len)
		count++;
	return count;
}

size_t proto_index(const char *names, const char *name)
{
	size_t i = 0, len;

	for (const char *w = names; (w = next_word(w, &len)); w += len, i++)
		if (len == strlen(name) && !memcmp(w, name, len))
			return i;
	die("keeper/proto.def knows no field \"%s\" among \"%s\"", name, names);
}

static void add_u32(struct buf *b, size_t n)
{
	uint32_t wire = htonl((uint32_t)n);

	buf_add(b, &wire, sizeof(wire));
}

static uint32_t get_u32(const unsigned char *p)
{
	uint32_t wire;

	memcpy(&wire, p, sizeof(wire));
	return ntohl(wire);
}

/* Bytes of the packet; more than KEEPER_MESSAGE_MAX if it cannot be one. */
static size_t packet_size(const struct message *m)
{
	size_t size = PROTO_HEADER;

	for (size_t i = 0; i < m->count; i++) {
		if (m->field[i].len > KEEPER_MESSAGE_MAX)
			return SIZE_MAX;
		size += 4 + m->field[i].len + 1;
	}
	return size;
}

int proto_encode(struct buf *packet, const struct message *m, struct err *e)
{
	size_t size;

	if (m->count > KEEPER_FIELDS)
		return err_set(e, ERR_INTERNAL, "a keeper message of %zu fields; it can have %d", m->count,
			       KEEPER_FIELDS);
	size = packet_size(m);
	if (size > KEEPER_MESSAGE_MAX)
		return err_set(e, ERR_INVALID, "this is too large for the keeper, which takes %d KiB at once",
			       KEEPER_MESSAGE_MAX / 1024);

	buf_reserve(packet, size);	/* in one piece: secrets are not left behind by growth */
	add_u32(packet, m->id);
	buf_add_ch(packet, (char)m->code);
	buf_add_ch(packet, (char)m->count);
	for (size_t i = 0; i < m->count; i++) {
		add_u32(packet, m->field[i].len);
		if (m->field[i].len)
			buf_add(packet, m->field[i].data, m->field[i].len);
		buf_add(packet, "", 1);
	}
	return 0;
}

void proto_encode_err(struct buf *packet, uint32_t id, const struct err *e)
{
	struct message m = {
		.id = id,
		.code = PROTO_ERROR,
		.count = 4,
		.field = { slice_str(err_kind_name(e->kind)), slice_str(e->message), slice_str(e->hint),
			   slice_str(e->code) },
	};

	if (proto_encode(packet, &m, NULL) < 0)
		die("an error does not fit into a keeper message");
}

void proto_decode_err(const struct message *m, struct err *e)
{
	if (m->count != 4) {
		err_set(e, ERR_INTERNAL, "the keeper sent an error of %zu fields", m->count);
		return;
	}
	err_set(e, err_kind_by_name(m->field[0].data), "%s", (const char *)m->field[1].data);
	if (m->field[2].len)
		err_hint(e, "%s", (const char *)m->field[2].data);
	if (m->field[3].len)
		err_code(e, m->field[3].data);
}

int proto_decode(struct message *m, struct slice packet, struct err *e)
{
	const unsigned char *p = packet.data, *end = p + packet.len;

	*m = (struct message){ 0 };
	if (packet.len < PROTO_HEADER)
		return err_set(e, ERR_USAGE, "a keeper message of %zu bytes has no header", packet.len);
	m->id = get_u32(p);
	m->code = p[4];
	m->count = p[5];
	p += PROTO_HEADER;
	if (m->count > KEEPER_FIELDS)
		return err_set(e, ERR_USAGE, "a keeper message of %zu fields; it can have %d", m->count, KEEPER_FIELDS);

	for (size_t i = 0; i < m->count; i++) {
		size_t len;

		if (end - p < 5 || (len = get_u32(p)) > (size_t)(end - p) - 5 || p[4 + len])
			return err_set(e, ERR_USAGE, "field %zu of a keeper message is cut off", i + 1);
		m->field[i] = slice(p + 4, len);
		p += 4 + len + 1;
	}
	if (p != end)
		return err_set(e, ERR_USAGE, "a keeper message has %zu bytes too many", (size_t)(end - p));
	return 0;
}
