#include "keeper/word.h"

#include "base/encode.h"

#define BYTES 32

void word_make(const char *prefix, struct buf *text, unsigned char hash[SHA256_SIZE])
{
	unsigned char bytes[BYTES];
	size_t start = text->len;

	random_bytes(bytes, sizeof(bytes));
	buf_reserve(text, 64);	/* so that none of it stays behind in memory that was too small */
	buf_add_str(text, prefix);
	base64url_add(text, bytes, sizeof(bytes));
	sha256(text->data + start, text->len - start, hash);
	wipe(bytes, sizeof(bytes));
}
