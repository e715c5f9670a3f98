#include "webui/cert/companion.h"

#include "base/base.h"
#include "pki/identifier.h"
#include "store/ledger.h"

/* NULL: none.  Owned. */
static char *companion(const char *name)
{
	_cleanup_free_ char *domain = identifier_is_ip(name) ? NULL : ledger_domain(name);

	if (!domain)
		return NULL;
	if (identifier_is_wildcard(name) || str_starts(name, "www."))
		return xstrdup(strchr(name, '.') + 1);
	return str_eq(domain, name) ? xasprintf("www.%s", name) : NULL;
}

static bool is_covered(char *const *names, const char *host)
{
	for (; *names; names++)
		if (identifier_covers(*names, host))
			return true;
	return false;
}

char **companions_of(char *const *names)
{
	char **list = NULL;

	for (char *const *name = names; name && *name; name++) {
		_cleanup_free_ char *other = companion(*name);

		if (other && !is_covered(names, other) && !strv_has(list, other))
			strv_add(&list, other);
	}
	return list;
}
