#include "pki/regroup.h"

#define HEADER 5		/* of a record: type, version, length */
#define RECORD_MOST (16384 + 2048)
#define TEXT_MOST 16384		/* in one that is not encrypted */
#define MESSAGE_HEADER 4	/* type, length */

enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };

void regroup_release(struct regroup *r)
{
	buf_release(&r->in);
	buf_release(&r->message);
	buf_release(&r->out);
}

static const unsigned char *bytes(const struct buf *b)
{
	return (const unsigned char *)b->data;
}

static size_t record_size(const struct regroup *r)
{
	return HEADER + (size_t)(bytes(&r->in)[3] << 8 | bytes(&r->in)[4]);
}

static void drop_front(struct buf *b, size_t len)
{
	memmove(b->data, b->data + len, b->len - len);
	b->len -= len;
}

/* The first bytes of the message as a record like the one that is here. */
static void give(struct regroup *r, size_t len)
{
	const unsigned char length[] = { (unsigned char)(len >> 8), (unsigned char)len };

	buf_add(&r->out, r->in.data, HEADER - sizeof(length));
	buf_add(&r->out, length, sizeof(length));
	buf_add(&r->out, r->message.data, len);
	drop_front(&r->message, len);
}

static void give_messages(struct regroup *r)
{
	while (r->message.len >= MESSAGE_HEADER) {
		const unsigned char *m = bytes(&r->message);
		size_t len = MESSAGE_HEADER + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);

		if (len > TEXT_MOST) {
			r->too_long = r->through = true;
			break;
		}
		if (r->message.len < len)
			return;
		give(r, len);
	}
	while (r->through && r->message.len)
		give(r, MIN(r->message.len, TEXT_MOST));
}

static void take_record(struct regroup *r)
{
	if (r->in.data[0] == HANDSHAKE) {
		buf_add(&r->message, r->in.data + HEADER, r->in.len - HEADER);
		give_messages(r);
	} else {
		buf_add(&r->out, r->in.data, r->in.len);
		r->through = r->in.data[0] != ALERT;	/* what follows is encrypted */
	}
	buf_clear(&r->in);
}

/* Whatever else this is: mbedTLS will say so. */
static bool is_record(const struct regroup *r)
{
	const unsigned char *header = bytes(&r->in);

	return header[0] >= CHANGE_CIPHER_SPEC && header[0] <= APPLICATION_DATA && header[1] == 3 &&
	       record_size(r) <= HEADER + RECORD_MOST;
}

static void take(struct regroup *r)
{
	if (r->in.len < HEADER)
		return;
	if (!is_record(r)) {
		buf_add(&r->out, r->in.data, r->in.len);
		r->through = true;
	} else if (r->in.len == record_size(r)) {
		take_record(r);
	}
}

static size_t give_out(struct regroup *r, void *data, size_t len)
{
	size_t part = MIN(len, r->out.len - r->given);

	memcpy(data, r->out.data + r->given, part);
	r->given += part;
	if (r->given == r->out.len) {
		buf_clear(&r->out);
		r->given = 0;
	}
	if (r->through && !r->out.len)
		regroup_release(r);
	return part;
}

ssize_t regroup_read(struct regroup *r, void *data, size_t len, regroup_get *get, void *arg)
{
	while (!r->out.len) {
		size_t wanted = (r->in.len < HEADER ? HEADER : record_size(r)) - r->in.len;
		ssize_t got;

		if (r->through)
			return get(arg, data, len);
		got = get(arg, buf_reserve(&r->in, wanted), wanted);
		if (got <= 0)
			return got;
		r->in.len += (size_t)got;
		take(r);
	}
	return (ssize_t)give_out(r, data, len);
}
