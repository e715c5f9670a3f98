/* What a hook is made of: a script that may run, its arguments, its environment.  hook.h runs it. */
#ifndef DAEMON_HOOK_SCRIPT_H
#define DAEMON_HOOK_SCRIPT_H

#include "base/err.h"

/*
 * The path of a script that may be run (owned), else NULL and why not: it, its directory and all above that must belong
 * to root or to us, and nobody else may write them.
 */
char *hook_path(const char *directory, const char *script, struct err *);

/*
 * An environment in the making: a line NAME=VALUE replaces the one of that name; the values of an operator's lines are
 * the secrets of a call; lines that are done with are wiped (and still the caller's to free).
 */
void hook_put_line(char ***environment, const char *line);
void hook_secrets(char *const *environment, char ***secrets);
void hook_wipe_lines(char *const *lines);

/* A text with blanks and "quotes" as arguments; NULL if a quote does not end.  Owned. */
char **hook_split(const char *text, struct err *);

#endif
