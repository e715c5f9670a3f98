#include "daemon/cluster/log.h"

#define VERSION_BYTE 1
#define HEAD_SIZE (1 + 8 + 8 + 4)

static void add_number(struct buf *out, uint64_t number, int bytes)
{
	while (bytes--)
		buf_add_ch(out, (char)(number >> 8 * bytes));
}

static uint64_t read_number(const unsigned char **at, int bytes)
{
	uint64_t number = 0;

	while (bytes--)
		number = number << 8 | *(*at)++;
	return number;
}

void log_head_add(struct buf *out, const struct log_head *head)
{
	add_number(out, VERSION_BYTE, 1);
	add_number(out, head->term, 8);
	add_number(out, head->total, 8);
	add_number(out, head->parts, 4);
}

int log_head_read(struct slice value, struct log_head *head, struct slice *rest)
{
	const unsigned char *at = value.data;

	if (value.len < HEAD_SIZE || *at++ != VERSION_BYTE)
		return -1;
	head->term = read_number(&at, 8);
	head->total = read_number(&at, 8);
	head->parts = (uint32_t)read_number(&at, 4);
	*rest = slice(at, value.len - HEAD_SIZE);
	return 0;
}
