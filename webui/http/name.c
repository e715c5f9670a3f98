#include "webui/http/name.h"

#define NAME_MOST 100
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

int name_check(const char *name, struct err *e)
{
	size_t len = strlen(name);

	if (len && len <= NAME_MOST && *name != '.' && *name != '-' && strspn(name, NAME_CHARACTERS) == len)
		return 0;
	err_set(e, ERR_INVALID, "\"%.40s\" cannot be a name", name);
	return err_hint(e, "A name has 1 to %d letters, digits, dots, dashes and underscores; no dot or dash is first.",
			NAME_MOST);
}
