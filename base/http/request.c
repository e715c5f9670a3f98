#include "base/http/request.h"

/* Past slashes and this name; NULL: it is another. */
static const char *skip_segment(const char *path, const char *name)
{
	size_t slashes = strspn(path, "/"), len = strlen(name);

	return slashes && !strncmp(path + slashes, name, len) ? path + slashes + len : NULL;
}

bool http_challenge(const char *path, struct slice *token)
{
	size_t len;

	path = skip_segment(path, ".well-known");
	path = path ? skip_segment(path, "acme-challenge") : NULL;
	if (!path || *path != '/')
		return false;
	path += strspn(path, "/");
	len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	*token = slice(path, len);
	return true;
}
