#include "webui/http/router.h"

#include "base/buf.h"

static const struct route routes[] = {
#define ROUTE(method, path, page, role, effect, template) \
	{ METHOD_##method, path, page, ROLE_##role, EFFECT_##effect, template },
#include "webui/routes.def"
#undef ROUTE
};

const struct route *router_row(size_t index)
{
	return index < ARRAY_SIZE(routes) ? &routes[index] : NULL;
}

/* Takes one segment of each, with the slash before it.  False: they differ. */
static bool match_segment(const char **pattern, const char **path, struct params *params)
{
	const char *want = *pattern + 1, *have = *path + 1;
	size_t want_len = strcspn(want, "/"), have_len = strcspn(have, "/");
	_cleanup_free_ char *name = *want == ':' || *want == '*' ? xstrndup(want + 1, want_len - 1) : NULL;
	char *value;

	*pattern = want + want_len;
	*path = *want == '*' ? have + strlen(have) : have + have_len;
	if (!name)
		return want_len == have_len && !memcmp(want, have, want_len);
	if (*want == ':' && !have_len)
		return false;
	value = *want == '*' ? xstrdup(have) : params_decode(have, have_len, false);
	if (value)
		params_add(params, name, value);
	return value;
}

static bool match_path(const char *pattern, const char *path, struct params *params)
{
	while (*pattern)
		if (*path != '/' || !match_segment(&pattern, &path, params))
			return false;
	return !*path;
}

#define API "/api/v1"

/* The path under which a browser finds it; NULL: it does not. */
static const char *page_path(const struct route *r)
{
	bool api = str_starts(r->path, API "/");

	if (!api)
		return *r->template ? r->path : NULL;
	return *r->template || r->method != METHOD_GET ? r->path + strlen(API) : NULL;
}

static bool match_row(const struct route *r, const char *path, struct params *params, bool *html)
{
	const char *page = page_path(r);

	*html = false;
	if (page != r->path && match_path(r->path, path, params))
		return true;
	params_release(params);
	*html = true;
	return page && match_path(page, path, params);
}

void router_find(struct match *m, enum method method, const char *path)
{
	*m = (struct match){ .path = NULL };
	for (size_t i = 0; i < ARRAY_SIZE(routes) && !m->route; i++) {
		struct params params = { NULL, 0 };
		bool html;

		if (!match_row(&routes[i], path, &params, &html)) {
			params_release(&params);
			continue;
		}
		if (routes[i].method == method)
			m->route = &routes[i];
		if (m->path && !m->route && m->path->role <= routes[i].role) {
			params_release(&params);
			continue;
		}
		m->html = html;
		params_release(&m->params);
		m->params = params;
		m->path = &routes[i];
	}
}

void match_release(struct match *m)
{
	params_release(&m->params);
}

char *router_methods(const struct route *path)
{
	static const char *const names[] = {
		[METHOD_GET] = "GET, HEAD", [METHOD_POST] = "POST", [METHOD_DELETE] = "DELETE"
	};
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		if (!strcmp(routes[i].path, path->path))
			buf_addf(&list, "%s%s", list.len ? ", " : "", names[routes[i].method]);
	return buf_detach(&list);
}
