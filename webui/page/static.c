/* Style sheets, the script and images of the pages. */
#include "base/digest.h"
#include "base/encode.h"
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

int page_static(struct request *r, struct err *e)
{
	_cleanup_(files_release) struct files files = { .directory = r->webui->settings->develop };
	_cleanup_free_ char *name = xasprintf("static/%s", params_get(&r->path, "file"));
	const char *text = files_get(&files, name), *known = request_header(r, HTTP_if_none_match);
	unsigned char digest[SHA256_SIZE];
	_cleanup_free_ char *hex = NULL, *etag = NULL;

	if (!text)
		return err_set(e, ERR_MISSING, "there is no such file");
	sha256(text, strlen(text), digest);
	hex = hex_str(digest, 8);
	etag = xasprintf("\"%s\"", hex);
	reply_header(r, "ETag", etag);
	/* Asked for again, which is cheap, so an update shows at once. */
	reply_header(r, "Cache-Control", "private, no-cache");
	if (str_eq(known, etag))
		return reply_empty(r, 304);
	return reply(r, 200, type_of(name), slice_str(text));
}
