#include "pki/file/mailbox.h"

#include <ctype.h>

#include "pki/identifier.h"

#define LOCAL_MOST 64		/* RFC 5321 section 4.5.3.1 */
#define ADDRESS_MOST 254

/* What stands between < and >, or all of it; owned. */
static char *inner_address(const char *text)
{
	const char *open = strrchr(text, '<');
	const char *close = open ? strchr(open, '>') : NULL;

	return close && !close[1] ? xstrndup(open + 1, (size_t)(close - open - 1)) : xstrdup(text);
}

/* A dot-atom (RFC 5321 section 4.1.2); quoted local parts are nobody's. */
static bool is_local_part(const char *text, size_t len)
{
	if (!len || len > LOCAL_MOST || text[0] == '.' || text[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (!isalnum(c) && !strchr("!#$%&'*+-/=?^_`{|}~.", c))
			return false;
		if (c == '.' && text[i + 1] == '.')
			return false;
	}
	return true;
}

static bool is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] > 0x7e)
			return false;
	return true;
}

char *mailbox_address(const char *text, struct err *e)
{
	_cleanup_free_ char *inner = inner_address(text), *domain = NULL;
	const char *at = strrchr(inner, '@');
	char *address;

	if (at && !is_ascii(inner, (size_t)(at - inner))) {
		err_set(e, ERR_INVALID, "the address \"%.100s\" has other letters than ASCII before the @", text);
		err_hint(e, "Mail servers take such addresses only with SMTPUTF8, which is not supported.");
		return NULL;
	}
	if (!at || !is_local_part(inner, (size_t)(at - inner))) {
		err_set(e, ERR_INVALID, "\"%.100s\" is not an e-mail address", text);
		return NULL;
	}
	domain = str_eq(at + 1, "localhost") ? xstrdup(at + 1) : identifier_normal(at + 1, e);
	if (!domain || identifier_is_ip(domain) || *domain == '*' || strlen(inner) > ADDRESS_MOST) {
		err_set(e, ERR_INVALID, "\"%.100s\" is not an e-mail address: its domain is no name", text);
		return NULL;
	}
	address = xasprintf("%.*s@%s", (int)(at - inner), inner, domain);
	return address;
}
