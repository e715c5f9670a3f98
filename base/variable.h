/* Lines NAME=VALUE for the environment of hooks: which of them there may be.  The names are in variable.def. */
#ifndef BASE_VARIABLE_H
#define BASE_VARIABLE_H

#include "base/err.h"

/*
 * Whose line it is: certera.yaml's, for all certificates; one certificate's; or one of all that a script is run with.
 */
enum variable_of { VARIABLE_CONFIGURED, VARIABLE_OWN, VARIABLE_RUN };

/* -1 with ERR_INVALID: it is no such line, or has a name that must not be set.  Never shows the value. */
int variable_check(const char *line, enum variable_of, struct err *);
/* Does one of the lines set the variable that this line sets? */
bool variable_is_set(char *const *lines, const char *line);
/* How long is the line's name? */
size_t variable_name_len(const char *line);

#endif
