#include "webui/http/csrf.h"

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

static bool has_csrf(const struct request *r)
{
	const char *header = request_header(r, HTTP_csrf_token), *shown = header ? header : form_text(r, "_csrf");
	size_t len = strlen(r->visitor.csrf);

	return shown && strlen(shown) == len && same_secret(shown, r->visitor.csrf, len);
}

int csrf_check(struct request *r, struct err *e)
{
	if (r->visitor.admin || r->visitor.bearer)
		return 0;
	return is_from_elsewhere(r) || (*r->visitor.session && !has_csrf(r)) ? forged(e) : 0;
}
