#include "webui/http/compress.h"

#include "base/http/gzip.h"
#include "webui/http/reply.h"

#define HTML "text/html; charset=utf-8"

static int reply_gzip(struct request *r, int status, const char *type, struct slice body)
{
	_cleanup_buf_ struct buf packed = BUF_INIT;

	gzip_add(&packed, body);
	reply_header(r, "Content-Encoding", "gzip");
	return reply(r, status, type, slice_buf(&packed));
}

int reply_public(struct request *r, const char *type, struct slice body)
{
	reply_header(r, "Vary", "Accept-Encoding");
	if (gzip_is_accepted(request_header(r, HTTP_accept_encoding)))
		return reply_gzip(r, 200, type, body);
	return reply(r, 200, type, body);
}

/*
 * Beside /shown, which is made for them: as the keeper and we make them, and where pages show others: an app's secret,
 * a password.
 */
static bool has_secret(struct slice page)
{
	static const char *const marks[] = { "cak_", "ctk_", "cst_", "class=\"secret\"" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (memmem(page.data, page.len, marks[i], strlen(marks[i])))
			return true;
	return false;
}

static bool is_from_here(const struct request *r)
{
	const char *site = request_header(r, HTTP_fetch_site);

	return site && (str_eq(site, "same-origin") || str_eq(site, "none"));
}

int reply_page(struct request *r, int status, struct slice page)
{
	bool asked = r->exchange->request->method == METHOD_GET && r->route && r->route->page != page_shown &&
		     status == 200 && is_from_here(r);

	if (asked && gzip_is_accepted(request_header(r, HTTP_accept_encoding)) && !has_secret(page))
		return reply_gzip(r, status, HTML, page);
	return reply(r, status, HTML, page);
}
