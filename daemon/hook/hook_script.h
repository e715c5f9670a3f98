/* What a hook is made of: a script that may run, its arguments, its environment.  hook.h runs it. */
#ifndef DAEMON_HOOK_HOOK_SCRIPT_H
#define DAEMON_HOOK_HOOK_SCRIPT_H

#include "base/err.h"

/*
 * The path of a script that may be run (owned), else NULL and why not: it, its directory and all above that must belong
 * to root or to us, and nobody else may write them.
 */
char *hook_path(const char *directory, const char *script, struct err *);

/*
 * The environment that a call begins with: the lines of certera.yaml, then the certificate's own (a text of lines,
 * NULL: none), which replace none of these, and HOOK_OWN, which has the names of the latter.  secrets: the values of
 * both.  -1 if there is a line that must not be there.  The rest is put with hook_put_line().
 */
#define HOOK_OWN "CERTERA_OWN"
int hook_environment(char *const *configured, const char *own, char ***environment, char ***secrets, struct err *);
/* A line NAME=VALUE, in the place of the one with that name. */
void hook_put_line(char ***environment, const char *line);
/* Lines that are done with are wiped, and still the caller's to free. */
void hook_wipe_lines(char *const *lines);

/* A text with blanks and "quotes" as arguments; NULL if a quote does not end.  Owned. */
char **hook_split(const char *text, struct err *);

/* The lines of what a hook printed, each behind its name, the middle of many left out; owned. */
char **hook_lines(const char *name, const char *output);

#endif
