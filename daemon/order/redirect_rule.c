#include "daemon/order/redirect_rule.h"

#include "base/buf.h"

#define PLACEHOLDER "certera.example.org"

static const struct {
	const char *file, *text;
} rules[] = {
#include "daemon/order/redirect_rule.inc"
};

/* What servers call themselves. */
static const struct {
	const char *word, *file;
} servers[] = {
	{ "nginx", "nginx.conf" },	     { "openresty", "nginx.conf" }, { "Apache", "apache.conf" },
	{ "Microsoft-IIS", "iis-web.config" }, { "Caddy", "Caddyfile" },    { "haproxy", "haproxy.cfg" },
	{ "lighttpd", "lighttpd.conf" },
};

static const char *file_of(const char *server)
{
	for (size_t i = 0; server && i < ARRAY_SIZE(servers); i++)
		if (strcasestr(server, servers[i].word))
			return servers[i].file;
	return NULL;
}

static char *fill_in(const char *text, const char *hostname)
{
	struct buf out = BUF_INIT;
	const char *at;

	for (; (at = strstr(text, PLACEHOLDER)); text = at + strlen(PLACEHOLDER)) {
		buf_add(&out, text, (size_t)(at - text));
		buf_add_str(&out, hostname);
	}
	buf_add_str(&out, text);
	return buf_detach(&out);
}

json_t *redirect_rule(const char *server, const char *hostname)
{
	const char *file = file_of(server);
	json_t *list = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		_cleanup_free_ char *text = fill_in(rules[i].text, hostname);

		if (!file || str_eq(file, rules[i].file))
			json_put_str(list, rules[i].file, text);
	}
	return list;
}

char *redirect_rule_short(const char *rule)
{
	_cleanup_strv_ char **lines = strv_split(rule, "\n");
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < strv_len(lines); i++)
		if (lines[i][0] != '#')
			buf_addf(&out, "%s%s", out.len ? "\n" : "", lines[i]);
	return buf_detach(&out);
}
