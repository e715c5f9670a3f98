#include "acme/link.h"

#define BLANKS " \t"

bool link_usable(const char *url)
{
	if (!url || !str_starts(url, "https://") || strlen(url) > LINK_MAX)
		return false;
	while (*url > ' ' && *url <= '~')
		url++;
	return !*url;
}

/* The end of a parameter or of a link, with quoted parts skipped. */
static const char *end_of(const char *p, const char *stops)
{
	for (bool quoted = false; *p && (quoted || !strchr(stops, *p)); p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '\\' && quoted && p[1])
			p++;
	}
	return p;
}

/* Is `rel` one of the words of a parameter's value, quoted or not? */
static bool has_word(const char *value, const char *end, const char *rel)
{
	size_t len = strlen(rel);

	while (value < end) {
		size_t word;

		value += strspn(value, BLANKS "\"");
		if (value >= end)
			break;
		word = strcspn(value, BLANKS "\",;");
		if (word == len && !strncasecmp(value, rel, len))
			return true;
		value += MAX(word, 1u);
	}
	return false;
}

/* Do the parameters in [p, end) say this relation?  Only the first rel counts (RFC 8288 section 3.3). */
static bool has_rel(const char *p, const char *end, const char *rel)
{
	while (p < end && *p == ';') {
		const char *name = p + 1 + strspn(p + 1, BLANKS);
		const char *stop = end_of(name, ";,");
		size_t len = strcspn(name, "=;, \t");
		const char *value = name + len + strspn(name + len, BLANKS);

		if (len == 3 && !strncasecmp(name, "rel", 3) && *value == '=')
			return has_word(value + 1, stop, rel);
		p = stop;
	}
	return false;
}

/* The URL as it is, or a path on the host of `base`; only https.  NULL: neither. */
static char *resolve(const char *target, size_t len, const char *base)
{
	_cleanup_free_ char *url = xstrndup(target, len);
	const char *host = link_usable(base) ? base + strlen("https://") : NULL;

	if (link_usable(url))
		return TAKE(url);
	if (!host || *url != '/' || url[1] == '/')
		return NULL;
	return xasprintf("https://%.*s%s", (int)strcspn(host, "/?#"), host, url);
}

char *link_in(const char *header, const char *base, const char *rel, size_t *nth)
{
	const char *p = header;

	while (*(p += strspn(p, BLANKS ","))) {
		const char *close, *end;

		if (*p != '<' || !(close = strchr(p, '>'))) {
			p = end_of(p, ",");
			continue;
		}
		end = end_of(close + 1, ",");
		if (has_rel(close + 1 + strspn(close + 1, BLANKS), end, rel)) {
			_cleanup_free_ char *url = resolve(p + 1, (size_t)(close - p - 1), base);

			if (url && !(*nth)--)
				return TAKE(url);
		}
		p = end;
	}
	return NULL;
}

char *link_find(const struct fetch_reply *f, const char *base, const char *rel, size_t nth)
{
	const char *header;

	for (size_t i = 0; f && (header = fetch_header(f, "Link", i)); i++) {
		char *url = link_in(header, base, rel, &nth);

		if (url)
			return url;
	}
	return NULL;
}
