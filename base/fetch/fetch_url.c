/* What a URL is made of, by libcurl's reader: the same that reads it when it is fetched. */
#include "base/fetch/fetch.h"

#include <curl/curl.h>

static char *take_part(CURLU *parts, CURLUPart part, unsigned flags)
{
	char *text = NULL, *copy;

	if (curl_url_get(parts, part, &text, flags))
		return xstrdup("");
	copy = xstrdup(text);
	curl_free(text);
	return copy;
}

/* "[::1]" is ::1, and "www.example." is www.example. */
static char *take_host(CURLU *parts)
{
	_cleanup_free_ char *host = take_part(parts, CURLUPART_HOST, CURLU_PUNYCODE);
	size_t len = strlen(host);

	if (*host == '[' && len > 2)
		return xstrndup(host + 1, len - 2);
	return xstrndup(host, len && host[len - 1] == '.' ? len - 1 : len);
}

int fetch_url_read(struct fetch_url *u, const char *base, const char *url)
{
	const unsigned flags = CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE;
	CURLU *parts = curl_url();
	bool failed = (base && curl_url_set(parts, CURLUPART_URL, base, flags)) ||
		      curl_url_set(parts, CURLUPART_URL, url, flags);

	*u = (struct fetch_url){ .port = 0 };
	if (!failed) {
		_cleanup_free_ char *port = take_part(parts, CURLUPART_PORT, CURLU_DEFAULT_PORT);

		u->url = take_part(parts, CURLUPART_URL, 0);
		u->scheme = take_part(parts, CURLUPART_SCHEME, 0);
		u->host = take_host(parts);
		u->path = take_part(parts, CURLUPART_PATH, 0);
		u->port = (int)strtol(port, NULL, 10);
	}
	curl_url_cleanup(parts);
	return failed ? -1 : 0;
}

void fetch_url_release(struct fetch_url *u)
{
	free(u->url);
	free(u->scheme);
	free(u->host);
	free(u->path);
	*u = (struct fetch_url){ .port = 0 };
}

char *fetch_url_peer(const char *text)
{
	_cleanup_(fetch_url_release) struct fetch_url url = { .port = 0 };

	if (!text || fetch_url_read(&url, NULL, text) < 0 || !*url.host)
		return xstrdup("the server");
	return xasprintf("%s port %d", url.host, url.port);
}
