#include "pki/der.h"

#include <mbedtls/asn1.h>

bool der_take(struct slice *in, int tag, struct slice *content, struct slice *whole)
{
	/* mbedTLS reads through pointers to non-const; it writes nothing. */
	unsigned char *start = (unsigned char *)in->data, *p = start, *end;
	size_t len;

	if (!in->len || (tag != DER_ANY && *start != tag))
		return false;
	end = start + in->len;
	if (mbedtls_asn1_get_tag(&p, end, &len, *start))
		return false;
	*in = slice(p + len, (size_t)(end - p) - len);
	if (content)
		*content = slice(p, len);
	if (whole)
		*whole = slice(start, (size_t)(p - start) + len);
	return true;
}

int der_tag(struct slice in)
{
	return in.len ? *(const unsigned char *)in.data : -1;
}

static struct slice without_zeros(struct slice number)
{
	const unsigned char *p = number.data;

	while (number.len && !*p) {
		p++;
		number.len--;
	}
	return slice(p, number.len);
}

bool der_take_uint(struct slice *in, struct slice *magnitude)
{
	struct slice rest = *in, number;

	if (!der_take(&rest, DER_INTEGER, &number, NULL) || !number.len || *(const unsigned char *)number.data & 0x80)
		return false;
	*magnitude = without_zeros(number);
	*in = rest;
	return true;
}

size_t der_bits(struct slice magnitude)
{
	const unsigned char *p = magnitude.data;
	size_t bits = magnitude.len * 8;

	for (int bit = 0x80; bits && bit && !(*p & bit); bit >>= 1)
		bits--;
	return bits;
}

bool der_take_bits(struct slice *in, struct slice *bytes)
{
	struct slice rest = *in, bits;

	if (!der_take(&rest, DER_BITS, &bits, NULL) || !bits.len || *(const unsigned char *)bits.data != 0)
		return false;
	*bytes = slice((const char *)bits.data + 1, bits.len - 1);
	*in = rest;
	return true;
}

static void put_header(struct buf *out, int tag, size_t len)
{
	int octets = 0;

	buf_add_ch(out, (char)tag);
	if (len < 0x80) {
		buf_add_ch(out, (char)len);
		return;
	}
	for (size_t rest = len; rest; rest >>= 8)
		octets++;
	buf_add_ch(out, (char)(0x80 | octets));
	while (octets--)
		buf_add_ch(out, (char)(len >> (8 * octets) & 0xff));
}

void der_put(struct buf *out, int tag, struct slice content)
{
	put_header(out, tag, content.len);
	buf_add(out, content.data, content.len);
}

void der_put_uint(struct buf *out, struct slice magnitude)
{
	struct slice number = without_zeros(magnitude);
	bool pad = !number.len || *(const unsigned char *)number.data & 0x80;

	put_header(out, DER_INTEGER, number.len + pad);
	if (pad)
		buf_add_ch(out, 0);
	buf_add(out, number.data, number.len);
}

void der_put_bits(struct buf *out, struct slice bytes)
{
	put_header(out, DER_BITS, bytes.len + 1);
	buf_add_ch(out, 0);
	buf_add(out, bytes.data, bytes.len);
}

void der_put_algorithm(struct buf *out, struct slice oid, struct slice parameters)
{
	_cleanup_buf_ struct buf body = BUF_INIT;

	der_put(&body, DER_OID, oid);
	buf_add(&body, parameters.data, parameters.len);
	der_put(out, DER_SEQUENCE, slice_buf(&body));
}
