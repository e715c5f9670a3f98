#include "base/variable.h"

#include <ctype.h>

#define SHOWN 60	/* of a name in a sentence */

enum who { NOBODY, CONFIG, CERTERA };

static const struct reserved {
	const char *name;
	enum who who;
	const char *why;
} reserved[] = {
#define VARIABLE(name, who, why) { name, who, why },
#include "base/variable.def"
#undef VARIABLE
};

size_t variable_name_len(const char *line)
{
	return strcspn(line, "=");
}

static bool is_line(const char *line)
{
	size_t len = 0;

	while (isalnum((unsigned char)line[len]) || line[len] == '_')
		len++;
	return len && !isdigit((unsigned char)*line) && line[len] == '=';
}

static bool fits(const char *pattern, const char *name, size_t len)
{
	size_t fixed = strcspn(pattern, "*");

	return !strncmp(pattern, name, MIN(fixed, len)) && (pattern[fixed] ? len >= fixed : len == fixed);
}

static const struct reserved *find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (fits(reserved[i].name, name, len))
			return &reserved[i];
	return NULL;
}

int variable_check(const char *line, enum variable_of of, struct err *e)
{
	size_t len = variable_name_len(line);
	const struct reserved *found;

	if (!is_line(line) || (of == VARIABLE_OWN && strpbrk(line, "\r\n")))
		return err_set(e, ERR_INVALID, "a line is not like NAME=VALUE");	/* it may be a secret */
	found = find(line, len);
	if (!found || (found->who == CONFIG && of != VARIABLE_OWN) || (found->who == CERTERA && of == VARIABLE_RUN))
		return 0;
	err_set(e, ERR_INVALID, "%.*s cannot be set%s: it %s", (int)MIN(len, SHOWN), line,
		found->who == CONFIG ? " for one certificate" : "", found->why);
	return err_hint(e, found->who == CONFIG ? "Only certera.yaml can set it, for all certificates." :
						  "If a script needs it, let the script set it.");
}

bool variable_is_set(char *const *lines, const char *line)
{
	size_t len = variable_name_len(line);

	for (; lines && *lines; lines++)
		if (variable_name_len(*lines) == len && !strncmp(*lines, line, len))
			return true;
	return false;
}
