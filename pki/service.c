#include "pki/service.h"

#include <ctype.h>

#include "pki/identifier.h"

#define TYPED_MAX 1000
#define LABEL_MAX 63
#define BLANKS " \t\r\n"

static const struct service_known {
	const char *scheme;
	int port;
	const char *starttls;
} services[] = {
#define SERVICE(scheme, port, starttls) { #scheme, port, starttls },
#include "pki/service.def"
#undef SERVICE
};

static int refuse(struct err *e, const char *line, const char *why)
{
	return err_set(e, ERR_INVALID, "\"%.100s\" is no site: %s", line, why);
}

static const struct service_known *find(const char *scheme, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		if (strlen(services[i].scheme) == len && !strncasecmp(services[i].scheme, scheme, len))
			return &services[i];
	return NULL;
}

static int unknown_scheme(struct err *e, const char *line, const char *scheme, size_t len)
{
	if (len == 4 && !strncasecmp(scheme, "http", 4))
		return refuse(e, line, "there is no TLS with http; write https://");
	err_set(e, ERR_INVALID, "\"%.100s\" is no site: the scheme %.*s is not known", line, (int)MIN(len, 20), scheme);
	return err_hint(e, "Known are https, smtp, submission, imap, pop3, ldap, postgres and xmpp (with STARTTLS), "
			   "smtps, imaps, pop3s, ldaps and tls.");
}

/* Inside a house a single word will do for a name. */
static bool is_label(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-')
			return false;
	return len && len <= LABEL_MAX && text[0] != '-' && text[len - 1] != '-' && text[strspn(text, "0123456789")];
}

static char *read_host(const char *line, const char *host, struct err *e)
{
	char *normal;

	if (is_label(host)) {
		normal = xstrdup(host);
		for (char *p = normal; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		return normal;
	}
	normal = identifier_normal(host, e);
	if (!normal)
		err_reword(e, "a name for a certificate", "the name of a server");
	if (normal && identifier_is_wildcard(normal)) {
		refuse(e, line, "an asterisk stands for many hosts; name one");
		free(normal);
		return NULL;
	}
	return normal;
}

static int read_port(const char *line, const char *text, int *port, struct err *e)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end || n < 1 || n > 65535)
		return refuse(e, line, "behind the colon a port from 1 to 65535 is expected");
	*port = (int)n;
	return 0;
}

/* host, host:port, [2001:db8::1]:port; a bare IPv6 address has no port. */
static int read_place(struct service *s, const char *line, char *place, struct err *e)
{
	char *bracket = *place == '[' ? strchr(place, ']') : NULL;
	char *colon = strchr(bracket ? bracket : place, ':');

	if (*place == '[' && !bracket)
		return refuse(e, line, "the closing bracket is missing");
	if (bracket && bracket[1] && bracket[1] != ':')
		return refuse(e, line, "there is something behind the bracket");
	if (!bracket && colon && strchr(colon + 1, ':'))
		colon = NULL;
	if (colon && read_port(line, colon + 1, &s->port, e) < 0)
		return -1;
	if (colon)
		*colon = '\0';
	s->host = read_host(line, place, e);
	return s->host ? 0 : -1;
}

int service_parse(struct service *s, const char *typed, struct err *e)
{
	const char *start = typed + strspn(typed, BLANKS);
	_cleanup_free_ char *line = xstrdup(start), *place = NULL;
	size_t len = strlen(line);
	const char *behind = strstr(line, "://");
	const struct service_known *known = behind ? find(line, (size_t)(behind - line)) : find("https", 5);

	*s = (struct service){ .scheme = NULL };
	while (len && strchr(BLANKS, line[len - 1]))
		line[--len] = '\0';
	if (!len)
		return err_set(e, ERR_INVALID, "the line is empty; a host is expected");
	if (len > TYPED_MAX)
		return refuse(e, line, "it is far too long");
	if (!known)
		return unknown_scheme(e, line, line, (size_t)(behind - line));
	place = xstrdup(behind ? behind + 3 : line);
	if (strchr(place, '@'))
		return refuse(e, line, "a user name has no place here");
	place[strcspn(place, "/?#")] = '\0';
	s->scheme = known->scheme;
	s->starttls = known->starttls;
	s->port = known->port;
	return read_place(s, line, place, e);
}

void service_release(struct service *s)
{
	free(s->host);
	*s = (struct service){ .scheme = NULL };
}

char *service_name(const struct service *s)
{
	bool https = str_eq(s->scheme, "https"), v6 = strchr(s->host, ':');
	bool usual = s->port == find(s->scheme, strlen(s->scheme))->port;
	_cleanup_free_ char *port = usual ? xstrdup("") : xasprintf(":%d", s->port);

	return xasprintf("%s%s%s%s%s%s", https ? "" : s->scheme, https ? "" : "://", v6 ? "[" : "", s->host,
			 v6 ? "]" : "", port);
}
