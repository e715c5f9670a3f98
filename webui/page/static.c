/* Style sheets, the script and images of the pages. */
#include "base/digest.h"
#include "base/encode.h"
#include "webui/http/compress.h"
#include "webui/http/reply.h"
#include "webui/page/files.h"

static const char *type_of(const char *name)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_ends(name, types[i].end))
			return types[i].type;
	return "text/plain; charset=utf-8";
}

/* A name with the digest of all files before it stands for these bytes for ever. */
static bool has_digest(const char *file)
{
	size_t len = strlen(files_digest);

	return str_starts(file, files_digest) && file[len] == '/';
}

int page_static(struct request *r, struct err *e)
{
	_cleanup_(files_release) struct files files = { .directory = r->webui->settings->develop };
	const char *file = params_get(&r->path, "file"), *slash = strchr(file, '/');
	_cleanup_free_ char *name = xasprintf("static/%s", slash ? slash + 1 : file);
	const char *text = files_get(&files, name), *known = request_header(r, HTTP_if_none_match);
	bool lasts = has_digest(file) && !*r->webui->settings->develop;
	unsigned char digest[SHA256_SIZE];
	_cleanup_free_ char *hex = NULL, *etag = NULL;

	if (!text)
		return err_set(e, ERR_MISSING, "there is no such file");
	sha256(text, strlen(text), digest);
	hex = hex_str(digest, 8);
	etag = xasprintf("W/\"%s\"", hex);	/* the same, compressed or not */
	reply_header(r, "ETag", etag);
	/* By a name of an earlier version, or of none, it is asked for again, which is cheap. */
	reply_header(r, "Cache-Control", lasts ? "private, max-age=31536000, immutable" : "private, no-cache");
	if (str_eq(known, etag))
		return reply_empty(r, 304);
	return reply_public(r, type_of(name), slice_str(text));
}
