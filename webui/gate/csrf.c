#include "webui/gate/csrf.h"

#include "base/digest.h"
#include "base/encode.h"
#include "webui/page/form.h"

static int forged(struct err *e)
{
	err_set(e, ERR_DENIED, "this request does not come from a page of this session");
	err_code(e, "csrf");
	return err_hint(e, "The page may be too old: load it again.");
}

/* What browsers say about where a request comes from; others say nothing. */
static bool is_from_elsewhere(const struct request *r)
{
	const char *site = request_header(r, HTTP_fetch_site), *origin = request_header(r, HTTP_origin);
	const char *host = request_header(r, HTTP_host);

	if (site)
		return strcmp(site, "same-origin") && strcmp(site, "none");
	return origin && (!str_starts(origin, "https://") || !host || strcasecmp(origin + strlen("https://"), host));
}

char *csrf_mask(const struct visitor *v)
{
	unsigned char both[2 * sizeof(v->csrf)];
	size_t len = strlen(v->csrf);

	random_bytes(both, len);
	for (size_t i = 0; i < len; i++)
		both[len + i] = both[i] ^ (unsigned char)v->csrf[i];
	return base64url_str(both, 2 * len);
}

/* What is under the mask, or the text itself.  NULL: neither is as long as a token.  Owned. */
static char *unmask(const char *shown, size_t len)
{
	_cleanup_buf_ struct buf both = BUF_INIT;
	char *token;

	if (strlen(shown) == len)
		return xstrdup(shown);
	if (base64url_decode(&both, shown, strlen(shown)) < 0 || both.len != 2 * len)
		return NULL;
	token = xcalloc(1, len + 1);
	for (size_t i = 0; i < len; i++)
		token[i] = (char)(both.data[i] ^ both.data[len + i]);
	return token;
}

static bool has_csrf(const struct request *r)
{
	const char *header = request_header(r, HTTP_csrf_token), *shown = header ? header : form_text(r, "_csrf");
	size_t len = strlen(r->visitor.csrf);
	_cleanup_wipe_ char *token = shown ? unmask(shown, len) : NULL;

	return token && same_secret(token, r->visitor.csrf, len);
}

int csrf_check(struct request *r, struct err *e)
{
	if (r->visitor.admin || r->visitor.bearer)
		return 0;
	return is_from_elsewhere(r) || (*r->visitor.session && !has_csrf(r)) ? forged(e) : 0;
}
