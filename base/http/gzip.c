#include "base/http/gzip.h"

#include <zlib.h>

#define LEVEL 5			/* of 9: beyond it, pages take longer and get hardly smaller */
#define GZIP_WINDOW (15 + 16)	/* the largest, in gzip's format */
#define MEMORY 8

/* "gzip", or "*", unless its weight is 0. */
static bool takes(const char *coding)
{
	size_t len = strcspn(coding, " \t;");
	const char *weight = strstr(coding, "q=");

	if ((len != 4 || strncasecmp(coding, "gzip", 4)) && (len != 1 || *coding != '*'))
		return false;
	return !weight || strtod(weight + 2, NULL) > 0;
}

bool gzip_is_accepted(const char *accept_encoding)
{
	_cleanup_strv_ char **codings = strv_split(accept_encoding ? accept_encoding : "", ",");

	for (char **coding = codings; coding && *coding; coding++)
		if (takes(*coding + strspn(*coding, " \t")))
			return true;
	return false;
}

void gzip_add(struct buf *out, struct slice body)
{
	z_stream z = { .next_in = (unsigned char *)body.data, .avail_in = (uInt)body.len };
	uLong most;

	if (deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		die("zlib has no memory");
	most = deflateBound(&z, body.len);
	z.next_out = (unsigned char *)buf_reserve(out, most);
	z.avail_out = (uInt)most;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		die("zlib needs more room than it said");
	out->len += most - z.avail_out;
	deflateEnd(&z);
}
