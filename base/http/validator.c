#include "base/http/validator.h"

#include "base/http/date.h"

/* The next entity tag of a list, quotes included; NULL: there is none. */
static const char *next_etag(const char **list, size_t *len)
{
	const char *tag = *list + strspn(*list, ", \t");
	const char *end;

	if (str_starts(tag, "W/"))
		tag += 2;
	end = *tag == '"' ? strchr(tag + 1, '"') : NULL;
	if (!end)
		return NULL;
	*len = (size_t)(end + 1 - tag);
	*list = end + 1;
	return tag;
}

static bool has_etag(const char *list, const char *etag)
{
	const char *tag;
	size_t len;

	if (!strcmp(list, "*"))
		return true;
	while ((tag = next_etag(&list, &len)))
		if (len == strlen(etag) && !memcmp(tag, etag, len))
			return true;
	return false;
}

bool validator_unchanged(const char *if_none_match, const char *if_modified_since, const char *etag, int64_t modified)
{
	int64_t since;

	if (if_none_match)
		return has_etag(if_none_match, etag);
	return if_modified_since && http_date_parse(if_modified_since, &since) == 0 && modified <= since;
}
