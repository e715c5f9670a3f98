#include "pki/file/ber.h"

#include "pki/der.h"

enum { CONSTRUCTED = 0x20, LONG_TAG = 0x1f, ENDLESS = 0x80, OCTETS_IN_PIECES = DER_OCTETS | CONSTRUCTED };

static bool put_element(struct slice *in, int depth, struct buf *out);

static struct slice behind(struct slice in, size_t len)
{
	return slice((const char *)in.data + len, in.len - len);
}

/* Elements: all of `in`, or up to the end-of-contents octets that close an element without a length. */
static bool put_elements(struct slice *in, bool endless, int depth, struct buf *out)
{
	while (in->len) {
		if (endless && in->len >= 2 && !memcmp(in->data, "\0\0", 2)) {
			*in = behind(*in, 2);
			return true;
		}
		if (!put_element(in, depth, out))
			return false;
	}
	return !endless;
}

/* The pieces, which have become octet strings of one piece each. */
static bool put_joined(struct buf *out, struct slice pieces)
{
	_cleanup_buf_wipe_ struct buf whole = BUF_INIT;
	struct slice piece;

	while (der_take(&pieces, DER_OCTETS, &piece, NULL))
		buf_add(&whole, piece.data, piece.len);
	der_put(out, DER_OCTETS, slice_buf(&whole));
	return !pieces.len;
}

static bool put_endless(struct slice *in, int depth, struct buf *out)
{
	_cleanup_buf_wipe_ struct buf content = BUF_INIT;
	int tag = der_tag(*in);

	*in = behind(*in, 2);
	if (!put_elements(in, true, depth, &content))
		return false;
	if (tag == OCTETS_IN_PIECES)
		return put_joined(out, slice_buf(&content));
	der_put(out, tag, slice_buf(&content));
	return true;
}

static bool put_definite(struct slice *in, int depth, struct buf *out)
{
	_cleanup_buf_wipe_ struct buf content = BUF_INIT;
	int tag = der_tag(*in);
	struct slice old, rest, whole;

	if (!der_take(in, DER_ANY, &old, &whole))
		return false;
	rest = old;
	if ((tag & CONSTRUCTED) && !put_elements(&rest, false, depth, &content))
		return false;
	if (tag == OCTETS_IN_PIECES)
		return put_joined(out, slice_buf(&content));
	if (!(tag & CONSTRUCTED) || slice_eq(slice_buf(&content), old))
		buf_add(out, whole.data, whole.len);
	else
		der_put(out, tag, slice_buf(&content));
	return true;
}

static bool put_element(struct slice *in, int depth, struct buf *out)
{
	const unsigned char *p = in->data;

	if (depth >= BER_DEPTH || in->len < 2 || (p[0] & LONG_TAG) == LONG_TAG)
		return false;
	if (p[1] == ENDLESS)
		return (p[0] & CONSTRUCTED) && put_endless(in, depth + 1, out);
	return put_definite(in, depth + 1, out);
}

struct slice ber_normal(struct slice in, struct buf *room)
{
	struct slice rest = in;

	if (!in.len || in.len > BER_MOST || !put_element(&rest, 0, room))
		return in;
	buf_add(room, rest.data, rest.len);
	return slice_eq(slice_buf(room), in) ? in : slice_buf(room);
}
