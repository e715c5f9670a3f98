#include "pki/file/zip.h"

#define LOCAL_HEADER 0x04034b50
#define CENTRAL_HEADER 0x02014b50
#define END_OF_DIRECTORY 0x06054b50
#define VERSION_NEEDED 10		/* stored files need no more */
#define MADE_ON_UNIX (3 << 8 | 30)	/* so that permissions are read */
#define REGULAR_FILE 0100000u
#define DATE_1980_01_01 0x0021

static uint32_t crc32_of(struct slice s)
{
	const unsigned char *p = s.data;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < s.len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void put16(struct buf *out, unsigned int n)
{
	buf_add(out, (unsigned char[]){ n & 0xff, n >> 8 & 0xff }, 2);
}

static void put32(struct buf *out, uint32_t n)
{
	put16(out, n & 0xffff);
	put16(out, n >> 16);
}

/* What both headers of a file have in the middle. */
static void put_common(struct buf *out, const char *name, struct slice content)
{
	put16(out, VERSION_NEEDED);
	put16(out, 0);			/* no flags */
	put16(out, 0);			/* stored */
	put16(out, 0);			/* midnight */
	put16(out, DATE_1980_01_01);
	put32(out, crc32_of(content));
	put32(out, (uint32_t)content.len);
	put32(out, (uint32_t)content.len);
	put16(out, (unsigned int)strlen(name));
	put16(out, 0);			/* no extra fields */
}

void zip_add(struct zip *z, const char *name, unsigned int mode, struct slice content)
{
	uint32_t at = (uint32_t)z->files.len;

	put32(&z->files, LOCAL_HEADER);
	put_common(&z->files, name, content);
	buf_add_str(&z->files, name);
	buf_add(&z->files, content.data, content.len);

	put32(&z->directory, CENTRAL_HEADER);
	put16(&z->directory, MADE_ON_UNIX);
	put_common(&z->directory, name, content);
	put16(&z->directory, 0);	/* no comment */
	put16(&z->directory, 0);	/* first disk */
	put16(&z->directory, 0);	/* nothing known of the content */
	put32(&z->directory, (REGULAR_FILE | mode) << 16);
	put32(&z->directory, at);
	buf_add_str(&z->directory, name);
	z->count++;
}

void zip_finish(struct zip *z, struct buf *archive)
{
	buf_add(archive, z->files.data, z->files.len);
	buf_add(archive, z->directory.data, z->directory.len);
	put32(archive, END_OF_DIRECTORY);
	put32(archive, 0);		/* one disk */
	put16(archive, z->count);
	put16(archive, z->count);
	put32(archive, (uint32_t)z->directory.len);
	put32(archive, (uint32_t)z->files.len);
	put16(archive, 0);		/* no comment */
}

void zip_release(struct zip *z)
{
	buf_wipe(&z->files);
	buf_wipe(&z->directory);
	z->count = 0;
}
