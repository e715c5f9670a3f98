#include "pki/identifier.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <idn2.h>

#include "base/buf.h"

#define LABEL_MAX 63
#define NAME_MAX_LEN 253
#define TYPED_MAX 1000
#define SEPARATORS "\n\r\t,; "

/* What a person typed, fit for a sentence: bounded, and without control characters. */
struct shown {
	char text[100];
};

static struct shown shown(const char *typed)
{
	struct shown s;
	size_t len = 0;

	for (; *typed && len < sizeof(s.text) - 4; typed++)
		s.text[len++] = iscntrl((unsigned char)*typed) ? '?' : *typed;
	if (*typed) {
		while (len && ((unsigned char)s.text[len - 1] & 0x80)) /* no half of a UTF-8 sequence */
			len--;
		memcpy(s.text + len, "...", 3);
		len += 3;
	}
	s.text[len] = '\0';
	return s;
}

static char *refuse(struct err *e, const char *typed, const char *why)
{
	err_set(e, ERR_INVALID, "\"%s\" is not a name for a certificate: %s", shown(typed).text, why);
	return NULL;
}

/* The canonical text of an IP address, in brackets or not; NULL if it is none. */
static char *ip_normal(const char *typed)
{
	unsigned char bytes[16];
	char text[INET6_ADDRSTRLEN];
	size_t len = strlen(typed);
	_cleanup_free_ char *inner = NULL;

	if (len > 2 && typed[0] == '[' && typed[len - 1] == ']')
		inner = xstrndup(typed + 1, len - 2);
	if (!inner && inet_pton(AF_INET, typed, bytes) == 1)
		return xstrdup(inet_ntop(AF_INET, bytes, text, sizeof(text)));
	if (inet_pton(AF_INET6, inner ? inner : typed, bytes) == 1)
		return xstrdup(inet_ntop(AF_INET6, bytes, text, sizeof(text)));
	return NULL;
}

/* What people paste in place of a name gets a sentence of its own. */
static const char *pasted(const char *typed)
{
	if (strstr(typed, "://"))
		return "this is a URL; enter only the host name in it, without scheme and path";
	if (strchr(typed, '/'))
		return "it contains a slash; enter only the host name, without a path";
	if (strchr(typed, '@'))
		return "this is an e-mail address; enter a host name";
	if (strchr(typed, '[') || strchr(typed, ']') || strchr(typed, ':'))
		return "it is no IPv6 address, and a name is entered without a port";
	if (strchr(typed, '*'))
		return "an asterisk is only possible as the whole first label, as in *.example.org";
	if (strchr(typed, '_'))
		return "CAs do not issue for names with an underscore";
	return NULL;
}

static const char *label_fault(const char *label, size_t len)
{
	if (!len)
		return "there is an empty part between two dots, or a dot at the start";
	if (len > LABEL_MAX)
		return "a part between two dots is longer than 63 characters";
	if (label[0] == '-' || label[len - 1] == '-')
		return "a part between two dots starts or ends with a hyphen";
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)label[i]) && label[i] != '-')
			return "only letters, digits, hyphens and dots are possible";
	return NULL;
}

/* Letters, digits, hyphens (RFC 1123 section 2.1), and what CAs ask for beyond. */
static const char *name_fault(const char *name)
{
	const char *label = name, *dot, *fault;

	if (strlen(name) > NAME_MAX_LEN)
		return "it is longer than 253 characters";
	for (; (dot = strchr(label, '.')); label = dot + 1)
		if ((fault = label_fault(label, (size_t)(dot - label))))
			return fault;
	if ((fault = label_fault(label, strlen(label))))
		return fault;
	if (!label[strspn(label, "0123456789")])
		return "it ends in a number, but is no IP address";
	if (label == name)
		return "it is a single word; CAs issue only for full names such as www.example.org";
	return NULL;
}

