#include "webui/list/filters.h"

#include "base/buf.h"

char *filters_of(const char *address)
{
	static const char *const others[] = { "first=", "limit=", "format=", "facets=", "before=" };
	const char *query = strchr(address, '?');
	_cleanup_strv_ char **pairs = strv_split(query ? query + 1 : address, "&");
	struct buf out = BUF_INIT;

	for (char **pair = pairs; pair && *pair; pair++) {
		bool other = false;

		for (size_t i = 0; i < ARRAY_SIZE(others); i++)
			other |= str_starts(*pair, others[i]);
		if (!other)
			buf_addf(&out, "%s%s", out.len ? "&" : "", *pair);
	}
	buf_add(&out, "", 0);
	return buf_detach(&out);
}