/* A name without "*." in A-labels, lower case, without its final dot. */
static char *ascii_name(const char *typed, const char *name, struct err *e)
{
	char *mapped = NULL, *ascii;
	int ret = idn2_to_ascii_8z(name, &mapped, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	size_t len;

	if (ret == IDN2_TOO_BIG_LABEL)
		return refuse(e, typed, "a part between two dots is longer than 63 characters");
	if (ret == IDN2_TOO_BIG_DOMAIN)
		return refuse(e, typed, "it is longer than 253 characters");
	if (ret != IDN2_OK)
		return refuse(e, typed, idn2_strerror(ret));
	ascii = xstrdup(mapped);
	idn2_free(mapped);
	len = strlen(ascii);
	if (len && ascii[len - 1] == '.')
		ascii[len - 1] = '\0';
	for (char *p = ascii; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return ascii;
}

char *identifier_normal(const char *typed, struct err *e)
{
	const char *start = typed ? typed + strspn(typed, SEPARATORS) : "", *fault;
	_cleanup_free_ char *trimmed = xstrdup(start), *ascii = NULL;
	bool wildcard = str_starts(trimmed, "*.");
	const char *name = wildcard ? trimmed + 2 : trimmed;
	size_t len = strlen(trimmed);
	char *ip;

	while (len && strchr(SEPARATORS, trimmed[len - 1]))
		trimmed[--len] = '\0';
	if (!len) {
		err_set(e, ERR_INVALID, "the name is empty");
		return NULL;
	}
	if (len > TYPED_MAX)
		return refuse(e, trimmed, "it is far too long");
	if ((ip = ip_normal(trimmed)))
		return ip;
	if ((fault = pasted(name)))
		return refuse(e, trimmed, fault);
	if (!(ascii = ascii_name(trimmed, name, e)))
		return NULL;
	if ((fault = name_fault(ascii)))
		return refuse(e, trimmed, fault);
	if (!wildcard)
		return TAKE(ascii);
	if (strlen(ascii) + 2 > NAME_MAX_LEN)
		return refuse(e, trimmed, "it is longer than 253 characters");
	return xasprintf("*.%s", ascii);
}

char **identifier_list_of(char *const *typed, struct err *e)
{
	_cleanup_strv_ char **list = NULL;

	for (; typed && *typed; typed++) {
		_cleanup_free_ char *name = identifier_normal(*typed, e);

		if (!name)
			return NULL;
		if (strv_has(list, name))
			continue;
		if (strv_len(list) == IDENTIFIERS_MAX) {
			err_set(e, ERR_INVALID, "these are more than %d names, the most that fit in one certificate",
				IDENTIFIERS_MAX);
			return NULL;
		}
		strv_add(&list, name);
	}
	if (!list)
		err_set(e, ERR_INVALID, "no name is given; at least one is needed");
	return TAKE(list);
}

char **identifier_split(const char *typed)
{
	return strv_split(typed ? typed : "", SEPARATORS);
}

char **identifier_list(const char *typed, struct err *e)
{
	_cleanup_strv_ char **pieces = identifier_split(typed);

	return identifier_list_of(pieces, e);
}

bool identifier_is_ip(const char *normal)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, normal, bytes) == 1 || inet_pton(AF_INET6, normal, bytes) == 1;
}

bool identifier_is_wildcard(const char *normal)
{
	return str_starts(normal, "*.");
}

const char *identifier_base(const char *normal)
{
	return identifier_is_wildcard(normal) ? normal + 2 : normal;
}

char *identifier_display(const char *normal)
{
	const char *base = identifier_base(normal);
	char *unicode = NULL, *text;

	if (!strstr(base, "xn--") || idn2_to_unicode_8z8z(base, &unicode, 0) != IDN2_OK)
		return xstrdup(normal);
	text = xasprintf("%s%s", identifier_is_wildcard(normal) ? "*." : "", unicode);
	idn2_free(unicode);
	return text;
}

bool identifier_covers(const char *pattern, const char *host)
{
	const char *dot;

	if (!strcasecmp(pattern, host))
		return true;
	if (!identifier_is_wildcard(pattern) || identifier_is_ip(host))
		return false;
	dot = strchr(host, '.');
	return dot && dot != host && !strcasecmp(dot + 1, identifier_base(pattern));
}
